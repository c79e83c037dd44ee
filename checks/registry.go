// Package checks looks at services: one file a kind of check, one test beside it.
//
// A kind registers itself with the values it yields; from that one declaration come the words usable in `if`, the metric
// metadata, the generated reference and `dialtone kinds`.
package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

// Check looks at one service. Run fills the report; its error means "could not look", which is Unknown and never Critical.
// Run keeps to ctx, is never called twice at once, and may keep state between runs.
type Check interface {
	Validate() error
	Run(ctx context.Context, r *Report) error
}

// Kind is one registered kind of check.
type Kind struct {
	Name    string // the word after `check`
	Doc     string // one paragraph
	Example string // a check statement with rules, as it stands in a control file
	Values  []Value
	Params  []control.Param // what stands behind `check KIND NAME with …`, of a kind that the grammar has no row for
	Found   bool            // its services can be missing: `exist` is a test of it
	Reads   bool            // its services give text: `content` is a test of it
	Dials   bool            // its services have connection tests
	New     func(*control.Service) Check
}

// Value is one value that a kind yields.
//
// A value with an Argument is a family of values that only the service itself can name, as the fields of a plugin: the check reports
// each as "NAME/ARGUMENT", r.Value("field/load", 4), a rule names it behind the phrase, `if field load > 4`, and its series is
// dialtone_<kind>_<Name>{service,<Argument>="load"}.
type Value struct {
	Name     string              // as in reports and samples: memory_bytes gives the series dialtone_<kind>_memory_bytes{service}
	Phrases  []string            // how `if` names it: "memory", "mem"; none: not usable in `if`
	Unit     string              // percent, bytes, seconds, count, boolean, bytes_per_second, …
	Argument string              // the label that tells the values of a family apart; empty: there is one value
	Span     bool                // the argument is the span of a total, `in last 2 hours`: reported as "total_upload_bytes/2h0m0s"
	Type     dialtone.MetricType // "" for a text, which has no series
	Help     string
}

// word is one name of a rule for a value.
func (v Value) word(phrase string) control.Word {
	return control.Word{Phrase: phrase, Unit: v.Unit, Value: v.Name, Argument: v.Argument != "" && !v.Span, Span: v.Span}
}

var kinds []Kind

func register(k Kind) { kinds = append(kinds, k) }

// Kinds returns the registered kinds by name.
func Kinds() []Kind {
	sorted := slices.Clone(kinds)
	slices.SortFunc(sorted, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	return sorted
}

// Declared finds the declaration of a value in a report of a kind, and the argument in its name: "field/load" is the value field with
// the argument load. The zero Value where the kind declares no such value.
func Declared(kind, name string) (v Value, argument string) {
	family, argument, found := strings.Cut(name, "/")
	for _, k := range kinds {
		if k.Name != kind {
			continue
		}
		for _, v := range k.Values {
			if v.Name == family && ((v.Argument != "") == found || v.Type == "") {
				return v, argument
			}
		}
	}
	return Value{}, ""
}

// Vocabulary is what the control file's parser needs to know of the registered kinds.
func Vocabulary() control.Vocabulary {
	v := make(control.Vocabulary, len(kinds))
	for _, k := range kinds {
		var words []control.Word
		for _, value := range k.Values {
			for _, phrase := range value.Phrases {
				words = append(words, value.word(phrase))
			}
		}
		v[k.Name] = control.KindWords{Words: words, Params: k.Params, Found: k.Found, Reads: k.Reads, Dials: k.Dials}
	}
	return v
}

// New makes the check of a service. The error names the service's place when its kind is unknown or its parameters do not hold.
func New(s *control.Service) (Check, error) {
	for _, k := range kinds {
		if k.Name == s.Kind {
			c := k.New(s)
			if err := c.Validate(); err != nil {
				return nil, fmt.Errorf("%s: check %s %s: %w", s.Pos, s.Kind, s.Name, err)
			}
			return c, nil
		}
	}
	return nil, fmt.Errorf("%s: no check of kind %q", s.Pos, s.Kind)
}
