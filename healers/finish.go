package healers

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/dialtone/dialtone/internal/proc"
)

const (
	finishEvery = 20 * time.Millisecond
	finishGrace = 2 * time.Second // between SIGTERM and SIGKILL
)

// birth names the boot and the clock tick in which a process began; empty when it has ended.
func birth(pid int) string {
	s, err := proc.ReadStat("/proc", pid)
	if err != nil || s.Dead() {
		return ""
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s/%d", strings.TrimSpace(string(boot)), s.Start)
}

// Finish is part of Hand.
func (h *LocalHand) Finish(ctx context.Context, p Program) (ran bool, err error) {
	if !p.runs() {
		return false, nil
	}
	timeout := DefaultTimeout
	if a, known := h.actions[p.Action]; known {
		timeout = a.timeout
	}
	left := min(time.Until(p.Began.Add(timeout)), timeout)
	if ended, err := p.wait(ctx, left); ended || err != nil {
		return true, err
	}
	_ = syscall.Kill(-p.PID, syscall.SIGTERM)
	if ended, err := p.wait(ctx, finishGrace); ended || err != nil {
		return true, err
	}
	_ = syscall.Kill(-p.PID, syscall.SIGKILL)
	_, err = p.wait(ctx, finishGrace) // a process that hangs in the kernel outlives it
	return true, err
}

func (p Program) runs() bool { return p.PID > 0 && p.Birth != "" && birth(p.PID) == p.Birth }

// wait waits until the program has ended. It is no child of this process, so that only /proc tells.
func (p Program) wait(ctx context.Context, within time.Duration) (ended bool, err error) {
	tick := time.NewTicker(finishEvery)
	defer tick.Stop()
	over := time.NewTimer(within)
	defer over.Stop()
	for p.runs() {
		select {
		case <-tick.C:
		case <-over.C:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	return true, nil
}
