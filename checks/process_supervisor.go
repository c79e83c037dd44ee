package checks

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/dialtone/dialtone/internal/proc"
)

// Two who restart one process end each other's: what systemd starts again, by itself or because somebody said so (systemctl restart, an
// upgrade), is given the time to come, however the control file names the process.
const (
	supervisorLooks = 20 * time.Millisecond // between two looks for the new process; doubled each time
	supervisorTime  = 3 * time.Second       // for which one check waits; then the service is unknown, and the next check goes on
)

// supervise finds out, once for each process, whether it is the main process of a unit. Only one that is in the control group of a unit
// costs a question.
func (p *process) supervise(ctx context.Context, pid int) {
	if p.asked || p.spec.Unit != "" {
		return
	}
	p.asked = true
	unit := unitOf(p.path(pid, "cgroup"))
	if unit == "" {
		return
	}
	status, err := p.ask(ctx, unit)
	if err == nil && status.MainPID == pid {
		p.seen.unit = unit
	}
}

// unitOf reads the unit whose control group a process is in (cgroups(7), systemd: CONTROL_GROUP_INTERFACE); empty where that is none of
// the machine's own services.
func unitOf(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return parseCgroup(string(text))
}

func parseCgroup(text string) string {
	for line := range strings.Lines(text) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) < 3 || part[1] != "" && part[1] != "name=systemd" {
			continue
		}
		if strings.Contains(part[2], "/user@") {
			return "" // of a user's own systemd, which is not the one that is asked
		}
		if name := path.Base(part[2]); strings.HasSuffix(name, ".service") {
			return name
		}
	}
	return ""
}

// awaitSupervisor looks for a process that is gone, for as long as systemd is at work on its unit. The reason stands when systemd is not,
// or has given up; the error says that it takes its time.
func (p *process) awaitSupervisor(ctx context.Context, why string) (*proc.Stat, string, error) {
	if p.seen.unit == "" {
		return nil, why, nil
	}
	late := time.Now().Add(supervisorTime)
	for pause := supervisorLooks; ; pause *= 2 {
		status, err := p.ask(ctx, p.seen.unit)
		if err != nil || !status.returning() {
			return nil, why, nil //nolint:nilerr // who cannot be asked does not hold up the healing
		}
		if time.Now().After(late) {
			return nil, why, p.overdue(why, status)
		}
		select {
		case <-ctx.Done():
			return nil, why, p.overdue(why, status)
		case <-time.After(pause):
		}
		var found *proc.Stat
		if found, why, err = p.find(ctx); err != nil || why == "" {
			return found, why, err
		}
	}
}

// overdue is nil when the unit runs: then the control file names another process, and that one is gone.
func (p *process) overdue(why string, status unitStatus) error {
	if status.ActiveState == "active" {
		return nil
	}
	return fmt.Errorf("%s; systemd is at work on unit %s (%s)", why, p.seen.unit, status.SubState)
}

// returning reports whether a unit may be on its way back, or whether systemd has not yet noticed that its main process is gone.
func (u unitStatus) returning() bool {
	switch u.ActiveState {
	case "activating", "deactivating", "reloading", "refreshing":
		return true
	case "active":
		return u.MainPID != 0
	}
	return false
}
