package discover

import (
	"fmt"
	"strings"
)

// names gives out each name once.
type names struct{ taken map[string]bool }

func newNames() *names { return &names{map[string]bool{}} }

// unique returns a name made of letters, digits and the signs that a control file takes in a bare word.
func (n *names) unique(wanted string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
			return r
		}
		return '_'
	}, wanted)
	clean = strings.Trim(clean[:min(len(clean), 60)], "_-.")
	if clean == "" || clean[0] >= '0' && clean[0] <= '9' {
		clean = "service_" + clean
	}
	name := clean
	for i := 2; n.taken[name]; i++ {
		name = fmt.Sprintf("%s_%d", clean, i)
	}
	n.taken[name] = true
	return name
}

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}
