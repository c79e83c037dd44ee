package heal

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
)

// bench is an engine with a hand of make-believe on a journal of its own.
type bench struct {
	*Engine
	told  []dialtone.Heal
	acted []healers.ActionID
	act   func(healers.Order) (healers.Outcome, error)
	up    atomic.Bool
	looks int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "state.db"), 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	journal, err := healers.OpenJournal(db)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{}
	b.Engine = &Engine{
		Hand: b, Journal: journal, Limits: func(*control.Service) healers.Limits { return healers.NewLimits(control.Budget{}) }, Log: slog.New(slog.DiscardHandler),
		Tell: func(h dialtone.Heal) { b.told = append(b.told, h) },
	}
	b.act = func(healers.Order) (healers.Outcome, error) {
		b.up.Store(true)
		return healers.Outcome{Command: "/bin/start"}, nil
	}
	return b
}

func (b *bench) Act(_ context.Context, o healers.Order) (healers.Outcome, error) {
	b.acted = append(b.acted, o.Action)
	return b.act(o)
}

func (b *bench) Finish(context.Context, healers.Program) (bool, error) { return false, nil }

func (b *bench) look(context.Context) (*checks.Report, error) {
	b.looks++
	if b.up.Load() {
		return &checks.Report{Existence: checks.Present}, nil
	}
	return &checks.Report{Existence: checks.Absent, Why: "not there"}, nil
}

func (b *bench) request() Request {
	program := &control.Command{Argv: []string{"/bin/start"}}
	return Request{
		Service: &control.Service{Kind: "process", Name: "s", Start: program, Stop: program}, Want: control.Restart, Seen: "gone", Look: b.look,
	}
}

func outcomes(heals []dialtone.Heal) []dialtone.HealOutcome {
	var found []dialtone.HealOutcome
	for _, h := range heals {
		found = append(found, h.Outcome)
	}
	return found
}

// TestTheIntentIsOnDiskBeforeTheAct looks into the journal from within the act.
func TestTheIntentIsOnDiskBeforeTheAct(t *testing.T) {
	b := newBench(t)
	b.act = func(o healers.Order) (healers.Outcome, error) {
		open, err := b.Journal.Unfinished()
		if err != nil || len(open) != 1 || open[0].Seen != "gone" {
			t.Errorf("while it acts, the journal holds %+v, %v", open, err)
		}
		account, err := b.Journal.Account("s")
		if err != nil || len(account.Acts) != 1 {
			t.Errorf("while it acts, the account is %+v, %v", account, err)
		}
		if o.Began == nil {
			t.Error("nobody asks which program was begun")
		}
		b.up.Store(true)
		return healers.Outcome{Command: "/bin/start"}, nil
	}
	if a := b.Heal(t.Context(), b.request()); a.Heal.Outcome != dialtone.Healed {
		t.Errorf("got %+v", a)
	}
	open, err := b.Journal.Unfinished()
	if err != nil || len(open) != 0 {
		t.Errorf("afterwards it holds %+v, %v", open, err)
	}
}

func TestHealOutcomes(t *testing.T) {
	tests := []struct {
		name   string
		change func(*bench, *Request)
		told   []dialtone.HealOutcome
		answer dialtone.HealOutcome
		reason string
		within time.Duration
	}{
		{"worked", func(*bench, *Request) {}, []dialtone.HealOutcome{dialtone.HealRunning, dialtone.Healed}, dialtone.Healed, "", 0},
		{
			"failed fast", func(b *bench, _ *Request) {
				b.act = func(healers.Order) (healers.Outcome, error) { return healers.Outcome{Command: "x", ExitCode: 3}, nil }
			},
			[]dialtone.HealOutcome{dialtone.HealRunning, dialtone.HealFailed},
			dialtone.HealFailed, "the program exited with status 3: not there", 0,
		},
		{
			"another status, and yet it is there", func(b *bench, _ *Request) {
				b.act = func(healers.Order) (healers.Outcome, error) {
					b.up.Store(true)
					return healers.Outcome{Command: "x", ExitCode: 3}, nil
				}
			},
			[]dialtone.HealOutcome{dialtone.HealRunning, dialtone.Healed},
			dialtone.Healed, "", 0,
		},
		{
			"never comes", func(b *bench, _ *Request) {
				b.act = func(healers.Order) (healers.Outcome, error) { return healers.Outcome{Command: "x"}, nil }
			},
			[]dialtone.HealOutcome{dialtone.HealRunning, dialtone.HealFailed},
			dialtone.HealFailed, "not there", 30 * time.Second,
		},
		{
			"killed at its time-out", func(b *bench, _ *Request) {
				b.act = func(healers.Order) (healers.Outcome, error) {
					return healers.Outcome{Command: "x", TimedOut: true, Took: 30 * time.Second}, nil
				}
			},
			[]dialtone.HealOutcome{dialtone.HealRunning, dialtone.HealFailed},
			dialtone.HealFailed, "x did not end within 30s and was killed", 0,
		},
		{
			"program missing", func(b *bench, _ *Request) {
				b.act = func(healers.Order) (healers.Outcome, error) {
					return healers.Outcome{}, errors.New("program /x not found")
				}
			},
			[]dialtone.HealOutcome{dialtone.HealRunning, dialtone.HealFailed},
			dialtone.HealFailed, "program /x not found", 0,
		},
		{
			"no program", func(_ *bench, r *Request) { r.Service.Start = nil },
			nil, dialtone.HealRefused, "s has no start program; add `start program = \"/path …\"` at built in", 0,
		},
		{
			"no journal", func(b *bench, _ *Request) { b.Journal = &healers.Journal{} },
			nil, dialtone.HealRefused, healers.ErrNoJournal.Error(), 0,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				r := b.request()
				test.change(b, &r)
				began := time.Now()
				a := b.Heal(t.Context(), r)
				if diff := cmp.Diff(test.told, outcomes(b.told)); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
				if a.Heal.Outcome != test.answer || a.Heal.Reason != test.reason {
					t.Errorf("answer %s, %q; want %s, %q", a.Heal.Outcome, a.Heal.Reason, test.answer, test.reason)
				}
				if took := time.Since(began); took > test.within || took < test.within-time.Second {
					t.Errorf("took %s, want %s", took, test.within)
				}
			})
		})
	}
}

func TestVerificationLooksOftenAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.act = func(healers.Order) (healers.Outcome, error) { return healers.Outcome{Command: "x"}, nil }
		go func() {
			<-time.After(10 * time.Millisecond)
			b.up.Store(true)
		}()
		a := b.Heal(t.Context(), b.request())
		if a.Heal.Outcome != dialtone.Healed || a.Heal.Took > 20*time.Millisecond {
			t.Errorf("a service that is up after 10 ms is verified after %s", a.Heal.Took)
		}
	})
}

func TestARestartInTwoWaitsUntilItIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.up.Store(true)
		b.act = func(o healers.Order) (healers.Outcome, error) {
			if strings.HasSuffix(string(o.Action), "/stop") {
				go func() {
					<-time.After(3 * time.Second)
					b.up.Store(false)
				}()
			} else if b.up.Load() {
				t.Error("started while the old one still runs")
			} else {
				b.up.Store(true)
			}
			return healers.Outcome{Command: string(o.Action), Output: string(o.Action) + "\n"}, nil
		}
		r := b.request()
		r.Running = true
		a := b.Heal(t.Context(), r)
		if a.Heal.Outcome != dialtone.Healed || a.Heal.Command != "s/stop; s/start" || a.Heal.Output != "s/stop\ns/start\n" {
			t.Errorf("got %+v", a.Heal)
		}
	})
}

// TestStopsOfWhatCannotVanish: a file or a host is there whatever is stopped, so that only the stop program can say how it went.
func TestStopsOfWhatCannotVanish(t *testing.T) {
	tests := []struct {
		want   control.ActionKind
		status int // of the stop program
		acted  string
		answer dialtone.HealOutcome
	}{
		{control.Restart, 0, "s/stop; s/start", dialtone.Healed},
		{control.Restart, 1, "s/stop; s/start", dialtone.Healed},
		{control.Stop, 0, "s/stop", dialtone.Healed},
		{control.Stop, 1, "s/stop", dialtone.HealFailed},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			b.up.Store(true)
			b.act = func(o healers.Order) (healers.Outcome, error) {
				out := healers.Outcome{Command: string(o.Action)}
				if strings.HasSuffix(string(o.Action), "/stop") {
					out.ExitCode = test.status
				}
				return out, nil
			}
			r := b.request()
			r.Service.Kind, r.Running, r.Want = "file", true, test.want
			began := time.Now()
			if a := b.Heal(t.Context(), r); a.Heal.Outcome != test.answer || a.Heal.Command != test.acted || time.Since(began) > time.Second {
				t.Errorf("%s with status %d: %+v after %s", test.want, test.status, a.Heal, time.Since(began))
			}
		})
	}
}

func TestAPersonIsNotBoundByTheBudget(t *testing.T) {
	b := newBench(t)
	if err := b.Journal.SetAccount("s", healers.Account{Parked: "spent"}); err != nil {
		t.Fatal(err)
	}
	if a := b.Heal(t.Context(), b.request()); a.Heal.Outcome != dialtone.HealParked || a.Acted || len(b.told) != 0 {
		t.Errorf("a rule got %+v", a)
	}
	r := b.request()
	r.Who = "alice"
	if a := b.Heal(t.Context(), r); a.Heal.Outcome != dialtone.Healed {
		t.Errorf("a person got %+v", a)
	}
	if parked, err := b.Parked("s"); err != nil || parked != "" {
		t.Errorf("still parked: %q, %v", parked, err)
	}
}

func TestAnEndedContextLeavesTheHealOpen(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.act = func(healers.Order) (healers.Outcome, error) {
		cancel()
		return healers.Outcome{Command: "x", ExitCode: -1}, nil
	}
	b.Heal(ctx, b.request())
	open, err := b.Journal.Unfinished()
	if err != nil || len(open) != 1 {
		t.Fatalf("the journal holds %v, %v", open, err)
	}
	b.Close(open[0], false, "not there")
	if diff := cmp.Diff([]dialtone.HealOutcome{dialtone.HealRunning, dialtone.HealFailed}, outcomes(b.told)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if open, err := b.Journal.Unfinished(); err != nil || len(open) != 0 {
		t.Errorf("the journal still holds %v, %v", open, err)
	}
}
