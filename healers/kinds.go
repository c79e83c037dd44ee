package healers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dialtone/dialtone/control"
)

// Kind is one registered kind of healer: a way to start, stop and restart services.
type Kind struct {
	Name  string
	Doc   string               // one paragraph
	Verbs []control.ActionKind // that it can do: start, stop, restart, drain, or another that `heal NAME` names

	// Command is what the kind runs for a service, or nil where it cannot do that verb.
	Command func(s *control.Service, verb control.ActionKind) *control.Command
}

var kinds []Kind

func register(k Kind) { kinds = append(kinds, k) }

// Kinds returns the registered kinds in the order in which they are asked: what the file writes comes before what is built in.
func Kinds() []Kind {
	sorted := slices.Clone(kinds)
	slices.SortFunc(sorted, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	return sorted
}

// commandFor asks the kinds in turn.
func commandFor(s *control.Service, verb control.ActionKind) *control.Command {
	for _, k := range Kinds() {
		if c := k.Command(s, verb); c != nil {
			return c
		}
	}
	return nil
}

// Verb is the action that starts, stops or restarts a service.
func Verb(service string, verb control.ActionKind) ActionID {
	return ActionID(service + "/" + string(verb))
}

// ExecAction is the exec of the rule with that index, or of its else branch.
func ExecAction(service string, rule int, recovery bool) ActionID {
	branch := "/exec"
	if recovery {
		branch = "/recovery"
	}
	return ActionID(service + "/rule" + strconv.Itoa(rule) + branch)
}

// LimitAction is the exec of the restart limit with that index.
func LimitAction(service string, limit int) ActionID {
	return ActionID(service + "/limit" + strconv.Itoa(limit) + "/exec")
}

// Able reports whether a service can be started, stopped or restarted at all.
func Able(s *control.Service) bool {
	return slices.ContainsFunc([]control.ActionKind{control.Start, control.Stop, control.Restart}, func(verb control.ActionKind) bool {
		return commandFor(s, verb) != nil
	})
}

// Plan returns the actions that lead to what is wanted, in order. A restart of what does not run is a start; a restart without a
// program for it is a stop and a start. Its error says which program the service lacks.
func Plan(s *control.Service, want control.ActionKind, running bool) ([]ActionID, error) {
	if want == control.Restart && !running {
		want = control.Start
	}
	if want == control.Restart && commandFor(s, control.Restart) == nil {
		if commandFor(s, control.Stop) == nil || commandFor(s, control.Start) == nil {
			return nil, lacks(s, "restart")
		}
		return []ActionID{Verb(s.Name, control.Stop), Verb(s.Name, control.Start)}, nil
	}
	if want == control.Start && commandFor(s, control.Start) == nil && commandFor(s, control.Restart) != nil {
		want = control.Restart
	}
	if commandFor(s, want) == nil {
		return nil, lacks(s, string(want))
	}
	return []ActionID{Verb(s.Name, want)}, nil
}

func lacks(s *control.Service, verb string) error {
	switch control.ActionKind(verb) {
	case control.Start, control.Stop, control.Restart:
	case control.Drain:
		return fmt.Errorf("nothing here can drain %s, and whoever uses it is left alone", s.Name)
	default:
		return fmt.Errorf("no healer %q fits %s", verb, s.Name)
	}
	return fmt.Errorf("%s has no %s program; add `%s program = \"/path …\"` at %s", s.Name, verb, verb, s.Pos.Place())
}
