package checks

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/proc"
	"github.com/dialtone/dialtone/internal/systemctl"
)

// unitStatus is what systemd says of a unit; the words are those of systemctl show.
type unitStatus struct {
	LoadState    string
	ActiveState  string
	SubState     string
	Result       string
	InvocationID string
	MainPID      int

	UnitFileState string // whether it is to run from the start of the machine
	Ended         string // when it last ended, in microseconds since the machine started; "0": it has not
}

// unitMemory spares the machine a systemctl in each cycle: while the main process lives, systemd is asked once a minute.
type unitMemory struct {
	status unitStatus
	asked  time.Time
}

const unitRefresh = time.Minute

func (p *process) findByUnit(ctx context.Context) (*proc.Stat, string, error) {
	fresh := !p.unit.asked.IsZero() && time.Since(p.unit.asked) < unitRefresh
	if fresh && p.seen.pid != 0 && p.seen.pid == p.unit.status.MainPID {
		s, why, err := p.read(p.seen.pid)
		if err == nil && why == "" && s.Start == p.seen.start {
			return s, "", nil
		}
	}
	for tries := 0; ; tries++ {
		found, why, err := p.askUnit(ctx)
		notNoticed := err == nil && why != "" && p.unit.status.ActiveState == "active"
		if !notNoticed || tries == mostTries {
			return found, why, err
		}
		select {
		case <-ctx.Done():
			return found, why, err
		case <-time.After(noticeEvery):
		}
	}
}

// The death of a main process can be known here before systemd has noticed, which alone can say whether it was wanted.
const (
	noticeEvery = 20 * time.Millisecond
	mostTries   = 10
)

func (p *process) askUnit(ctx context.Context) (*proc.Stat, string, error) {
	status, err := p.ask(ctx, p.spec.Unit)
	if err != nil {
		p.unit = unitMemory{}
		return nil, "", err
	}
	p.unit = unitMemory{status: status, asked: time.Now()}
	if why, err := status.judge(p.spec.Unit); why != "" || err != nil {
		return nil, why, err
	}
	if status.MainPID == 0 {
		return nil, "", nil
	}
	return p.read(status.MainPID)
}

// judge says why the unit is not running; empty when it is. What cannot be judged is an error: a unit that systemd does not know,
// one on its way up or down, and one that was stopped without a failure. The last is what `systemctl stop` leaves, and nobody
// must fight the person who typed that.
func (u unitStatus) judge(unit string) (why string, err error) {
	if u.LoadState == "not-found" {
		return "", fmt.Errorf("systemd knows no unit %s; `systemctl list-units --all` names those it knows", unit)
	}
	switch u.ActiveState {
	case "active", "reloading", "refreshing":
		return "", nil
	case "failed":
		return fmt.Sprintf("unit %s has failed (%s)", unit, u.Result), nil
	case "activating":
		switch {
		case u.SubState == "auto-restart":
			return fmt.Sprintf("unit %s has ended (%s), and systemd waits to start it again", unit, u.Result), nil
		case u.MainPID == 0:
			return "", fmt.Errorf("unit %s is being started (%s)", unit, u.SubState)
		}
		return "", nil
	case "deactivating":
		if u.Result == "success" {
			return "", fmt.Errorf("unit %s is being stopped (%s)", unit, u.SubState)
		}
		return fmt.Sprintf("unit %s has ended (%s)", unit, u.Result), nil
	}
	if u.wanted() {
		return fmt.Sprintf("unit %s was not started with the machine, though it is enabled", unit), nil
	}
	return "", fmt.Errorf("unit %s was stopped and did not fail, so nothing is done about it; `systemctl start %s` ends that", unit, unit)
}

// wanted reports whether a unit that does not run should: one that the machine is to start, and that nobody has stopped since.
func (u unitStatus) wanted() bool {
	return u.Ended == "0" && slices.Contains([]string{"enabled", "enabled-runtime", "generated"}, u.UnitFileState)
}

func askSystemd(ctx context.Context, unit string) (unitStatus, error) {
	if err := systemctl.Available(); err != nil {
		return unitStatus{}, fmt.Errorf("unit %s cannot be asked for: %w; name the process by pidfile or matching", unit, err)
	}
	argv := systemctl.Argv("show", "-p", unitProperties, "--", unit)
	result, err := command.Run(ctx, command.Spec{Argv: argv, Timeout: 10 * time.Second})
	if err != nil {
		return unitStatus{}, fmt.Errorf("asking systemd for unit %s: %w", unit, err)
	}
	if result.TimedOut || result.ExitCode != 0 {
		return unitStatus{}, fmt.Errorf("asking systemd for unit %s: systemctl ended with status %d: %s", unit, result.ExitCode, firstLine(result.Output))
	}
	return parseUnit(result.Output)
}

const unitProperties = "LoadState,ActiveState,SubState,Result,InvocationID,MainPID,UnitFileState,InactiveEnterTimestampMonotonic"

// parseUnit reads the NAME=VALUE lines of systemctl show.
func parseUnit(text string) (unitStatus, error) {
	var u unitStatus
	words := map[string]*string{
		"LoadState": &u.LoadState, "ActiveState": &u.ActiveState, "SubState": &u.SubState,
		"Result": &u.Result, "InvocationID": &u.InvocationID, "UnitFileState": &u.UnitFileState,
		"InactiveEnterTimestampMonotonic": &u.Ended,
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		if word := words[name]; word != nil {
			*word = value
		}
		if name == "MainPID" {
			pid, err := strconv.ParseInt(value, 10, 32)
			if err != nil || pid < 0 {
				return unitStatus{}, fmt.Errorf("systemctl says MainPID=%q, which is no process number", value)
			}
			u.MainPID = int(pid)
		}
	}
	if u.ActiveState == "" {
		return unitStatus{}, fmt.Errorf("systemctl does not say in which state the unit is, but %q", firstLine(text))
	}
	return u, nil
}

// firstLine returns the first line of a program's output, cut to what fits into a sentence.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if len(line) > 200 {
		line = strings.ToValidUTF8(line[:200], "") + "…"
	}
	return line
}
