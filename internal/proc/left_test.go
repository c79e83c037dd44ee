package proc

import (
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone/internal/command"
)

func TestLeftFindsWhatADeadProcessLed(t *testing.T) {
	root := t.TempDir()
	add(t, root, Stat{PID: 9, Comm: "sh", PPID: 1, Group: 9, Session: 9}, "sh")
	add(t, root, Stat{PID: 10, Comm: "sleep", PPID: 9, Group: 9, Session: 9}, "sleep 9")
	add(t, root, Stat{PID: 311, Comm: "nginx", PPID: 1, Group: 300, Session: 300}, "nginx: worker process")
	add(t, root, Stat{PID: 312, Comm: "cgi", PPID: 1, Group: 312, Session: 300}, "cgi")
	add(t, root, Stat{PID: 313, Comm: "nginx", PPID: 1, Group: 300, Session: 300, State: 'Z'}, "")
	tests := map[int][]int{300: {311, 312}, 9: nil, 700: nil, 0: nil}
	for dead, want := range tests {
		var got []int
		for _, s := range Left(root, dead) {
			got = append(got, s.PID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("of %d (-want +got):\n%s", dead, diff)
		}
	}
	if got := Left("/no/such/folder", 300); got != nil {
		t.Errorf("without /proc: %v", got)
	}
}

// TestLeftOfARealMaster kills one with -9 that has two workers.
func TestLeftOfARealMaster(t *testing.T) {
	master, err := command.Start(command.Spec{Argv: []string{"/bin/sh", "-c", "sleep 300 & sleep 300 & wait"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-master.PID(), syscall.SIGKILL)
		master.Stop(time.Second)
	})
	deadline := time.After(20 * time.Second)
	for tick := time.Tick(5 * time.Millisecond); ; {
		if children, err := NewTable("/proc").Tree(master.PID(), 0); err == nil && children.Children == 2 {
			break
		}
		select {
		case <-tick:
		case <-deadline:
			t.Fatal("the workers never came")
		}
	}
	if left := Left("/proc", master.PID()); left != nil {
		t.Errorf("while it lives: %v", left)
	}
	if err := master.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-master.Ended()
	if left := Left("/proc", master.PID()); len(left) != 2 || left[0].Group != master.PID() {
		t.Errorf("left are %v", left)
	}
}
