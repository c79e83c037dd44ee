package agent

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// view is a service as others may see it: made by its goroutine, never changed.
type view struct {
	status dialtone.ServiceStatus
	spec   *control.Service
	report *checks.Report
	took   time.Duration // of the last look
	fails  []control.Test
}

// publish shows the service as it is now.
func (s *service) publish() {
	v := &view{spec: s.spec, report: s.report, took: s.took, fails: s.rules.Failing(), status: dialtone.ServiceStatus{
		Name: s.spec.Name, Kind: s.spec.Kind, State: s.state, Why: s.why, Since: s.since.UTC(),
		Monitored: s.resting == nil, Healing: s.healing, Parked: s.parked != "", PID: s.pid,
		Groups: s.spec.Groups, Source: s.position, Values: values(s.spec.Kind, s.report),
	}}
	if !s.checked.IsZero() {
		v.status.Checked = s.checked.UTC()
	}
	if !s.mutedUntil.IsZero() {
		v.status.MutedUntil = s.mutedUntil.UTC()
	}
	if s.state != dialtone.OK {
		v.status.Held = cmp.Or(s.parked, s.refusal)
	}
	if s.resting != nil {
		v.status.Unmonitored = s.resting.Why
	}
	for _, ref := range s.spec.DependsOn {
		v.status.DependsOn = append(v.status.DependsOn, ref.Name)
	}
	s.seen.Store(v)
}

func values(kind string, report *checks.Report) []dialtone.NamedValue {
	if report == nil {
		return nil
	}
	var found []dialtone.NamedValue
	for name, value := range report.Values {
		declared, _ := checks.Declared(kind, name)
		found = append(found, dialtone.NamedValue{Name: name, Unit: declared.Unit, Value: value})
	}
	slices.SortFunc(found, func(a, b dialtone.NamedValue) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// Status is how the node stands now.
func (a *Agent) Status() dialtone.NodeStatus {
	a.mu.Lock()
	defer a.mu.Unlock()
	status := dialtone.NodeStatus{
		Node: a.config.Node, AgentVersion: a.config.Version, Platform: a.config.Platform,
		Started: a.started, Booted: a.config.Booted, ControlFile: a.file.Path, ConfigError: a.configError, Trouble: a.troubles(),
		Services: make([]dialtone.ServiceStatus, 0, len(a.written)),
	}
	for _, name := range a.written {
		if s := a.services[name]; s != nil {
			status.Services = append(status.Services, s.seen.Load().status)
		}
	}
	return status
}

// Snapshot is one service with all that its newest look brought. What it points to must not be changed.
type Snapshot struct {
	Status dialtone.ServiceStatus
	Spec   *control.Service
	Report *checks.Report // nil: nobody has looked, or the check could not
	Took   time.Duration  // of the look
	Fails  []control.Test // of the rules that stand failed
}

// Snapshots are the services in the order written.
func (a *Agent) Snapshots() []Snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]Snapshot, 0, len(a.written))
	for _, name := range a.written {
		if s := a.services[name]; s != nil {
			v := s.seen.Load()
			all = append(all, Snapshot{Status: v.status, Spec: v.spec, Report: v.report, Took: v.took, Fails: v.fails})
		}
	}
	return all
}

// ID is the agent's, of this installation for ever.
func (a *Agent) ID() string { return a.config.AgentID }

// troubles is all that keeps the agent from doing its work, mail that cannot leave included.
func (a *Agent) troubles() string {
	own := a.trouble()
	if a.config.Trouble == nil {
		return own
	}
	other := a.config.Trouble()
	if own != "" && other != "" {
		own += "; "
	}
	return own + other
}

// File is the control file that holds.
func (a *Agent) File() *control.File {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file
}
