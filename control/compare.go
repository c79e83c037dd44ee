package control

import (
	"slices"
	"strings"
)

// compare parses `VALUE OP NUMBER [UNIT]`, where VALUE is a phrase of the vocabulary. A phrase may stand for several values of
// different units, `memory` for a share and for bytes: the unit that is written picks one.
func (p *parser) compare() Test {
	first, phrase := p.phrase()
	if p.failed {
		return nil
	}
	words := p.words(phrase)
	if len(words) == 0 {
		p.noSuchValue(first, phrase, nil, didYouMean(first.text, sortedKeys(testForms)))
		return nil
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
		return nil
	}
	if word.Unit == "milliseconds" && dim == aTime {
		amount *= 1000
	}
	return &Compare{Value: word.Value, Op: op, Threshold: amount, Written: written}
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
func (p *parser) phrase() (first token, phrase string) {
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
		if !t.is("(", ")") {
			words = append(words, strings.ToLower(t.text))
		}
	}
	if len(words) == 0 {
		p.expected("a test")
	}
	return first, strings.Join(words, " ")
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

// pick chooses the word whose unit is the one written. A bare number is for a plain number first, else for the only word there is.
func pick(words []Word, written dimension) (Word, bool) {
	for _, w := range words {
		if measures(w) == written {
			return w, true
		}
	}
	if written == aNumber && len(words) == 1 {
		return words[0], true
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
