package control

import (
	"slices"
	"strings"
	"time"
)

// compare parses `VALUE OP NUMBER [UNIT]`, where VALUE is a phrase of the vocabulary. A phrase may stand for several values of
// different units, `memory` for a share and for bytes: the unit that is written picks one. A boolean stands alone.
func (p *parser) compare() Test {
	first, phrase, argument := p.phrase()
	if p.failed {
		return nil
	}
	words := p.words(phrase)
	if len(words) == 0 {
		p.noSuchValue(first, phrase, nil, didYouMean(first.text, sortedKeys(testForms)))
		return nil
	}
	if yes := words[0]; yes.Unit == boolean && !p.atComparison() {
		return &Compare{Value: yes.Value + argument, Op: Equal, Threshold: 1}
	}
	op := p.operator()
	at := p.peek()
	amount, dim, written := p.quantity()
	if p.failed {
		return nil
	}
	word, found := pick(words, dim)
	if !found {
		p.wrongUnit(at, phrase, words, dim)
		if words[0].Span {
			p.over()
		}
		return nil
	}
	if word.Unit == "milliseconds" && dim == aTime {
		amount *= 1000
	}
	c := &Compare{Value: word.Value + argument, Op: op, Threshold: amount, Written: written}
	if word.Span {
		c.Over = p.over()
	}
	return c
}

// boolean is the unit of values that are 1 or 0.
const boolean = "boolean"

// atComparison reports whether an operator stands here.
func (p *parser) atComparison() bool {
	t := p.peek()
	return operators[strings.ToLower(t.text)] != "" && (t.kind == sign || t.kind == bareWord)
}

// denied parses `if not VALUE`, of a boolean.
func (p *parser) denied() Test {
	first, phrase, argument := p.phrase()
	if p.failed {
		return nil
	}
	words := p.words(phrase)
	switch {
	case len(words) == 0:
		p.noSuchValue(first, phrase, nil, "")
	case words[0].Unit != boolean:
		p.fail(first, "write: if "+phrase+" OP NUMBER", "%s is a number, which cannot be denied", quote(phrase))
	default:
		return &Compare{Value: words[0].Value + argument, Op: Equal}
	}
	return nil
}

// longestSpan is how far back totals go.
const longestSpan = 24 * time.Hour

// over parses what a total covers: `[in last] [N] minutes|hours|day`.
func (p *parser) over() time.Duration {
	at := p.peek()
	span := time.Duration(0)
	if u, known := units[strings.ToLower(at.text)]; known && at.kind == bareWord && u.dimension == aTime {
		p.take()
		span = time.Duration(u.factor * float64(time.Second))
	} else if at.kind == numeral && p.timeHere() {
		span = p.wait()
	} else {
		p.expected("the time that the total covers: in last N hours")
	}
	if !p.failed && (span < time.Minute || span > longestSpan) {
		p.warn(at, "", "a total covers from 1 minute to 24 hours")
	}
	return span
}

// operator takes a comparison; none is =, as in Monit.
func (p *parser) operator() Op {
	t := p.peek()
	op, known := operators[strings.ToLower(t.text)]
	if known && (t.kind == sign || t.kind == bareWord) {
		p.take()
		return op
	}
	if t.kind != numeral {
		p.expected("an operator (>, <, =, !=, >=, <=)")
	}
	return Equal
}

// phrase takes the words up to an operator or a number, in lower case, without noise and brackets: `CPU usage (user)` is "cpu user".
// Behind a phrase that takes an argument, the argument follows: it is returned as "/ARGUMENT".
func (p *parser) phrase() (first token, phrase, argument string) {
	var words []string
	for {
		t := p.peek()
		if len(words) == 0 {
			first = t
		}
		if p.endsPhrase(t) {
			break
		}
		p.take()
		if t.is("(", ")") {
			continue
		}
		words = append(words, strings.ToLower(t.text))
		phrase = p.known(strings.Join(words, " "))
		if w := p.words(phrase); len(w) > 0 && w[0].Argument {
			return first, phrase, "/" + p.argument()
		}
	}
	if len(words) == 0 {
		p.expected("a test")
	}
	return first, phrase, ""
}

// argument takes the name behind a phrase, quoted or up to the next white space or sign.
func (p *parser) argument() string {
	t := p.peekRaw()
	if p.failed || !isValue(t) {
		p.expected("a name")
		return ""
	}
	p.take()
	return t.text
}

// otherPhrases are words of Monit for values that a vocabulary may know by another.
var otherPhrases = map[string]string{
	"mem": "memory", "totalmem": "total memory", "totalmemory": "total memory", "total mem": "total memory", "totalcpu": "total cpu",
	"loadavg": "loadavg 1min", "loadavg core": "loadavg 1min core", "inodes": "inode", "inodes free": "inode free", "servicetime": "service time",
	"time": "timestamp", "access time": "atime", "modification time": "mtime", "change time": "ctime", "hardlinks": "hardlink",
	"modify time": "mtime", "modification timestamp": "mtime", "modify timestamp": "mtime", "change timestamp": "ctime", "access timestamp": "atime",
	"child": "children", "thread": "threads",
	"total uploaded": "total upload", "total downloaded": "total download", "cpu guest nice": "cpu guestnice",
	"read": "disk read", "write": "disk write", "disk read": "read", "disk write": "write",
}

