package control

import (
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// testForm is one row of the table of tests by first word. A test whose first word is in no row compares a value.
type testForm struct {
	kinds []string // that have this test; nil: all
	parse func(p *parser) Test
}

// findable are the kinds whose services can be missing.
var findable = []string{"process", "file", "directory", "filesystem"}

// readable are the kinds whose services give text.
var readable = []string{"file", "program"}

// connectable are the kinds with connection tests.
var connectable = []string{"process", "host"}

var testForms = map[string]testForm{
	"not":       {nil, (*parser).notTest},
	"exist":     {findable, (*parser).existTest},
	"exists":    {findable, (*parser).existTest},
	"failed":    {nil, (*parser).failedTest},
	"succeeded": {connectable, (*parser).succeededTest},
	"changed":   {nil, (*parser).changedTest},
	"content":   {readable, (*parser).contentTest},
	"match":     {readable, (*parser).matchTest},
	"matches":   {readable, (*parser).matchTest},
}

func (p *parser) test() Test {
	t := p.peek()
	word := strings.ToLower(t.text)
	if form, known := testForms[word]; known && t.kind == bareWord {
		p.take()
		p.onlyFor(t, form.kinds)
		return form.parse(p)
	}
	if hint, monits := monitsTests[word]; monits && t.kind == bareWord && !p.hasPhrase(word) {
		p.notYet(t, hint)
		return nil
	}
	return p.compare()
}

// onlyFor reports a test that the service's kind does not have.
func (p *parser) onlyFor(t token, kinds []string) {
	if kinds != nil && !slices.Contains(kinds, p.service.Kind) {
		p.warn(t, "only for: "+strings.Join(kinds, ", "), "a %s has no test %s", p.service.Kind, quote(t.text))
	}
}

func (p *parser) existTest() Test { return &Exist{} }

func (p *parser) succeededTest() Test { return p.connection(true) }

func (p *parser) matchTest() Test { return &Content{Patterns: []string{p.patternAfterEqual()}} }

// notTest parses what follows `if not`.
func (p *parser) notTest() Test {
	t := p.peek()
	switch {
	case p.accept("exist", "exists"):
		p.onlyFor(t, findable)
		return &Exist{Wanted: true}
	case p.accept("match", "matches"):
		p.onlyFor(t, readable)
		return &Content{Patterns: []string{p.patternAfterEqual()}, Not: true}
	}
	p.expected(`"exist" or "match"`)
	return nil
}

// contentTest parses `content = RE`, `content != RE`, `content match RE` and `content not match RE`.
func (p *parser) contentTest() Test {
	pattern, not := p.matching()
	return &Content{Patterns: []string{pattern}, Not: not}
}

func (p *parser) matching() (pattern string, not bool) {
	not = p.accept("not")
	switch {
	case p.accept("!=") && !not:
		not = true
	case p.accept("=", "==", "match", "matches"):
	default:
		p.expected("=, != or match")
	}
	return p.regex(), not
}

func (p *parser) patternAfterEqual() string {
	p.accept("=")
	return p.regex()
}

// attributes are the texts of a kind: what can change, or be other than wanted, beside the numbers of its vocabulary. The
// vocabulary's own name for one wins.
var attributes = map[string][]string{
	"process":    {"uid", "euid", "gid"},
	"file":       {"checksum", "permission", "uid", "gid"},
	"directory":  {"permission", "uid", "gid"},
	"filesystem": {"fsflags", "permission", "uid", "gid"},
}

// changedTest parses what follows `if changed`: a value of the kind.
func (p *parser) changedTest() Test {
	p.accept("md5", "sha1", "sha256")
	first, phrase := p.phrase()
	if p.failed {
		return nil
	}
	if words := p.words(phrase); len(words) > 0 {
		return &Changed{Value: words[0].Value}
	}
	if slices.Contains(attributes[p.service.Kind], phrase) {
		return &Changed{Value: phrase}
	}
	if hint, monits := monitsTests[phrase]; monits {
		p.notYet(first, hint)
		return nil
	}
	p.noSuchValue(first, phrase, attributes[p.service.Kind], "")
	return nil
}

// expectForms are the tests `failed X WANTED`, each with the check of what is wanted.
var expectForms = map[string]func(p *parser) string{
	"permission": (*parser).wantedPermission,
	"perm":       (*parser).wantedPermission,
	"uid":        (*parser).wantedOwner,
	"euid":       (*parser).wantedOwner,
	"gid":        (*parser).wantedOwner,
	"checksum":   (*parser).wantedChecksum,
	"md5":        (*parser).wantedChecksum,
	"sha1":       (*parser).wantedChecksum,
	"sha256":     (*parser).wantedChecksum,
}

var expectNames = map[string]string{"perm": "permission", "md5": "checksum", "sha1": "checksum", "sha256": "checksum"}

// failedTest parses what follows `if failed`: a connection, or a text that should be another.
func (p *parser) failedTest() Test {
	t := p.peek()
	name := strings.ToLower(t.text)
	if hint, monits := monitsTests[name]; monits && t.kind == bareWord {
		p.notYet(t, hint)
		return nil
	}
	wanted, known := expectForms[name]
	if !known || t.kind != bareWord {
		return p.failedConnection(t)
	}
	p.take()
	value := name
	if other, renamed := expectNames[name]; renamed {
		value = other
	}
	if !slices.Contains(attributes[p.service.Kind], value) {
		p.warn(t, attributeHint(p.service.Kind), "a %s has no %s", p.service.Kind, quote(name))
	}
	if words := p.words(value); len(words) > 0 {
		value = words[0].Value
	}
	return &Expect{Value: value, Want: wanted(p)}
}

func attributeHint(kind string) string {
	if len(attributes[kind]) == 0 {
		return ""
	}
	return "it has: " + strings.Join(attributes[kind], ", ")
}

func (p *parser) failedConnection(t token) Test {
	if _, option := connectionOptions[strings.ToLower(t.text)]; !option {
		allowed := append(sortedKeys(expectForms), "host", "port", "unixsocket")
		if !p.failed && t.kind == bareWord && !t.first {
			p.fail(t, hints(didYouMean(t.text, allowed), "allowed here: "+strings.Join(sorted(allowed), ", ")), "%s is no test", quote("failed "+t.text))
		}
		p.expected("a test")
		return nil
	}
	p.onlyFor(t, connectable)
	return p.connection(false)
}

// wantedPermission takes octal digits and drops the leading zeros: 0644 is 644.
func (p *parser) wantedPermission() string {
	s, t := p.value("an octal permission")
	n, err := strconv.ParseUint(s, 8, 16)
	if !p.failed && (err != nil || n > 0o7777) {
		p.warn(t, "write it as chmod takes it: 644", "%s is no octal permission", quote(s))
	}
	return strconv.FormatUint(n, 8)
}

func (p *parser) wantedOwner() string {
	s, _ := p.value("a name or number")
	return s
}

// wantedChecksum takes a sum in hexadecimal: 32 digits are MD5, 40 SHA-1, 64 SHA-256.
func (p *parser) wantedChecksum() string {
	p.accept("checksum")
	p.accept("md5", "sha1", "sha256")
	if t := p.peek(); !t.is("expect") && !p.failed {
		p.fail(t, "write: failed checksum expect SUM, or: if changed checksum then ACTION", "this version of dialtone compares with a sum that is written, and there is none")
		return ""
	}
	p.take()
	s, t := p.value("a checksum")
	_, err := hex.DecodeString(s)
	if !p.failed && (err != nil || !slices.Contains([]int{32, 40, 64}, len(s))) {
		p.warn(t, "32 digits are an MD5 sum, 40 a SHA-1 sum, 64 a SHA-256 sum", "%s is no checksum in hexadecimal", quote(s))
	}
	return strings.ToLower(s)
}

// hasPhrase reports whether a phrase of the service's kind begins with the word.
func (p *parser) hasPhrase(word string) bool {
	for phrase := range maps.Keys(p.phrases()) {
		if first, _, _ := strings.Cut(phrase, " "); first == word {
			return true
		}
	}
	return false
}
