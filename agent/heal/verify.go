package heal

import (
	"context"
	"errors"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// quick is how long a check may take to pass: a start program that failed gets one more look and no more.
func quick(h dialtone.Heal) time.Duration {
	if h.ExitCode != 0 {
		return 0
	}
	return -1
}

// verify looks until the test that failed passes. One good look is enough. within is zero for a single look, and negative for the
// time that the service's own programs have.
func (e *Engine) verify(ctx context.Context, r Request, within time.Duration) error {
	if within < 0 {
		within = timeout(programOf(r))
	}
	ctx, cancel := context.WithTimeout(ctx, max(within, 5*time.Second))
	defer cancel()
	deadline := time.Now().Add(within)
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		seen, ok := seenNow(ctx, r)
		if ok {
			return nil
		}
		if time.Until(deadline) < pause {
			return errors.New(seen)
		}
		if err := sleep(ctx, pause); err != nil {
			return errors.New(seen)
		}
	}
}

// seenNow is one look: what was seen, and whether it is what the heal is for.
func seenNow(ctx context.Context, r Request) (string, bool) {
	report, err := r.Look(ctx)
	if err != nil {
		return err.Error(), false
	}
	ok, why := passes(r, report)
	return why, ok
}

func passes(r Request, report *checks.Report) (bool, string) {
	switch {
	case r.Want == control.Stop:
		return report.Existence == checks.Absent, "it is still there"
	case r.Want == control.Drain || r.Want == control.Exec:
		return true, "" // its program has said so
	case r.Passes != nil:
		return r.Passes(report)
	}
	why := report.Why
	if why == "" {
		why = "it is not there"
	}
	return report.Existence != checks.Absent, why
}

// vanishes reports whether a service of this kind is gone once it was stopped: a process ends, a file system is unmounted. Of any other
// kind (a host that is asked, a file that a daemon writes) only the stop program knows whether it worked.
func vanishes(kind string) bool { return kind == "process" || kind == "filesystem" }

// gone waits until what was stopped is gone. Between the stop and the start of a restart the start is tried also where the stop program
// of a kind that does not vanish has failed, as Monit does.
func (e *Engine) gone(ctx context.Context, r Request) error {
	if !vanishes(r.Service.Kind) {
		return nil
	}
	r.Want, r.Passes = control.Stop, nil
	return e.verify(ctx, r, timeout(r.Service.Stop))
}

// verdict is how a heal that ran all its programs ended.
func (e *Engine) verdict(ctx context.Context, r Request, h dialtone.Heal) error {
	switch {
	case r.Want != control.Stop || vanishes(r.Service.Kind):
		return e.verify(ctx, r, quick(h))
	case h.ExitCode != 0:
		return errors.New("it did not succeed")
	}
	return nil
}

func programOf(r Request) *control.Command {
	switch {
	case r.Want == control.Stop:
		return r.Service.Stop
	case r.Want == control.Restart && r.Service.Restart != nil:
		return r.Service.Restart
	}
	return r.Service.Start
}

func timeout(c *control.Command) time.Duration {
	if c != nil && c.Timeout > 0 {
		return c.Timeout
	}
	return healers.DefaultTimeout
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
