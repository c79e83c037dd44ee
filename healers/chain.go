package healers

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dialtone/dialtone/control"
)

// Link is one action of a chain (`drain then restart`): what it is for, and what leads there.
type Link struct {
	Want control.ActionKind // a verb: start, stop, restart, drain, or the name of another healer; exec for a program of the rule
	Acts []ActionID
	Runs []*control.Command // of Acts, for those who only want to know
}

// Chain plans an action of a rule and those behind it. base is the ID of the rule's own exec. The error says which link cannot be done
// here: then none is begun, for half a chain can be worse than nothing.
func Chain(s *control.Service, a *control.Action, base ActionID, running bool) ([]Link, error) {
	var chain []Link
	for depth := 0; a != nil; a, depth = a.Next, depth+1 {
		link, err := linkOf(s, a, behind(base, depth), running)
		if err != nil {
			return nil, err
		}
		if link.Want != "" {
			chain = append(chain, link)
		}
		if link.Want == control.Stop {
			running = false
		}
	}
	if len(chain) == 0 {
		return nil, errors.New("there is nothing to do")
	}
	return chain, nil
}

func linkOf(s *control.Service, a *control.Action, exec ActionID, running bool) (Link, error) {
	want := verbOf(a)
	switch want {
	case control.Alert, control.Ignore:
		return Link{}, nil // the event that begins the heal tells it
	case control.Unmonitor:
		return Link{}, fmt.Errorf("%s cannot stand in a chain of actions", want)
	case control.Exec:
		return Link{Want: want, Acts: []ActionID{exec}, Runs: []*control.Command{a.Exec}}, nil
	case control.Drain, control.Start, control.Stop, control.Restart, control.Heal:
	}
	acts, err := Plan(s, want, running)
	if err != nil {
		return Link{}, err
	}
	link := Link{Want: want, Acts: acts}
	for _, id := range acts {
		_, verb, _ := strings.Cut(string(id), s.Name+"/")
		link.Runs = append(link.Runs, commandFor(s, control.ActionKind(verb)))
	}
	return link, nil
}

// verbOf is what an action wants of the kinds: `heal NAME` asks them for NAME.
func verbOf(a *control.Action) control.ActionKind {
	if a.Kind == control.Heal {
		return control.ActionKind(a.Healer)
	}
	return a.Kind
}

// Words is a chain as a person reads it: "drain then restart".
func Words(a *control.Action) string {
	var words []string
	for ; a != nil; a = a.Next {
		words = append(words, string(verbOf(a)))
	}
	return strings.Join(words, " then ")
}

// Aim is what a chain that is written in Words is for, and is verified by: its last link that is no exec; exec, where it has no other.
func Aim(words string) control.ActionKind {
	aim := control.Exec
	for word := range strings.SplitSeq(words, " then ") {
		if kind := control.ActionKind(word); kind != control.Exec && kind != control.Alert {
			aim = kind
		}
	}
	return aim
}

// behind is the ID of a program that a link of a chain runs.
func behind(base ActionID, depth int) ActionID {
	if depth == 0 {
		return base
	}
	return base + ActionID("/then"+strconv.Itoa(depth))
}

// Verbs are all that some kind of healer can do, by name: what `heal NAME` may name.
func Verbs() []string {
	var verbs []string
	for _, k := range kinds {
		for _, v := range k.Verbs {
			verbs = append(verbs, string(v))
		}
	}
	slices.Sort(verbs)
	return slices.Compact(verbs)
}

// Inspect finds the actions of a control file that no healer can do, whatever the machine: a name in `heal NAME` that is none, and what
// cannot stand in a chain. The services are watched all the same.
func Inspect(f *control.File) []*control.Problem {
	var found []*control.Problem
	for _, s := range f.Services {
		for _, r := range s.Rules {
			heads := []*control.Action{&r.Then}
			if r.Else != nil {
				heads = append(heads, &r.Else.Then)
			}
			for _, head := range heads {
				for a := head; a != nil; a = a.Next {
					if why, mend := trouble(a, head.Next != nil); why != "" {
						found = append(found, &control.Problem{Pos: r.Pos, Service: s.Name, Why: why, Mend: mend, Partial: true})
					}
				}
			}
		}
	}
	return found
}

// trouble is why an action cannot be done, and what to do about it; empty: it can.
func trouble(a *control.Action, chained bool) (why, mend string) {
	switch {
	case a.Kind == control.Heal && !slices.Contains(Verbs(), a.Healer):
		return fmt.Sprintf("there is no healer %q", a.Healer), "healers are " + strings.Join(Verbs(), ", ") + "; `kinds` describes them"
	case a.Kind == control.Unmonitor && chained:
		return "unmonitor cannot stand in a chain of actions", "give it a rule of its own"
	}
	return "", ""
}
