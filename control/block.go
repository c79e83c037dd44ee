package control

import (
	"strings"
	"unicode/utf8"
)

// block parses `{ NAME: VALUE [,] … }` with the rows of a table, each of which reads its value.
func (p *parser) block(what string, rows map[string]func()) {
	p.expect("{")
	for !p.failed && !p.accept("}") {
		if p.accept(",") {
			continue
		}
		name, t := p.optionName()
		row, known := rows[name]
		if !known {
			p.unknownOption(t, what, name, sortedKeys(rows))
			return
		}
		row()
	}
}

func (p *parser) unknownOption(t token, what, name string, names []string) {
	if p.failed {
		return
	}
	if name == "" || t.kind != bareWord {
		p.fail(t, "", "expected %s or }, found %s", what, describe(t))
		return
	}
	p.fail(t, hints(didYouMean(name, names), "allowed here: "+strings.Join(names, ", ")), "%s is no %s", quote(name), what)
}

// optionName takes `NAME:` or `NAME :` in lower case. What stands right behind the colon is read next.
func (p *parser) optionName() (string, token) {
	t := p.peek()
	if t.kind != bareWord {
		return "", t
	}
	name, rest, colon := strings.Cut(t.text, ":")
	p.take()
	switch {
	case colon && rest != "":
		p.rewind(t, len(name)+1)
	case !colon && strings.HasPrefix(p.front().text, ":"):
		p.rewind(p.front(), 1)
	case !colon:
		p.accept("=")
	}
	return strings.ToLower(name), t
}

// rewind makes the parser go on n bytes behind the beginning of a token, in its line.
func (p *parser) rewind(t token, n int) {
	p.queue = p.queue[:0]
	off := t.off + n
	p.lex = lexer{src: p.src, off: off, line: t.line, col: t.col + utf8.RuneCountInString(p.src.text[t.off:off]), counted: off, begun: true}
}

// raw takes everything between two brackets as it is: what stands there follows rules of its own.
func (p *parser) raw(opening, closing string) (text string, found bool) {
	t := p.peek()
	if !t.is(opening) {
		p.expected(quote(opening))
		return "", false
	}
	text, _, found = strings.Cut(p.src.text[t.off+len(opening):], closing)
	if !found {
		p.fail(t, "", "this bracket is not closed: a %s is missing", closing)
		return "", false
	}
	end := t.off + len(opening) + len(text)
	p.take()
	p.rewind(t, len(opening))
	for p.lex.off < end {
		if p.lex.src.text[p.lex.off] == '\n' {
			p.lex.newline()
			continue
		}
		p.lex.off++
	}
	p.lex.col += utf8.RuneCountInString(p.src.text[p.lex.counted:end])
	p.lex.counted = end
	p.last = p.take()
	return text, true
}
