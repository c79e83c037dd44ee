package checks

import (
	"regexp"
	"slices"

	"github.com/dialtone/dialtone/control"
)

// mostLines is how many lines of one look are kept for each rule: the first show what is wrong, and a flood must not fill the memory.
const mostLines = 100

// sieve keeps the lines of a file that a rule minds, and lets the others go: those that are ignored first, as Monit does.
type sieve struct {
	ignored []minding
	minded  []minding
	kept    []string
}

// minding is one content test with its expressions, and how many lines it still wants.
type minding struct {
	patterns []*regexp.Regexp
	not      bool
	room     int
}

// newSieve makes the sieve of a service for one look; nil where no rule looks at content. The error is that of an expression.
func newSieve(s *control.Service) (*sieve, error) {
	made := &sieve{}
	for _, rule := range s.Rules {
		test, is := rule.Test.(*control.Content)
		if !is {
			continue
		}
		if err := add(&made.minded, test); err != nil {
			return nil, err
		}
	}
	if len(made.minded) == 0 {
		return nil, nil
	}
	for _, test := range s.IgnoreContent {
		if err := add(&made.ignored, test); err != nil {
			return nil, err
		}
	}
	return made, nil
}

func add(to *[]minding, test *control.Content) error {
	patterns, err := Patterns(test)
	*to = append(*to, minding{patterns: patterns, not: test.Not, room: mostLines})
	return err
}

// take looks at one line, which is the caller's: what is kept of it is a copy.
func (s *sieve) take(line []byte) {
	if slices.ContainsFunc(s.ignored, func(m minding) bool { return m.minds(line) }) {
		return
	}
	wanted := false
	for i := range s.minded {
		m := &s.minded[i]
		if m.room > 0 && m.minds(line) {
			m.room--
			wanted = true
		}
	}
	if wanted {
		s.kept = append(s.kept, string(line))
	}
}

// minds reports whether the test speaks of the line: it matches an expression, or with `!=` none.
func (m minding) minds(line []byte) bool {
	matches := slices.ContainsFunc(m.patterns, func(p *regexp.Regexp) bool { return p.Match(line) })
	return matches != m.not
}
