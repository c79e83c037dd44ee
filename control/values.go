package control

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
)

// value takes a string or an unquoted word; what says in messages what it should be. Neither `then` nor the first word of
// the next statement is taken for it.
func (p *parser) value(what string) (string, token) {
	for !p.failed && p.front().noise() && !p.endsLine() {
		p.skip()
	}
	t := p.peekRaw()
	if p.failed || !isValue(t) {
		p.expected(what)
		return "", t
	}
	p.take()
	return t.text, t
}

// endsLine reports whether nothing or a comma follows the token here: then it is a value even if it is noise elsewhere.
func (p *parser) endsLine() bool {
	next := p.ahead(1)
	return next.first || next.kind == endOfText || next.is(",")
}

// isValue reports whether a token can be a name, path or the like; numbers are, as they are written.
func isValue(t token) bool {
	switch t.kind {
	case quotedText:
		return true
	case bareWord, numeral:
		return !t.is("then") && (!t.first || !begins(t))
	case endOfText, sign, malformed:
	}
	return false
}

// path takes an absolute path.
func (p *parser) path() string {
	s, t := p.value("a path")
	if !p.failed && (!strings.HasPrefix(s, "/") || strings.ContainsRune(s, 0)) {
		p.warn(t, "write the whole path, from / on", "%s is no absolute path", quote(s))
	}
	return s
}

// name takes a name; words that are noise elsewhere are names here.
func (p *parser) name(what string) (string, token) {
	t := p.peekRaw()
	if p.failed || !isValue(t) {
		p.expected(what)
		return "", t
	}
	p.take()
	s := t.text
	if s == "" || len(s) > 255 || strings.ContainsFunc(s, unicode.IsControl) {
		p.warn(t, "", "%s has 1 to 255 characters, none of them a control character", what)
	}
	return s, t
}

// names takes one or more names with commas between them.
func (p *parser) names(what string) []string {
	var all []string
	for {
		s, _ := p.value(what)
		if p.failed {
			return all
		}
		all = append(all, s)
		if !p.accept(",") {
			return all
		}
	}
}

// count takes a whole number from least to most, without unit.
func (p *parser) count(what string, least, most int) int {
	t := p.peek()
	if t.kind != numeral || t.unit != "" {
		p.expected(what)
		return least
	}
	p.take()
	if t.value != math.Trunc(t.value) || t.value < float64(least) || t.value > float64(most) {
		p.warn(t, "", "%s is a whole number from %d to %d", what, least, most)
		return least
	}
	return int(t.value)
}

// quantity takes a number with a unit, which may be missing: `80%`, `100 MB`, `10 MB/s`, `10 MB per second`, `8 hours`.
// The number is in the base unit of its dimension: percent, bytes, seconds. Written is as it reads in messages.
func (p *parser) quantity() (amount float64, dim dimension, written string) {
	t := p.peek()
	if t.kind != numeral {
		p.expected("a number")
		return 0, aNumber, ""
	}
	p.take()
	spelled := t.unit
	written = strings.TrimSuffix(t.text, t.unit)
	if next := p.peek(); spelled == "" && next.kind == bareWord && !next.first {
		if _, known := units[strings.ToLower(next.text)]; known {
			spelled = p.take().text
		}
	}
	if spelled == "" {
		return t.value, aNumber, written
	}
	u := units[strings.ToLower(spelled)]
	if rate, counted := rates[u.dimension]; counted && p.accept("/s", "second", "s") {
		u.dimension, spelled = rate, spelled+"/s"
	}
	return t.value * u.factor, u.dimension, written + " " + spelled
}

// rates are what `N MB per second` and the like measure.
var rates = map[dimension]dimension{aSize: byteRate, aPacket: eventRate}

// longest is the most that a control file may ask anyone to wait.
const longest = 366 * 24 * time.Hour

// wait takes a duration of at least a millisecond, in seconds where no unit is written.
func (p *parser) wait() time.Duration {
	at := p.peek()
	amount, dim, written := p.quantity()
	if p.failed {
		return 0
	}
	if dim != aTime && dim != aNumber {
		p.warn(at, "write: N seconds, N minutes or N hours", "%s is no time", quote(written))
		return 0
	}
	if amount < 0.001 || amount > longest.Seconds() {
		p.warn(at, "", "%s is no time from 1 millisecond to 366 days", quote(written))
		return 0
	}
	return time.Duration(math.Round(amount*1000)) * time.Millisecond
}

// reason is what an error of another package says, without that package's first words.
func reason(err error) string {
	_, after, found := strings.Cut(err.Error(), ": ")
	if !found {
		return err.Error()
	}
	return after
}

// choice takes one of the words of a table.
func choice[V any](p *parser, what string, table map[string]V) (V, token) {
	t := p.peek()
	v, known := table[strings.ToLower(t.text)]
	if known && (t.kind == bareWord || t.kind == sign) {
		p.take()
		return v, t
	}
	if t.kind == bareWord && !p.failed && (!t.first || !begins(t)) {
		p.fail(t, hints(didYouMean(t.text, sortedKeys(table)), "allowed here: "+strings.Join(sortedKeys(table), ", ")), "%s is no %s", quote(t.text), what)
		return v, t
	}
	p.expected(what + ": " + oneOf(sortedKeys(table)))
	return v, t
}

func sorted(words []string) []string { return slices.Sorted(slices.Values(words)) }
