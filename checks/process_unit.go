package checks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/checks/proc"
	"github.com/dialtone/dialtone/internal/command"
)

// unitStatus is what systemd says of a unit; the words are those of systemctl show.
type unitStatus struct {
	LoadState    string
	ActiveState  string
	SubState     string
	Result       string
	InvocationID string
	MainPID      int
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

// judge says why the unit is not running; empty when it is. A unit that systemd does not know cannot be judged.
func (u unitStatus) judge(unit string) (why string, err error) {
	if u.LoadState == "not-found" {
		return "", fmt.Errorf("systemd knows no unit %s; `systemctl list-units --all` names those it knows", unit)
	}
	switch u.ActiveState {
	case "active", "reloading", "refreshing":
		return "", nil
	case "failed":
		return fmt.Sprintf("unit %s has failed (%s)", unit, u.Result), nil
	case "activating", "deactivating":
		if u.MainPID != 0 && u.ActiveState == "activating" {
			return "", nil
		}
		return fmt.Sprintf("unit %s is %s (%s)", unit, u.ActiveState, u.SubState), nil
	}
	return fmt.Sprintf("unit %s is %s (%s)", unit, u.ActiveState, u.Result), nil
}

// systemdRuns is the folder that only a machine started by systemd has (sd_booted(3)).
const systemdRuns = "/run/systemd/system"

func askSystemd(ctx context.Context, unit string) (unitStatus, error) {
	if _, err := os.Stat(systemdRuns); err != nil {
		return unitStatus{}, fmt.Errorf("unit %s cannot be asked for: this machine was not started by systemd; name the process by pidfile or matching", unit)
	}
	program, err := findSystemctl()
	if err != nil {
		return unitStatus{}, err
	}
	argv := []string{program, "show", "-p", "LoadState,ActiveState,SubState,Result,InvocationID,MainPID", "--", unit}
	result, err := command.Run(ctx, command.Spec{Argv: argv, Timeout: 10 * time.Second})
	if err != nil {
		return unitStatus{}, fmt.Errorf("asking systemd for unit %s: %w", unit, err)
	}
	if result.TimedOut || result.ExitCode != 0 {
		return unitStatus{}, fmt.Errorf("asking systemd for unit %s: systemctl ended with status %d: %s", unit, result.ExitCode, firstLine(result.Output))
	}
	return parseUnit(result.Output)
}

func findSystemctl() (string, error) {
	for _, path := range []string{"/usr/bin/systemctl", "/bin/systemctl"} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New("systemctl is not installed in /usr/bin or /bin")
}

// parseUnit reads the NAME=VALUE lines of systemctl show.
func parseUnit(text string) (unitStatus, error) {
	var u unitStatus
	words := map[string]*string{
		"LoadState": &u.LoadState, "ActiveState": &u.ActiveState, "SubState": &u.SubState,
		"Result": &u.Result, "InvocationID": &u.InvocationID,
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
