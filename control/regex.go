package control

import (
	"regexp"
	"strings"
)

// regex takes a regular expression, quoted or not, and returns it as Go's regexp package compiles it.
func (p *parser) regex() string {
	s, t := p.expression()
	if p.failed {
		return s
	}
	s = fromPOSIX(s)
	if _, err := regexp.Compile(s); err != nil {
		p.warn(t, "expressions are written as Go's regexp package takes them (RE2)", "%s", reason(err))
	}
	return s
}

// expression takes a string, or an unquoted run up to the next white space: an expression may have brackets and signs in it.
func (p *parser) expression() (string, token) {
	s, t := p.value("a regular expression")
	if p.failed || t.kind == quotedText {
		return s, t
	}
	for next := p.front(); !next.space && !next.first && next.kind != endOfText && next.kind != malformed; next = p.front() {
		s += p.take().raw
	}
	return s, t
}

// fromPOSIX writes an extended regular expression of POSIX, as Monit hands it to regcomp(3), in the syntax of RE2. Monit halves
// backslashes first, so that \. and \\. both mean a dot; \< and \> are GNU's bounds of words; \0xNN is a byte. Brackets stay as they are.
func fromPOSIX(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 1
		switch {
		case s[i] == '[':
			n = bracket(s[i:])
		case s[i] == '\\' && i+1 < len(s):
			n = 2
			if word, found := escapes(s[i:]); found {
				b.WriteString(word.text)
				i += word.taken
				continue
			}
		}
		b.WriteString(s[i : i+n])
		i += n
	}
	return b.String()
}

// escape is what a backslash and what follows it become.
type escape struct {
	text  string
	taken int // bytes
}

// escapes reads what RE2 writes otherwise.
func escapes(s string) (escape, bool) {
	switch {
	case s[1] == '<' || s[1] == '>':
		return escape{`\b`, 2}, true
	case len(s) >= 5 && s[1] == '0' && s[2] == 'x' && isHex(s[3]) && isHex(s[4]):
		return escape{`\x` + s[3:5], 5}, true
	case s[1] == '\\' && len(s) >= 3 && strings.IndexByte(`.[]()*+?{}|^$/-`, s[2]) >= 0:
		return escape{`\` + s[2:3], 3}, true
	}
	return escape{}, false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// bracket returns the length of the bracket expression that s begins with: a ] right behind [ or [^ is one of its characters.
func bracket(s string) int {
	i := 1
	if i < len(s) && s[i] == '^' {
		i++
	}
	if i < len(s) && s[i] == ']' {
		i++
	}
	for i < len(s) {
		switch {
		case s[i] == ']':
			return i + 1
		case s[i] == '\\' && i+1 < len(s):
			i += 2
		case strings.HasPrefix(s[i:], "[:"):
			if end := strings.Index(s[i:], ":]"); end > 0 {
				i += end
			}
			i += 2
		default:
			i++
		}
	}
	return min(i, len(s))
}
