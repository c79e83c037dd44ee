package control

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// parser reads statements. Its grammar is tables: statements by their first word, settings by the word after `set`, kinds by the
// word after `check`, tests, connection options and actions by theirs. A new construct is a new row.
//
// The first mistake of a statement sets failed. From then on every look at the input sees the end of the text, so that the
// functions below it return by themselves; the loop over statements then goes on with the next one.
type parser struct {
	vocabulary Vocabulary
	files      *files // nil: nothing can be included
	grammar    map[string]statement

	file     *File
	errors   Errors
	named    map[string]*Service // services by name
	depends  []dependency
	spoken   map[string]map[string][]Word // the vocabulary by kind and plain phrase
	lostName bool                         // a service's name could not be read, so that a name which nobody has may be that one

	input
	service *Service // the check that the following statements belong to
	deaf    bool     // nothing to belong to, and that is reported
	usage   string   // how the present statement is written
	failed  bool

	commandEnds []string // words that end a command without quotation marks, beside those that always do
}

// input is where the parser is in one file. The lexer is ahead by the tokens in queue.
type input struct {
	src   *source
	lex   lexer
	queue []token
	taken int   // tokens taken since the statement began
	last  token // the one taken last
	open  bool  // no bracket closes a block from here on
}

// statement is one row of the grammar.
type statement struct {
	usage     string
	ofService bool // belongs in a check
	parse     func(p *parser, at token)
}

func newInput(src *source) input { return input{src: src, lex: newLexer(src)} }

// statements parses the input to its end.
func (p *parser) statements() {
	for {
		p.failed, p.usage = false, ""
		p.separators()
		p.taken = 0
		t := p.peek()
		if t.kind == endOfText && !p.failed || len(p.errors) > maxErrors {
			return
		}
		p.statement(t)
		if p.failed {
			p.recover()
		}
	}
}

// statement parses one statement, or says why it cannot.
func (p *parser) statement(at token) {
	if p.failed {
		return
	}
	row, known := p.grammar[strings.ToLower(at.text)]
	if !known || at.kind != bareWord {
		p.unknownStatement(at)
		return
	}
	p.usage = row.usage
	if row.ofService && p.service == nil {
		if !p.deaf {
			p.fail(at, "write it below the check that it is for", "%s stands outside of a check", quote(at.text))
		}
		p.deaf, p.failed = true, true
		return
	}
	p.take()
	row.parse(p, at)
}

func (p *parser) unknownStatement(at token) {
	if p.deaf {
		p.failed = true
		return
	}
	var words []string
	for word, row := range p.grammar {
		if !row.ofService || p.service != nil {
			words = append(words, word)
		}
	}
	near := nearest(at.text, words)
	if near == "check" {
		p.service, p.deaf, p.lostName = nil, true, true
	}
	if near == "" {
		p.fail(at, "allowed here: "+strings.Join(sorted(words), ", "), "%s begins no statement", describe(at))
		return
	}
	p.fail(at, `did you mean "`+near+`"?`, "%s begins no statement", describe(at))
}

// recover moves to the next line that begins a statement, or seems meant to.
func (p *parser) recover() {
	p.failed = false
	for p.taken == 0 || !p.atStatement() && !p.nearStatement() {
		t := p.front()
		if t.kind == endOfText {
			return
		}
		if t.is("{") {
			p.skipBlock()
		}
		p.take()
	}
}

// skipBlock moves to the bracket that closes the one here, if there is one: what stands between may look like statements.
func (p *parser) skipBlock() {
	if p.open {
		return
	}
	ahead := p.input
	ahead.queue = append([]token(nil), p.queue...)
	for ahead.front().kind != endOfText {
		if ahead.front().is("}") {
			p.input = ahead
			return
		}
		ahead.take()
	}
	p.open = true
}

// atStatement reports whether a statement begins here at the beginning of a line. Some first words are actions too: they begin a
// statement only before what follows them in one.
func (p *parser) atStatement() bool {
	t := p.front()
	if !t.first || !begins(t) {
		return false
	}
	next := p.ahead(1)
	switch {
	case t.is("start", "stop", "restart"):
		return next.kind == quotedText || next.is("=", "program") || strings.HasPrefix(next.text, "/")
	case t.is("alert"):
		return strings.Contains(next.text, "@")
	case t.is("ignore"):
		return next.is("content", "match", "matching", "not")
	}
	return true
}

