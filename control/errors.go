package control

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxErrors bounds how many errors one load reports: a file of another program would else give one for every word.
const maxErrors = 1000

// excerptBytes is how much of a long line is shown on each side of the place.
const excerptBytes = 100

// Error is one mistake in a control file.
type Error struct {
	Pos     Position
	Message string // what is wrong, in one line
	Hint    string // what to write instead, or what is allowed; may be empty
	Line    string // the source line without its indent; of a long line, the part around the place

	caret int // in Line, in characters
}

// Error prints the place and message, the source line, a caret below the place, and the hint: up to four lines.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Pos, e.Message)
	if e.Line != "" {
		fmt.Fprintf(&b, "\n    %s\n    %s^", e.Line, strings.Repeat(" ", e.caret))
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "\n    %s", e.Hint)
	}
	return b.String()
}

// Errors are all the mistakes of a control file and of the files that it includes, in the order read.
type Errors []*Error

// Error prints every error, one below the other.
func (e Errors) Error() string {
	texts := make([]string, len(e))
	for i, one := range e {
		texts[i] = one.Error()
	}
	return strings.Join(texts, "\n")
}

// source is the text of one file.
type source struct {
	name string
	text string
}

// mark is a place in a source, kept as long as an error may still be found there.
type mark struct {
	src *source
	off int // in bytes
	pos Position
}

// report adds an error at a mark and lets parsing go on.
func (p *parser) report(m mark, hint, format string, args ...any) {
	switch {
	case len(p.errors) > maxErrors:
		return
	case len(p.errors) == maxErrors:
		hint, format, args = "", "more than %d errors: is this a control file?", []any{maxErrors}
	}
	line, caret := excerpt(m.src.text, m.off)
	p.errors = append(p.errors, &Error{Pos: m.pos, Message: printable(fmt.Sprintf(format, args...)), Hint: printable(hint), Line: line, caret: caret})
}

// secrets finds what must not be in logs and events, in the last of its groups that matches: user and password in a URL, what stands
// behind `password` and `secret`, of `allow USER:PASSWORD` the password, and headers that let somebody in.
var secrets = regexp.MustCompile(`(?i)://([^\s"'/]+@)|\b(?:password|secret)(?:[ \t]+|[ \t]*\r?\n[ \t]+)(?:"([^"\n]*)|'([^'\n]*)|([^\s"']\S*))|` +
	`\ballow[ \t]+(?:"[^\s:"]+:([^"\n]*)|'[^\s':]+:([^'\n]*)|["']?[^\s:"'/]+["']?:(?:"([^"\n]*)|'([^'\n]*)|([^\s"']+)))|` +
	`\b(?:authorization|cookie)["']?[ \t]*:[ \t]*([^,\]\n]+)`)

// hidden returns the byte ranges of the secrets in a text.
func hidden(text string) [][2]int {
	var all [][2]int
	for _, groups := range secrets.FindAllStringSubmatchIndex(text, -1) {
		for i := 2; i < len(groups); i += 2 {
			if groups[i] >= 0 {
				all = append(all, [2]int{groups[i], groups[i+1]})
			}
		}
	}
	return all
}

// mask puts a star for every character of a secret, so that the caret below the line stays where it belongs.
func mask(text string) string { return masked(text, 0, hidden(text)) }

// masked is text with stars in the ranges, which count from base bytes before it.
func masked(text string, base int, ranges [][2]int) string {
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		if slices.ContainsFunc(ranges, func(x [2]int) bool { return x[0] <= base+i && base+i < x[1] }) {
			b.WriteByte('*')
		} else if r == utf8.RuneError {
			b.WriteString(text[i : i+size])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// lookAround is how far from a line the word is looked for that makes a secret of something in it.
const lookAround = 2000

// excerpt returns the line around a byte offset, without indent, control characters and secrets, and where in it the offset is.
func excerpt(text string, off int) (line string, caret int) {
	off = min(off, len(text))
	from := max(0, off-excerptBytes)
	if i := strings.LastIndexByte(text[from:off], '\n'); i >= 0 {
		from += i + 1
	}
	to := min(len(text), off+excerptBytes)
	if i := strings.IndexByte(text[off:to], '\n'); i >= 0 {
		to = off + i
	}
	for from < off && !utf8.RuneStart(text[from]) {
		from++
	}
	start := max(0, from-lookAround)
	ranges := hidden(text[start:min(len(text), to+lookAround)])
	before := strings.TrimLeft(printable(masked(text[from:off], from-start, ranges)), " ")
	after := strings.TrimRight(printable(masked(text[off:to], off-start, ranges)), " ")
	return before + after, utf8.RuneCountInString(before)
}

// printable makes tabs spaces and everything else that a terminal would obey a question mark.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\r':
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, s)
}

// quote quotes a word of the file for a message, cut where it is long.
func quote(s string) string {
	const most = 40
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s[:min(len(s), 4*most)])[:most]) + "…"
	}
	return `"` + printable(mask(s)) + `"`
}
