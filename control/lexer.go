package control

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what a token is.
type tokenKind uint8

const (
	endOfText  tokenKind = iota
	bareWord             // an unquoted run: keyword, name, path, URL
	quotedText           // a string
	numeral              // digits, perhaps with a unit right behind them: 80%, 10MB
	sign                 // an operator, comma, bracket
	malformed            // text says what is wrong with it
)

// token is one word of the file.
type token struct {
	kind  tokenKind
	text  string // what it means: a string without its quotes
	raw   string // as written
	value float64
	unit  string // of a number: as written right behind it, else empty
	off   int
	line  int
	col   int
	first bool // the first of its line
	space bool // something stands between it and the token before
}

// is reports whether the token is one of the keywords, which are lower case here and of any case in the file.
func (t token) is(words ...string) bool {
	if t.kind != bareWord && t.kind != sign {
		return false
	}
	for _, w := range words {
		if strings.EqualFold(t.text, w) {
			return true
		}
	}
	return false
}

func (t token) noise() bool {
	return t.kind == bareWord && noise[strings.ToLower(t.text)] || t.kind == sign && t.text == ";"
}

// lexer cuts a source into tokens, one at a time. It is a value: a copy looks ahead without moving the original.
type lexer struct {
	src     *source
	off     int
	line    int
	col     int // of the byte at counted
	counted int
	begun   bool
}

const byteOrderMark = "\ufeff"

func newLexer(src *source) lexer {
	l := lexer{src: src, line: 1, col: 1}
	if strings.HasPrefix(src.text, byteOrderMark) {
		l.off, l.counted = len(byteOrderMark), len(byteOrderMark)
	}
	return l
}

// next returns the next token; after the last one, endOfText for ever.
func (l *lexer) next() token {
	start, line := l.off, l.line
	l.skipBlank()
	l.col += utf8.RuneCountInString(l.src.text[l.counted:l.off])
	l.counted = l.off
	t := token{off: l.off, line: l.line, col: l.col, space: l.off > start, first: l.line > line || !l.begun}
	l.begun = true
	if l.off == len(l.src.text) {
		return t
	}
	switch c := l.src.text[l.off]; {
	case c == '"' || c == '\'':
		l.quoted(&t, c)
	case strings.IndexByte("=<>!", c) >= 0 && l.operator(&t):
	case strings.IndexByte(",;(){}[]", c) >= 0:
		t.kind, t.text = sign, l.src.text[l.off:l.off+1]
		l.off++
	default:
		l.run(&t)
	}
	t.raw = l.src.text[t.off:l.off]
	if t.kind != malformed && !utf8.ValidString(t.raw) {
		t.kind, t.text = malformed, "this is not UTF-8 text: save the file as UTF-8"
	}
	return t
}

// skipBlank moves over white space and comments.
func (l *lexer) skipBlank() {
	for l.off < len(l.src.text) {
		switch l.src.text[l.off] {
		case '\n':
			l.newline()
		case '#':
			if i := strings.IndexByte(l.src.text[l.off:], '\n'); i >= 0 {
				l.off += i
			} else {
				l.off = len(l.src.text)
			}
		default:
			n := blank(l.src.text[l.off:])
			if n == 0 {
				return
			}
			l.off += n
		}
	}
}

func (l *lexer) newline() {
	l.off++
	l.line++
	l.col, l.counted = 1, l.off
}

// blank returns the length of the white space character that s begins with, or 0. Text copied from web pages has no-break
// spaces, which nobody sees: they count.
func blank(s string) int {
	if s[0] < utf8.RuneSelf {
		if s[0] == ' ' || s[0] >= '\t' && s[0] <= '\r' {
			return 1
		}
		return 0
	}
	if r, n := utf8.DecodeRuneInString(s); unicode.IsSpace(r) {
		return n
	}
	return 0
}

// operator takes the longest of = == =~ != !=~ < <= > >= that stands here; a lone ! is none.
func (l *lexer) operator(t *token) bool {
	for _, op := range []string{"!=~", "!=", "==", "=~", "=", "<=", "<", ">=", ">"} {
		if strings.HasPrefix(l.src.text[l.off:], op) {
			t.kind, t.text = sign, op
			l.off += len(op)
			return true
		}
	}
	return false
}

// run takes an unquoted word. A path goes on to a comma, a URL to the next white space; other words end at any sign as well.
func (l *lexer) run(t *token) {
	rest := l.src.text[l.off:]
	stops := ",;=<>(){}[]#"
	if rest[0] == '/' {
		stops = ",;"
	}
	i := 0
	for i < len(rest) {
		c := rest[i]
		if c == '"' || c == '\'' || blank(rest[i:]) > 0 || strings.IndexByte(stops, c) >= 0 {
			break
		}
		if c == '!' && stops[0] == ',' && strings.HasPrefix(rest[i:], "!=") {
			break
		}
		if c == ':' && strings.HasPrefix(rest[i:], "://") {
			stops = "\x00"
		}
		i++
	}
	l.off += i
	t.kind, t.text = bareWord, rest[:i]
	l.classify(t)
}

// classify finds the numbers among the words, and quotation marks that a word processor made.
func (l *lexer) classify(t *token) {
	if strings.ContainsAny(t.text, "“”„‘’«»") {
		t.kind, t.text = malformed, `this is a typographic quotation mark: write " or '`
		return
	}
	digits := len(t.text) - len(strings.TrimLeft(t.text, "0123456789."))
	if digits == 0 || t.text[0] == '.' {
		return
	}
	if strings.HasPrefix(t.text[digits:], "%") { // a word may stand right behind it
		l.off -= len(t.text) - digits - 1
		t.text = t.text[:digits+1]
	}
	suffix := t.text[digits:]
	if _, known := units[strings.ToLower(suffix)]; suffix != "" && !known {
		return
	}
	v, err := strconv.ParseFloat(t.text[:digits], 64)
	if err != nil {
		return
	}
	t.kind, t.value, t.unit = numeral, v, suffix
}

// quoted takes a string, which may span lines. A backslash keeps a quotation mark from ending it and is otherwise left in
// place, for regular expressions and commands.
//
// A string over several lines whose end has a word right behind it was never closed: that end is where the next string
// begins. The error then stands where the string was opened, and reading goes on in the next line.
func (l *lexer) quoted(t *token, mark byte) {
	rest := l.src.text[l.off:]
	end := closing(rest, mark)
	if end < 0 || !separated(rest[end+1:]) && strings.Contains(rest[:end], "\n") {
		t.kind, t.text = malformed, "this string is not closed: a "+string(mark)+" is missing"
		line, _, _ := strings.Cut(rest, "\n")
		l.off += len(line)
		return
	}
	t.kind, t.text = quotedText, strings.ReplaceAll(rest[1:end], `\`+string(mark), string(mark))
	if newline := strings.LastIndexByte(rest[:end], '\n'); newline >= 0 {
		l.line += strings.Count(rest[:end], "\n")
		l.col, l.counted = 1, l.off+newline+1
	}
	l.off += end + 1
}

// closing returns the index of the quotation mark that ends the string which s begins with, or -1.
func closing(s string, mark byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case mark:
			return i
		}
	}
	return -1
}

// separated reports whether s begins with something that may follow a string.
func separated(s string) bool {
	return s == "" || blank(s) > 0 || strings.IndexByte(",;)}]#", s[0]) >= 0
}
