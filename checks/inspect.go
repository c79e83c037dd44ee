package checks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dialtone/dialtone/checks/protocols"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/systemctl"
)

// Inspect looks for what a control file names and this machine lacks, and adds it to the file's problems. A service whose check itself
// cannot work is set aside. One that lacks only what would be done about it (a program that starts it, a user, a file of expressions) is
// watched all the same, and the problem is Partial: at three in the morning it is better to know and not be able to mend than not to know.
//
// It takes at most a few seconds: a path below a mount that hangs must not keep an agent from starting.
func Inspect(f *control.File) { inspect(f, newInspector(), inspectTime) }

const inspectTime = 5 * time.Second

func inspect(f *control.File, machine *inspector, within time.Duration) {
	answers := make(chan []*control.Problem, len(f.Services)) // so that one who answers late can end
	services := slices.Clone(f.Services)
	go func() {
		for _, s := range services {
			answers <- machine.service(s)
		}
	}()
	late := time.NewTimer(within)
	defer late.Stop()
	for _, s := range services {
		select {
		case found := <-answers:
			report(f, s, found)
		case <-late.C:
			report(f, s, []*control.Problem{{
				Pos: s.Pos, Service: s.Name, Why: fmt.Sprintf("looking for what it names took longer than %s, and what stands below it was not looked for", within),
				Mend: "a file system that it names a path of does not answer", Partial: true,
			}})
			return
		}
	}
}

// report adds problems to a file and to the service that has them.
func report(f *control.File, s *control.Service, found []*control.Problem) {
	f.Problems = append(f.Problems, found...)
	for _, p := range found {
		if s.Problem == nil || s.Problem.Partial && !p.Partial {
			s.Problem = p
		}
	}
}

// Unable says why the check of a service cannot work on this machine now; nil when it can.
func Unable(s *control.Service) *control.Problem {
	for _, p := range newInspector().service(s) {
		if !p.Partial {
			return p
		}
	}
	return nil
}

// inspector remembers what it has asked the machine: a file of ten thousand lines names few users and programs.
type inspector struct {
	users    map[[2]string]error
	programs map[string]error
	runnable func(path string) error
	systemd  error
	asked    bool

	of    *control.Service
	found []*control.Problem
}

func newInspector() *inspector {
	return &inspector{users: map[[2]string]error{}, programs: map[string]error{}, runnable: command.Executable}
}

// service returns the problems of one service, each once.
func (i *inspector) service(s *control.Service) []*control.Problem {
	i.of, i.found = s, nil
	if _, err := New(s); err != nil {
		i.add(s.Pos, true, strings.TrimPrefix(err.Error(), s.Pos.String()+": "), "")
	}
	i.command(s.Program, true)
	i.unit()
	for _, c := range []*control.Command{s.Start, s.Stop, s.Restart} {
		i.command(c, false)
	}
	for _, r := range s.Rules {
		i.action(&r.Then)
		if r.Else != nil {
			i.action(&r.Else.Then)
		}
		i.test(r)
	}
	for _, l := range s.Limits {
		i.action(&l.Then)
	}
	for _, c := range s.IgnoreContent {
		i.content(s.Pos, c)
	}
	i.network()
	i.plugin()
	i.passwords()
	return i.found
}

// passwords warns of those that leave the machine in clear text.
func (i *inspector) passwords() {
	for _, r := range i.of.Rules {
		if c, is := r.Test.(*control.Connection); is && protocols.Exposes(c, i.of.Address) {
			i.add(r.Pos, false, "a password goes over the network in clear text, by protocol "+c.Protocol, "let the test use TLS")
		}
	}
}

func (i *inspector) add(pos control.Position, aside bool, why, mend string) {
	for _, known := range i.found {
		if known.Why == why && known.Partial != aside {
			return
		}
	}
	i.found = append(i.found, &control.Problem{Pos: pos, Service: i.of.Name, Why: why, Mend: mend, Partial: !aside})
}

// command looks for a program, its user and its group.
func (i *inspector) command(c *control.Command, aside bool) {
	if c == nil || len(c.Argv) == 0 {
		return
	}
	missing, known := i.programs[c.Argv[0]]
	if !known {
		missing = i.runnable(c.Argv[0])
		i.programs[c.Argv[0]] = missing
	}
	if missing != nil {
		why, mend, _ := strings.Cut(missing.Error(), "; ")
		i.add(c.Pos, aside, why, mend)
	}
	i.owner(c.Pos, aside, c.UID, c.GID)
}

// owner looks for a user and a group; either may be empty.
func (i *inspector) owner(pos control.Position, aside bool, user, group string) {
	who := [2]string{user, group}
	missing, known := i.users[who]
	if !known {
		missing = command.Known(user, group)
		i.users[who] = missing
	}
	if missing != nil {
		i.add(pos, aside, strings.ReplaceAll(missing.Error(), "\n", ", "), "add it to this machine, or name another")
	}
}

func (i *inspector) action(a *control.Action) {
	for ; a != nil; a = a.Next {
		i.command(a.Exec, false)
	}
}

// unit: a systemd unit can be asked for only where systemd runs.
func (i *inspector) unit() {
	if i.of.Unit == "" {
		return
	}
	if !i.asked {
		i.systemd, i.asked = systemctl.Available(), true
	}
	if i.systemd != nil {
		i.add(i.of.Pos, true, fmt.Sprintf("unit %s cannot be asked for: %v", i.of.Unit, i.systemd), "name the process by pidfile or matching")
	}
}

// test looks for what one rule compares with.
func (i *inspector) test(r *control.Rule) {
	switch test := r.Test.(type) {
	case *control.Content:
		i.content(r.Pos, test)
	case *control.Expect:
		switch {
		case test.Regex || test.Want == "" && !test.First:
		case test.Value == "uid" || test.Value == "euid":
			i.owner(r.Pos, false, test.Want, "")
		case test.Value == "gid":
			i.owner(r.Pos, false, "", test.Want)
		case test.Value == "checksum" && test.First:
			i.checksum(r.Pos)
		}
	}
}

// checksum: what cannot be read now has no sum that could be expected later.
func (i *inspector) checksum(pos control.Position) {
	f, err := os.Open(i.of.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i.add(pos, false, fmt.Sprintf("%s does not exist, so that its checksum is not known yet", i.of.Path), "the first one seen will be expected; write `expect SUM` to be sure of it")
	case err != nil:
		i.add(pos, false, fmt.Sprintf("the checksum of %s cannot be computed: %v", i.of.Path, err), "let the agent read it")
	default:
		_ = f.Close() // it was only opened to see whether it can be
	}
}

func (i *inspector) content(pos control.Position, test *control.Content) {
	if _, err := Patterns(test); err != nil {
		i.add(pos, false, err.Error(), "no content is looked at until it can be read")
	}
}

// network: an interface can come later (a tunnel, a card), and until then its link counts as down.
func (i *inspector) network() {
	if i.of.Kind != "network" || i.of.Interface == "" {
		return
	}
	if _, err := os.Stat(sysRoot + "/class/net/" + i.of.Interface); errors.Is(err, fs.ErrNotExist) {
		i.add(i.of.Pos, false, fmt.Sprintf("there is no interface %s", i.of.Interface), "`ip link` names those there are; until it comes, its link counts as down")
	}
}
