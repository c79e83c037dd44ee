package oracle

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone/internal/command"
)

// TestBothDoTheSame runs Monit and the agent side by side on the same file through the same cycles.
func TestBothDoTheSame(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the rows of owners change them, which takes root")
	}
	text := controlFile(rows)
	watchers := []*watcher{monit(t, text), ours(t, eager+text)}
	for cycle := range cycles {
		for _, w := range watchers {
			w.run(cycle, rows)
		}
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			compare(t, "Monit", r.want, watchers[0].record(r.name))
			want := r.want
			if r.why != "" {
				want = r.ours
			}
			compare(t, "dialtone", want, watchers[1].record(r.name))
		})
	}
}

func compare(t *testing.T, who, want string, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", who, diff)
	}
}

// controlFile is a check file for each row, or what it writes itself.
func controlFile(all []row) string {
	var b strings.Builder
	for _, r := range all {
		text := strings.ReplaceAll(r.text, "REC", "DIR/rec "+r.name)
		if strings.HasPrefix(text, "check ") {
			fmt.Fprintln(&b, text)
			continue
		}
		fmt.Fprintf(&b, "check file %s with path DIR/%s\n%s\n", r.name, r.name, text)
	}
	return b.String()
}

// run makes what happens to the rows happen, and then the cycle.
func (w *watcher) run(cycle int, all []row) {
	script := fmt.Sprintf("echo %d >cycle\n", cycle)
	for _, r := range all {
		if cycle < len(r.bits) {
			size := 5 + 15*int(r.bits[cycle]-'0')
			script += fmt.Sprintf("truncate -s %d %s\n", size, r.name)
		}
		script += r.steps[cycle] + "\n"
		w.hear(r.name, cycle < len(r.hears) && r.hears[cycle] == '1')
	}
	w.shell(script)
	said := false
	for _, r := range all {
		said = said || r.say[cycle] != ""
		if line := r.say[cycle]; line != "" {
			s := w.say(strings.Fields(line)...)
			if res, err := command.Run(w.t.Context(), s); err != nil || res.ExitCode != 0 {
				w.t.Errorf("%s: status %d, %v: %s", line, res.ExitCode, err, res.Output)
			}
		}
	}
	w.cycle(cycle, said)
}

// neverUp is a process whose start program works and starts nothing.
const neverUp = `check process deaf with pidfile DIR/deaf.pid
  start program = "DIR/rec deaf start" with timeout 1 second
  if 2 restarts within 3 cycles then exec "DIR/rec deaf often"
  if 4 restarts within 6 cycles then unmonitor
`

// TestWhatNeverComesUp is Monit's trace, and what is done better on purpose: the next start waits for a back-off, not for the next cycle.
// That its rules for restarts are reached all the same is TestEveryRuleForRestartsCanBeReached, on a clock of make-believe.
func TestWhatNeverComesUp(t *testing.T) {
	theirs := monit(t, neverUp)
	for cycle := range 9 {
		theirs.run(cycle, nil)
	}
	done := theirs.record("deaf")
	slices.Sort(done) // an exec runs beside the cycle that begins it
	compare(t, "Monit", "0:start 1:start 2:often 2:start 3:start", done)

	w := ours(t, neverUp)
	began := time.Now()
	for cycle := range 3 {
		w.run(cycle, nil)
	}
	got := w.record("deaf")
	if time.Since(began) > 5*time.Second {
		t.Skip("this machine is so slow that the back-off is over")
	}
	compare(t, "dialtone", "0:start", got)
}

// TestEveryDifferenceIsToldToUsers: what a row allows to differ stands in docs/from-monit.md in the same words.
func TestEveryDifferenceIsToldToUsers(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "from-monit.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if !strings.Contains(string(page), r.why) {
			t.Errorf("row %s: %q is not in docs/from-monit.md", r.name, r.why)
		}
		if (r.ours != "") != (r.why != "") {
			t.Errorf("row %s differs without a reason, or has one without differing", r.name)
		}
	}
}
