package healers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone/control"
)

func sh(script string) *control.Command {
	return &control.Command{Text: script, Argv: []string{"/bin/sh", "-c", script}}
}

func testFile() *control.File {
	return &control.File{Services: []*control.Service{{
		Pos: control.Position{File: "/etc/dialtone.conf", Line: 3, Col: 1}, Kind: "process", Name: "web",
		Start: sh("echo started $MONIT_SERVICE; exit 3"), Stop: &control.Command{Argv: []string{"/no/such"}},
		Rules: []*control.Rule{{
			Then: control.Action{Kind: control.Exec, Exec: sh("echo failed")},
			Else: &control.Recovery{Then: control.Action{Kind: control.Exec, Exec: sh("echo passed")}},
		}},
		Limits: []*control.RestartLimit{{Then: control.Action{Kind: control.Exec, Exec: &control.Command{Argv: []string{"/bin/sleep", "60"}, Timeout: 100 * time.Millisecond}}}},
	}, {Kind: "process", Name: "db", Unit: "mysql.service"}}}
}

func TestHandActsByID(t *testing.T) {
	hand, err := NewHand(testFile())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		action   ActionID
		code     int
		timedOut bool
		output   string
	}{
		{"web/start", 3, false, "started web\n"},
		{"web/rule0/exec", 0, false, "failed\n"},
		{"web/rule0/recovery", 0, false, "passed\n"},
		{"web/limit0/exec", -1, true, ""},
	}
	for _, test := range tests {
		t.Run(string(test.action), func(t *testing.T) {
			out, err := hand.Act(t.Context(), Order{Action: test.action, Env: map[string]string{"MONIT_SERVICE": "web"}})
			if err != nil {
				t.Fatal(err)
			}
			if out.ExitCode != test.code || out.TimedOut != test.timedOut || out.Output != test.output {
				t.Errorf("got %+v", out)
			}
		})
	}
}

func TestHandRefuses(t *testing.T) {
	hand, err := NewHand(testFile())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		order Order
		want  string
	}{
		{"what the file does not name", Order{Action: "web/restart"}, "action web/restart is not in the control file"},
		{"text for a shell", Order{Action: "/bin/rm -rf /"}, "action /bin/rm -rf / is not in the control file"},
		{"a variable of the loader", Order{Action: "web/start", Env: map[string]string{"LD_PRELOAD": "/tmp/x"}}, `variable "LD_PRELOAD" is not one of MONIT_*`},
		{"a missing program", Order{Action: "web/stop"}, "program /no/such not found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := hand.Act(t.Context(), test.order)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	start, stop, restart := sh("start"), sh("stop"), sh("restart")
	verbs := func(v ...control.ActionKind) (ids []ActionID) {
		for _, verb := range v {
			ids = append(ids, Verb("s", verb))
		}
		return ids
	}
	tests := []struct {
		name    string
		spec    control.Service
		want    control.ActionKind
		running bool
		plan    []ActionID
	}{
		{"restart of the absent", control.Service{Start: start, Stop: stop, Restart: restart}, control.Restart, false, verbs(control.Start)},
		{"restart of the living", control.Service{Start: start, Stop: stop, Restart: restart}, control.Restart, true, verbs(control.Restart)},
		{"restart in two", control.Service{Start: start, Stop: stop}, control.Restart, true, verbs(control.Stop, control.Start)},
		{"restart by half", control.Service{Start: start}, control.Restart, true, nil},
		{"start by restart", control.Service{Restart: restart}, control.Start, false, verbs(control.Restart)},
		{"nothing to start with", control.Service{Stop: stop}, control.Start, false, nil},
		{"by its unit", control.Service{Unit: "s.service"}, control.Restart, true, verbs(control.Restart)},
		{"programs win over the unit", control.Service{Unit: "s.service", Start: start}, control.Stop, true, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.spec.Name = "s"
			plan, err := Plan(&test.spec, test.want, test.running)
			if (err == nil) != (test.plan != nil) {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(test.plan, plan); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNoSystemd: where another init runs the machine, the outcome says what systemctl said.
func TestNoSystemd(t *testing.T) {
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		t.Skip("systemd runs this machine, and this test must not touch its units")
	}
	hand, err := NewHand(testFile())
	if err != nil {
		t.Fatal(err)
	}
	out, err := hand.Act(t.Context(), Order{Action: "db/start"})
	if err != nil {
		if !strings.Contains(err.Error(), "systemctl not found") {
			t.Errorf("got %v", err)
		}
		return
	}
	if out.ExitCode == 0 || !strings.Contains(out.Command, "start mysql.service") {
		t.Errorf("got %+v", out)
	}
}

func TestKindsAreDocumented(t *testing.T) {
	var names []string
	for _, k := range Kinds() {
		names = append(names, k.Name)
		if k.Doc == "" {
			t.Errorf("kind %s has no doc", k.Name)
		}
	}
	if diff := cmp.Diff([]string{"program", "systemd"}, names); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

func TestAnEmptyCommandIsRefusedAtLoad(t *testing.T) {
	_, err := NewHand(&control.File{Services: []*control.Service{{Name: "s", Start: &control.Command{Pos: control.Position{File: filepath.Join("/", "f"), Line: 1, Col: 1}}}}})
	if err == nil || !strings.Contains(err.Error(), "/f:1:1") {
		t.Errorf("got %v", err)
	}
}
