// Package importer writes control files out of what other monitoring systems have: the plugins of a munin-node, the objects of a Nagios,
// the commands of an NRPE. What it writes parses; what could not be carried over stands in it as a comment, with its place.
package importer

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// cycle is the interval that written files count in: that of `set daemon 5`, dialtone's own where a file says nothing else.
const cycle = 5 * time.Second

// page is a control file in the making.
type page struct {
	bytes.Buffer
	taken    map[string]bool // names of services
	services int
	left     []string // what was not carried over
}

func newPage() *page { return &page{taken: make(map[string]bool)} }

// leave notes what is not carried over; place may be empty.
func (p *page) leave(place, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if place != "" {
		text = place + ": " + text
	}
	p.left = append(p.left, text)
}

// finish appends what was left out.
func (p *page) finish() []byte {
	if p.services == 0 {
		p.WriteString("# Nothing was found to watch.\n")
	}
	if len(p.left) > 0 {
		p.WriteString("\n# Not carried over:\n")
		for _, text := range p.left {
			p.WriteString("#   " + plain(text) + "\n")
		}
	}
	return p.Bytes()
}

// name gives out a service name made of what a bare word takes, each once.
func (p *page) name(parts ...string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
			return r
		}
		return '_'
	}, strings.Join(parts, "_"))
	clean = strings.Trim(clean[:min(len(clean), 100)], "_-.")
	if clean == "" || clean[0] >= '0' && clean[0] <= '9' {
		clean = "service_" + clean
	}
	name := clean
	for i := 2; p.taken[strings.ToLower(name)]; i++ {
		name = fmt.Sprintf("%s_%d", clean, i)
	}
	p.taken[strings.ToLower(name)] = true
	p.services++
	return name
}

// every writes how often a service is looked at; nothing for each cycle.
func (p *page) every(interval time.Duration) {
	if cycles := int(interval / cycle); cycles > 1 {
		fmt.Fprintf(p, "    every %d cycles\n", cycles)
	}
}

// plain makes a text safe for a comment: it is other people's.
func plain(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	const longest = 300
	if len(s) > longest {
		cut := longest
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

var bareWord = regexp.MustCompile(`^/[A-Za-z0-9/._-]*$`)

// word writes a path so that it is read as one; false when no way of writing does that.
func word(s string) (string, bool) {
	if bareWord.MatchString(s) {
		return s, true
	}
	return quoted(s)
}

// quoted writes a string of the control file. In it a backslash keeps a quotation mark from ending it and is otherwise itself, so that
// a backslash before a quotation mark, or at the end, cannot be written.
func quoted(s string) (string, bool) {
	if strings.Contains(s, `\"`) || strings.HasSuffix(s, `\`) || strings.ContainsAny(s, "\n\r\x00") || !utf8.ValidString(s) {
		return "", false
	}
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`, true
}

var safeArgument = regexp.MustCompile(`^[A-Za-z0-9/._:,=%@+~!-]+$`)

// commandLine writes argv as a command of the control file.
func commandLine(argv []string) (string, bool) {
	words := make([]string, len(argv))
	for i, arg := range argv {
		words[i] = arg
		if !safeArgument.MatchString(arg) {
			words[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return quoted(strings.Join(words, " "))
}

// argvOf turns a line that was meant for a shell into argv: its words where a shell would do nothing but divide them, else a shell
// with the line.
func argvOf(line string) []string {
	argv, simple := split(line)
	if !simple {
		return []string{"/bin/sh", "-c", line}
	}
	return argv
}

// split divides a line as sh does. It reports false for a line with anything in it that only a shell can do.
func split(line string) (argv []string, simple bool) {
	var arg strings.Builder
	var open byte
	inWord := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case open == '\'' && c != '\'', open == '"' && !strings.ContainsRune("\"$`\\", rune(c)):
			arg.WriteByte(c)
		case open != 0 && c == open:
			open = 0
		case c == '\\' && i+1 < len(line):
			i++
			if open == '"' && !strings.ContainsRune("\"$`\\", rune(line[i])) {
				arg.WriteByte('\\')
			}
			arg.WriteByte(line[i])
			inWord = true
		case open == 0 && (c == '"' || c == '\''):
			open, inWord = c, true
		case open == 0 && (c == ' ' || c == '\t'):
			if inWord {
				argv = append(argv, arg.String())
				arg.Reset()
			}
			inWord = false
		case strings.IndexByte("$`\\|&;<>()*?[]{}", c) >= 0, !inWord && (c == '~' || c == '#'):
			return nil, false
		default:
			arg.WriteByte(c)
			inWord = true
		}
	}
	if open != 0 {
		return nil, false
	}
	if inWord {
		argv = append(argv, arg.String())
	}
	return argv, true
}

// sorted returns the keys of a map in order.
func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
