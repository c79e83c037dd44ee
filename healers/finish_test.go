package healers

import (
	"context"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
)

// left is a program that another run of the agent has begun.
func left(t *testing.T, script string) Program {
	t.Helper()
	pid, err := command.Detach(command.Spec{Argv: sh(script).Argv})
	if err != nil {
		t.Fatal(err)
	}
	return Program{Action: "web/start", PID: pid, Birth: birth(pid), Began: time.Now()}
}

func handWithin(t *testing.T, timeout time.Duration) *LocalHand {
	t.Helper()
	start := sh("exit 0")
	start.Timeout = timeout
	hand, err := NewHand(&control.File{Services: []*control.Service{{Kind: "process", Name: "web", Start: start}}})
	if err != nil {
		t.Fatal(err)
	}
	return hand
}

func TestFinishWaitsForAProgramOfAnEarlierRun(t *testing.T) {
	p := left(t, "sleep 0.3")
	ran, err := handWithin(t, time.Minute).Finish(t.Context(), p)
	if !ran || err != nil || p.runs() {
		t.Errorf("ran %t, %v; still runs: %t", ran, err, p.runs())
	}
}

func TestFinishEndsAProgramWhoseTimeIsOver(t *testing.T) {
	for name, script := range map[string]string{"polite": "sleep 300", "deaf": `trap "" TERM; while :; do sleep 1; done`} {
		t.Run(name, func(t *testing.T) {
			p := left(t, script)
			ran, err := handWithin(t, 200*time.Millisecond).Finish(t.Context(), p)
			if !ran || err != nil || p.runs() {
				t.Errorf("ran %t, %v; still runs: %t", ran, err, p.runs())
			}
		})
	}
}

func TestFinishLeavesOthersAlone(t *testing.T) {
	hand := handWithin(t, 0)
	p := left(t, "sleep 300")
	defer func() { _, _ = handWithin(t, time.Nanosecond).Finish(context.Background(), p) }()
	other := p
	other.Birth = "another boot/1"
	if ran, err := hand.Finish(t.Context(), other); ran || err != nil {
		t.Errorf("of a number that was passed on: %t, %v", ran, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if ran, err := hand.Finish(ctx, p); !ran || err == nil {
		t.Errorf("of an agent that ends: %t, %v", ran, err)
	}
	if !p.runs() {
		t.Error("ended though it had time")
	}
}

func TestActTellsWhatItBegan(t *testing.T) {
	start := sh("sleep 0.1")
	hand, err := NewHand(&control.File{Services: []*control.Service{{Kind: "process", Name: "web", Start: start}}})
	if err != nil {
		t.Fatal(err)
	}
	var began []Program
	if _, err := hand.Act(t.Context(), Order{Action: "web/start", Began: func(p Program) { began = append(began, p) }}); err != nil {
		t.Fatal(err)
	}
	if len(began) != 1 || began[0].PID <= 0 || began[0].Birth == "" || began[0].runs() {
		t.Errorf("told %+v", began)
	}
}