// nearStatement reports whether a line begins here with a misspelled first word of a statement.
func (p *parser) nearStatement() bool {
	t := p.front()
	return t.first && t.kind == bareWord && !t.noise() && !begins(t) && nearest(t.text, sortedKeys(firstWords)) != ""
}

// begins reports whether the word may be the first of a statement.
func begins(t token) bool {
	if t.kind != bareWord {
		return false
	}
	return firstWords[strings.ToLower(t.text)]
}

// ahead returns the n-th token from here, noise included, without taking any.
func (in *input) ahead(n int) token {
	for len(in.queue) <= n {
		in.queue = append(in.queue, in.lex.next())
	}
	return in.queue[n]
}

func (in *input) front() token { return in.ahead(0) }

// take moves past the token here and returns it.
func (in *input) take() token {
	t := in.front()
	in.queue = in.queue[:copy(in.queue, in.queue[1:])]
	in.last = t
	in.taken++
	return t
}

// peek returns the next token that is no noise, without taking it.
func (p *parser) peek() token {
	for !p.failed && p.front().noise() {
		p.skip()
	}
	return p.peekRaw()
}

// skip takes the noise here; the last token remains the one that meant something.
func (p *parser) skip() {
	last := p.last
	p.take()
	p.last = last
}

// peekRaw returns the next token as it is: names may be words that are noise elsewhere.
func (p *parser) peekRaw() token {
	if p.failed {
		return token{}
	}
	t := p.front()
	if t.kind == malformed {
		p.fail(t, "", "%s", t.text)
		return token{}
	}
	return t
}

// accept takes the next token if it is one of the keywords.
func (p *parser) accept(words ...string) bool {
	if !p.peek().is(words...) {
		return false
	}
	p.take()
	return true
}

// separators takes the commas that Monit lets stand between the parts of a statement, and brackets that close a test.
func (p *parser) separators() {
	for p.accept(",", ")") {
	}
}

// expect takes the keyword, or fails.
func (p *parser) expect(keyword string) {
	if !p.accept(keyword) {
		p.expected(quote(keyword))
	}
}

// expected fails at the next token because something else should stand there.
func (p *parser) expected(what string) {
	if t := p.peek(); !p.failed {
		p.fail(t, "", "expected %s, found %s", what, describe(t))
	}
}

// fail reports the first mistake of a statement and ends it. The hint is how the statement is written where there is no better.
func (p *parser) fail(t token, hint, format string, args ...any) {
	if p.failed {
		return
	}
	p.failed = true
	if hint == "" && p.usage != "" && t.kind != malformed {
		hint = "write: " + p.usage
	}
	m := p.mark(t)
	if p.taken > 0 && t.off > p.last.off && (t.kind == endOfText || t.first && begins(t)) {
		m = p.afterLast()
	}
	p.report(m, hint, format, args...)
}

// warn reports a mistake that leaves the statement readable, so that the rest of it is read as well.
func (p *parser) warn(t token, hint, format string, args ...any) {
	if !p.failed {
		p.report(p.mark(t), hint, format, args...)
	}
}

func (p *parser) mark(t token) mark { return mark{src: p.src, off: t.off, pos: p.position(t)} }

func (p *parser) position(t token) Position {
	return Position{File: p.src.name, Line: t.line, Col: t.col}
}

// afterLast is the place behind the last token: where something is missing.
func (p *parser) afterLast() mark {
	m := p.mark(p.last)
	if !strings.Contains(p.last.raw, "\n") {
		m.off += len(p.last.raw)
		m.pos.Col += utf8.RuneCountInString(p.last.raw)
	}
	return m
}

// describe names a token for a message.
func describe(t token) string {
	switch {
	case t.kind == endOfText:
		return "the end of the file"
	case t.first && begins(t):
		return fmt.Sprintf("the next statement (%s)", quote(t.raw))
	case t.kind == quotedText:
		return "the string " + quote(t.text)
	}
	return quote(t.raw)
}
