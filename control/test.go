package control

import (
	"slices"
	"strings"
)

// testForm is one row of the table of tests by first word. A test whose first word is in no row compares a value.
type testForm struct {
	trait trait // of the kinds that have this test; the zero value: all
	parse func(p *parser) Test
}

// trait is what a kind of service must have for a test: the grammar's kinds by name, declared ones by what they say.
type trait struct {
	kinds    []string
	declared func(KindWords) bool
}

var (
	// findable are the kinds whose services can be missing.
	findable = trait{[]string{"process", "file", "fifo", "directory", "filesystem"}, func(k KindWords) bool { return k.Found }}
	// readable are the kinds whose services give text.
	readable = trait{[]string{"file", "program"}, func(k KindWords) bool { return k.Reads }}
	// connectable are the kinds with connection tests.
	connectable = trait{[]string{"process", "host"}, func(k KindWords) bool { return k.Dials }}

	pingable  = trait{kinds: []string{"host"}}
	linkable  = trait{kinds: []string{"network"}}
	processes = trait{kinds: []string{"process"}}
)

var testForms = map[string]testForm{
	"not":       {trait{}, (*parser).notTest},
	"exist":     {findable, (*parser).existTest},
	"exists":    {findable, (*parser).existTest},
	"failed":    {trait{}, (*parser).failedTest},
	"succeeded": {trait{}, (*parser).succeededTest},
	"changed":   {trait{}, func(p *parser) Test { return p.changedTest(false) }},
	"content":   {readable, (*parser).contentTest},
	"match":     {readable, (*parser).matchTest},
	"matches":   {readable, (*parser).matchTest},
	"matching":  {readable, (*parser).matchTest},
	"link":      {linkable, (*parser).linkTest},
	"security":  {processes, (*parser).securityTest},
}

func (p *parser) test() Test {
	t := p.peek()
	word := strings.ToLower(t.text)
	form, known := testForms[word]
	if !known || t.kind != bareWord || word == "link" && p.ahead(1).is("errors") {
		return p.compare()
	}
	if p.isValue(word) && !p.kindHas(form.trait) {
		return p.compare()
	}
	p.take()
	p.onlyFor(t, form.trait)
	return form.parse(p)
}

// isValue reports whether a phrase of the service's kind begins with the word.
func (p *parser) isValue(word string) bool {
	for phrase := range p.phrases() {
		if first, _, _ := strings.Cut(phrase, " "); first == word {
			return true
		}
	}
	return false
}

// kindHas reports whether the service's kind has a trait.
func (p *parser) kindHas(has trait) bool {
	if _, own := kinds[p.service.Kind]; own || has.kinds == nil {
		return has.kinds == nil || slices.Contains(has.kinds, p.service.Kind)
	}
	return has.declared != nil && has.declared(p.vocabulary[p.service.Kind])
}

// onlyFor reports a test that the service's kind does not have.
func (p *parser) onlyFor(t token, has trait) {
	if p.kindHas(has) {
		return
	}
	all := slices.Clone(has.kinds)
	for name, words := range p.vocabulary {
		if _, own := kinds[name]; !own && has.declared != nil && has.declared(words) {
			all = append(all, name)
		}
	}
	slices.Sort(all[len(has.kinds):])
	p.warn(t, "only for: "+strings.Join(all, ", "), "a %s has no test %s", p.service.Kind, quote(t.text))
}

func (p *parser) existTest() Test { return &Exist{} }

// notTest parses what follows `if not`.
func (p *parser) notTest() Test {
	t := p.peek()
	switch {
	case p.accept("exist", "exists"):
		p.onlyFor(t, findable)
		return &Exist{Wanted: true}
	case p.accept("match", "matches", "matching"):
		p.onlyFor(t, readable)
		c := p.matchTest()
		if c, is := c.(*Content); is {
			c.Not = true
		}
		return c
	case p.accept("changed"):
		return p.changedTest(true)
	}
	if t.kind == bareWord && p.isValue(strings.ToLower(t.text)) {
		return p.denied()
	}
	p.expected(`"exist", "match" or "changed"`)
	return nil
}

// linkTest parses what follows `if link`.
func (p *parser) linkTest() Test {
	if p.accept("up") {
		return &Link{Up: true}
	}
	if !p.accept("down") {
		p.expected("up or down")
	}
	return &Link{}
}

// attributes are the texts of a kind: what can change, or be other than wanted, beside the numbers of its vocabulary. The
// vocabulary's own name for one wins.
var attributes = map[string][]string{
	"process":    {"uid", "euid", "gid", "security"},
	"file":       {"checksum", "permission", "uid", "gid"},
	"fifo":       {"permission", "uid", "gid"},
	"directory":  {"permission", "uid", "gid"},
	"filesystem": {"fsflags", "permission", "uid", "gid"},
	"network":    {"link"},
}

// attributeNames are those that the tree calls otherwise, and short forms.
var attributeNames = map[string]string{
	"perm": "permission", "md5": "checksum", "sha1": "checksum", "sha256": "checksum", "fsflag": "fsflags", "security attribute": "security", "link": "link_capacity",
}

// changedTest parses what follows `if [not] changed`: a value of the kind, or a text of it.
func (p *parser) changedTest(not bool) Test {
	if t := p.peek(); p.accept("content") {
		p.onlyFor(t, readable)
		return &Changed{Value: "content", Not: not}
	}
	if next := p.ahead(1); next.is("checksum") {
		p.accept("md5", "sha1", "sha256")
	}
	first, phrase, argument := p.phrase()
	if p.failed {
		return nil
	}
	if words := p.words(phrase); len(words) > 0 {
		return &Changed{Value: words[0].Value + argument, Not: not}
	}
	name := phrase
	if other, renamed := attributeNames[phrase]; renamed {
		name = other
	}
	if slices.Contains(attributes[p.service.Kind], name) || slices.Contains(attributes[p.service.Kind], phrase) {
		return &Changed{Value: name, Not: not}
	}
	p.noSuchValue(first, phrase, attributes[p.service.Kind], "")
	return nil
}