// known returns the phrase as the vocabulary has it.
func (p *parser) known(phrase string) string {
	table := p.phrases()
	if other, exists := otherPhrases[phrase]; exists && len(table[phrase]) == 0 && len(table[other]) > 0 {
		return other
	}
	return phrase
}

// endsPhrase reports whether a phrase ends before the token. A number inside of brackets or before an operator belongs to it:
// `loadavg (5min) > 4`, `loadavg 5min > 4`.
func (p *parser) endsPhrase(t token) bool {
	switch t.kind {
	case bareWord:
		_, operator := operators[strings.ToLower(t.text)]
		return operator || t.is("then") || t.first && begins(t)
	case numeral:
		next := p.ahead(1)
		return !p.last.is("(") && operators[strings.ToLower(next.text)] == ""
	case sign:
		return !t.is("(", ")")
	case endOfText, quotedText, malformed:
	}
	return true
}

// phrases are the words of the service's kind by phrase, each written as phrase returns it.
func (p *parser) phrases() map[string][]Word {
	if table := p.spoken[p.service.Kind]; table != nil {
		return table
	}
	table := map[string][]Word{}
	for _, w := range p.vocabulary[p.service.Kind].Words {
		phrase := plainPhrase(w.Phrase)
		table[phrase] = append(table[phrase], w)
	}
	p.spoken[p.service.Kind] = table
	return table
}

func (p *parser) words(phrase string) []Word { return p.phrases()[phrase] }

// plainPhrase drops noise and brackets; a phrase of nothing but noise stays.
func plainPhrase(phrase string) string {
	all := strings.Fields(strings.ToLower(strings.NewReplacer("(", " ", ")", " ").Replace(phrase)))
	kept := slices.DeleteFunc(slices.Clone(all), func(w string) bool { return noise[w] })
	if len(kept) == 0 {
		kept = all
	}
	return strings.Join(kept, " ")
}

// noSuchValue reports a phrase that the kind does not know, with the nearest and all that it does know: its vocabulary and more.
// Where no value is near, otherwise is the hint.
func (p *parser) noSuchValue(at token, phrase string, more []string, otherwise string) {
	all := slices.Compact(sorted(append(sortedKeys(p.phrases()), more...)))
	near := didYouMean(phrase, all)
	if near == "" {
		near = otherwise
	}
	has := "a " + p.service.Kind + " has: " + strings.Join(all, ", ")
	if len(all) == 0 {
		has = ""
	}
	p.fail(at, hints(near, has), "a %s has no value %s", p.service.Kind, quote(phrase))
}

// pick chooses the word whose unit is the one written. A bare number is for a plain number first, then for the only word there is, then
// for bytes; bytes may be written for bytes per second, all as in Monit.
func pick(words []Word, written dimension) (Word, bool) {
	wanted := []dimension{written}
	switch {
	case len(words) == 1 && (written == aNumber || words[0].Argument): // what a plugin names is in whatever the plugin counts
		return words[0], true
	case written == aNumber:
		wanted = append(wanted, aSize, byteRate)
	case written == aSize:
		wanted = append(wanted, byteRate)
	}
	for _, dim := range wanted {
		for _, w := range words {
			if measures(w) == dim {
				return w, true
			}
		}
	}
	return Word{}, false
}

// measures returns the dimension of a word's unit.
func measures(w Word) dimension {
	switch w.Unit {
	case "percent":
		return aPercent
	case "bytes":
		return aSize
	case "seconds", "milliseconds":
		return aTime
	case "bytes_per_second":
		return byteRate
	case "packets":
		return aPacket
	}
	if strings.HasSuffix(w.Unit, "per_second") {
		return eventRate
	}
	return aNumber
}

// unitsOf lists what may be written behind the number, for a hint.
func unitsOf(words []Word) string {
	var all []string
	for _, w := range words {
		if form := unitForms[measures(w)]; !slices.Contains(all, form) {
			all = append(all, form)
		}
	}
	return oneOf(all)
}

var unitForms = map[dimension]string{
	aNumber:   "a number without unit",
	aPercent:  "N %",
	aSize:     "N B, N KB, N MB, N GB",
	aTime:     "N seconds, N minutes, N hours, N days",
	aPacket:   "N packets",
	byteRate:  "N KB/s, N MB/s",
	eventRate: "N operations/s",
}

func (p *parser) wrongUnit(at token, phrase string, words []Word, dim dimension) {
	if dim == aNumber {
		p.warn(at, "write "+unitsOf(words), "%s needs a unit", quote(phrase))
		return
	}
	p.warn(at, "write "+unitsOf(words), "%s is not measured in %s", quote(phrase), dim)
}
