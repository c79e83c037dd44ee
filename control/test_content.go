package control

import "strings"

// matchTest parses what follows `if match`.
func (p *parser) matchTest() Test {
	p.accept("=")
	return p.patterns()
}

// contentTest parses `content = RE`, `content != RE`, `content [not] match RE` and `content [not] changed`.
func (p *parser) contentTest() Test {
	next := p.peek()
	if next.is("not") {
		next = p.ahead(1)
	}
	if next.is("changed") {
		not := p.accept("not")
		p.accept("changed")
		return &Changed{Value: "content", Not: not}
	}
	return p.contentMatch()
}

// contentMatch parses what follows `content` in a test or behind `ignore`.
func (p *parser) contentMatch() *Content {
	not := p.matchSign()
	c := p.patterns()
	c.Not = not
	return c
}

// matchSign takes the sign before an expression; true is "must not match".
func (p *parser) matchSign() bool {
	not := p.accept("not")
	switch {
	case !not && p.accept("!=", "ne", "notequal"):
		return true
	case p.accept("=", "==", "eq", "equal", "match", "matches", "matching"):
	default:
		p.expected("=, != or match")
	}
	return not
}

// patterns takes an expression. One that begins with / names a file of them, quoted or not, as in Monit.
func (p *parser) patterns() *Content {
	if t := p.peek(); strings.HasPrefix(t.text, "/") && (t.kind == quotedText || t.kind == bareWord) {
		return &Content{File: p.path()}
	}
	pattern := p.regex()
	return &Content{Patterns: []string{pattern}}
}

// matching takes the sign and the expression that a body must match, or not.
func (p *parser) matching() (pattern string, not bool) {
	not = p.matchSign()
	return p.regex(), not
}
