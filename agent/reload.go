package agent

import (
	"context"
	"fmt"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

// Reload reads the control file again. A file that does not hold as a whole changes nothing: the last good one stays, and the status
// says why the new one was refused. Services that are written as before go on with all that they remember; the others begin anew.
func (a *Agent) Reload(ctx context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	if a.config.Load == nil {
		return errNoLoad
	}
	file, err := a.config.Load()
	if err != nil {
		return a.refuseFile(err)
	}
	hand, err := a.config.NewHand(file)
	if err != nil {
		return a.refuseFile(err)
	}
	old := a.File()
	a.adopt(file, hand)
	if err := a.exchange(ctx, file); err != nil {
		return err
	}
	a.mu.Lock()
	a.configError = ""
	a.mu.Unlock()
	why := fmt.Sprintf("the control file was read again: %d services", len(file.Services))
	if later := needsRestart(old.Settings, file.Settings); later != "" {
		why += "; " + later + " takes effect when the agent starts next"
	}
	a.emit(dialtone.Event{Kind: dialtone.EventAgent, Why: why})
	if a.config.Reloaded != nil {
		a.config.Reloaded(file)
	}
	return nil
}

func (a *Agent) refuseFile(err error) error {
	a.mu.Lock()
	known := a.configError == err.Error()
	a.configError = err.Error()
	a.mu.Unlock()
	if !known {
		a.emit(dialtone.Event{Kind: dialtone.EventAgent, Why: "the control file was refused, the last good one stays: " + err.Error()})
	}
	return err
}

// exchange ends the services that are gone or changed, and starts the new ones.
func (a *Agent) exchange(ctx context.Context, file *control.File) error {
	a.mu.Lock()
	running := a.running
	kept := make(map[string]*service, len(file.Services))
	var over []*service
	for name, s := range a.services {
		if spec := file.Service(name); spec != nil && control.Alike(s.spec, spec) {
			kept[name] = s
			continue
		}
		over = append(over, s)
	}
	a.mu.Unlock()
	if err := a.end(ctx, over); err != nil {
		return err
	}
	for name, s := range kept {
		select {
		case s.updates <- update{spec: file.Service(name), interval: interval(file)}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.services = kept
	for _, spec := range file.Services {
		if kept[spec.Name] == nil {
			s := newService(a, spec, interval(file))
			a.services[spec.Name] = s
			if running != nil {
				a.launch(running, s, 0)
			}
		}
	}
	return nil
}

// end stops services and waits for their heals in flight.
func (a *Agent) end(ctx context.Context, over []*service) error {
	for _, s := range over {
		if s.close != nil {
			s.close()
		}
	}
	for _, s := range over {
		if s.close == nil {
			continue
		}
		select {
		case <-s.done:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the heal of %s: %w", s.spec.Name, ctx.Err())
		}
		a.board.set(s.spec.Name, false, false)
	}
	return nil
}

// needsRestart names the settings that a running agent cannot change.
func needsRestart(old, now control.Settings) string {
	switch {
	case old.StateFile != now.StateFile:
		return "set statefile"
	case !control.Alike(old.Collector, now.Collector):
		return "set collector"
	case !control.Alike(old.Node, now.Node):
		return "set node"
	case old.Metrics != now.Metrics:
		return "set metrics"
	}
	return ""
}
