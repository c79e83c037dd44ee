package control

import (
	"fmt"
	"regexp"
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
	p.errors = append(p.errors, &Error{Pos: m.pos, Message: printable(mask(fmt.Sprintf(format, args...))), Hint: printable(hint), Line: mask(line), caret: caret})
}

// secrets finds what must not be in logs and events in the second half of its matches: passwords in URLs, behind `password`, and
// of Monit's `allow user:password`.
var secrets = regexp.MustCompile(`(?i)(://|\bpassword\s+["']?|\ballow\s+["']?[^\s:"']+:)([^\s"'/@]+@|[^\s"'@]+)`)

// mask puts a star for every character of a secret, so that the caret below the line stays where it belongs.
func mask(line string) string {
	return secrets.ReplaceAllStringFunc(line, func(found string) string {
		part := secrets.FindStringSubmatch(found)
		open, secret := part[1], part[2]
		if open == "://" && !strings.HasSuffix(secret, "@") {
			return found
		}
		return open + strings.Repeat("*", utf8.RuneCountInString(secret))
	})
}

// excerpt returns the line around a byte offset, without indent and control characters, and where in it the offset is.
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
	before := strings.TrimLeft(printable(text[from:off]), " ")
	after := strings.TrimRight(printable(text[off:to]), " ")
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
	return `"` + printable(s) + `"`
}
