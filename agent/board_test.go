package agent

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dialtone/dialtone/control"
)

// TestNoTwoHealsMeet claims and releases at random on random dependencies: of any two heals in flight, neither service depends on the other.
func TestNoTwoHealsMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, names := randomBoard(t)
		var healing []string
		for range 50 {
			name := rapid.SampledFrom(names).Draw(t, "service")
			if slices.Contains(healing, name) {
				b.release(name)
				healing = slices.DeleteFunc(healing, func(other string) bool { return other == name })
				continue
			}
			if _, err := b.claim(name, control.Restart); err == nil {
				healing = append(healing, name)
			}
			for _, one := range healing {
				for _, other := range healing {
					if slices.Contains(b.ancestors(one), other) {
						t.Fatalf("%s and %s, on which it depends, are healed at once", one, other)
					}
				}
			}
		}
		for _, name := range healing {
			b.release(name)
		}
		if len(b.claims) > 0 {
			t.Fatalf("claims stay: %v", b.claims)
		}
	})
}

func randomBoard(t *rapid.T) (*board, []string) {
	var services []*control.Service
	var names []string
	for i := range rapid.IntRange(1, 8).Draw(t, "services") {
		s := process(fmt.Sprintf("s%d", i))
		for j := range i {
			if rapid.Bool().Draw(t, "depends") {
				s.DependsOn = append(s.DependsOn, control.Reference{Name: names[j]})
			}
		}
		services, names = append(services, s), append(names, s.Name)
	}
	b := newBoard()
	b.rule(file(services...))
	return b, names
}

func TestOrdersTakeAlongWhatTheyMust(t *testing.T) {
	b := newBoard()
	b.rule(file(process("page", "web"), process("web", "db"), process("db"), process("mail")))
	for _, name := range []string{"page", "web", "db", "mail"} {
		b.set(name, false, true)
	}
	down := func(names ...string) {
		for _, name := range names {
			b.set(name, true, false)
		}
	}
	tests := []struct {
		name  string
		given []string
		verb  Verb
		down  []string
		want  []string
	}{
		{"stop what others need", []string{"db"}, Stop, nil, []string{"page", "web", "db"}},
		{"stop what nobody needs", []string{"page"}, Stop, nil, []string{"page"}},
		{"start with all needed up", []string{"page"}, Start, nil, []string{"page"}},
		{"stop everything", []string{"page", "web", "db", "mail"}, Stop, nil, []string{"page", "web", "db", "mail"}},
		{"start with the ground gone", []string{"page"}, Start, []string{"db", "web"}, []string{"db", "web", "page"}},
		{"restart is its own", []string{"web"}, Restart, nil, []string{"web"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			down(test.down...)
			if diff := cmp.Diff(test.want, b.around(test.given, test.verb)); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDependenciesInACircleEnd(t *testing.T) {
	b := newBoard()
	b.rule(file(process("a", "b"), process("b", "a")))
	if got := b.ancestors("a"); !slices.Equal(got, []string{"b"}) {
		t.Errorf("ancestors %v", got)
	}
}
