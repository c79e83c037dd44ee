package checks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// muninScript makes the check of a plugin that is a script, with a clock of its own that begins on a whole minute.
func muninScript(t *testing.T, name, script string) (c *muninPlugin, at *time.Time) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho \"$1\" >>"+dir+"/asked\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte("[*]\n"+asRoot()+"env.dir "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "conf.d")
	if err := os.Mkdir(conf, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "conf"), filepath.Join(conf, "conf")); err != nil {
		t.Fatal(err)
	}
	c = newMunin(&control.Service{Kind: "munin", Name: name, Params: map[string]string{"plugin": path, "config": conf, "state": filepath.Join(dir, "state"), "timeout": "20s"}})
	now := time.Unix(1792000020, 0).UTC()
	c.now = func() time.Time { return now }
	return c, &now
}

func asRoot() string {
	if os.Geteuid() == 0 {
		return "user root\n"
	}
	return ""
}

// arguments are the arguments that a plugin was run with, one a run; that of none is "fetch".
func arguments(t *testing.T, c *muninPlugin) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(c.plugin.Path), "asked"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i := range lines {
		if lines[i] == "" {
			lines[i] = "fetch"
		}
	}
	return strings.Join(lines, " ")
}

func look(t *testing.T, c Check) *Report {
	t.Helper()
	r := &Report{}
	if err := c.Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	delete(r.Values, "took_seconds")
	return r
}

const netScript = `
if [ "$1" = config ]; then
  echo 'graph_title Traffic
graph_vlabel bit/s per ${graph_period}
graph_category Network
graph_args --base 1000
down.label in
down.type DERIVE
down.graph no
down.cdef down,8,*
up.label out
up.type DERIVE
up.cdef up,8,*
up.negative down
up.draw area
up.warning 5
load.label load
load.critical 3'
  exit
fi
cat "$dir/values"
`

func TestMuninReport(t *testing.T) {
	c, now := muninScript(t, "net", netScript)
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(filepath.Dir(c.plugin.Path), "values"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("down.value 100\nup.value 100\nload.value 1\n")
	first := look(t, c)
	want := map[string]float64{"status": 0, "warnings": 0, "criticals": 0, "unknowns": 0, "field/load": 1}
	if diff := cmp.Diff(want, first.Values); diff != "" || first.Existence != Present || first.Why != "" {
		t.Errorf("at first (-want +got):\n%s %q", diff, first.Why)
	}
	*now = now.Add(time.Minute)
	write("down.value 160\nup.value 700\nload.value 4\n")
	second := look(t, c)
	want = map[string]float64{"status": 2, "warnings": 1, "criticals": 1, "unknowns": 0, "field/load": 4, "field/down": 8, "field/up": 80}
	if diff := cmp.Diff(want, second.Values); diff != "" || second.Why != "load is 4, critical outside of 3" {
		t.Errorf("then (-want +got):\n%s %q", diff, second.Why)
	}
	described := []dialtone.Sample{
		info("graph_info", "host_name", "", "graph", "", "title", "Traffic", "vlabel", "bit/s per second", "category", "network", "args", "--base 1000", "order", "", "printf", "", "total", "", "scale", "", "info", ""),
		info("field_info", "graph", "", "field", "down", "label", "in", "draw", "", "negative", "", "colour", "", "line", "", "warning", "", "critical", "", "hidden", "yes", "info", "", "place", "000"),
		info("field_info", "graph", "", "field", "up", "label", "out", "draw", "AREA", "negative", "down", "colour", "", "line", "", "warning", "5", "critical", "", "hidden", "", "info", "", "place", "001"),
		info("field_info", "graph", "", "field", "load", "label", "load", "draw", "", "negative", "", "colour", "", "line", "", "warning", "", "critical", "3", "hidden", "", "info", "", "place", "002"),
	}
	if diff := cmp.Diff(described, second.Samples); diff != "" {
		t.Errorf("described (-want +got):\n%s", diff)
	}
}

// TestMuninConfigIsAskedNowAndThen: at first, after five minutes, and once when a field comes that it lacks.
func TestMuninConfigIsAskedNowAndThen(t *testing.T) {
	c, now := muninScript(t, "now_and_then", `[ "$1" = config ] && echo 'graph_title t' && echo 'a.label a' && exit; echo a.value 1; cat "$dir/more" 2>/dev/null; exit 0`)
	look(t, c)
	*now = now.Add(4 * time.Minute)
	look(t, c)
	*now = now.Add(time.Minute)
	look(t, c)
	if err := os.WriteFile(filepath.Join(filepath.Dir(c.plugin.Path), "more"), []byte("b.value 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		*now = now.Add(5 * time.Second)
		look(t, c)
	}
	if got, want := arguments(t, c), "config fetch fetch config fetch fetch config fetch fetch fetch"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

// TestMuninDirtyConfig: values that come with the description are the values, of the past too.
func TestMuninDirtyConfig(t *testing.T) {
	c, now := muninScript(t, "dirty", `[ "$MUNIN_CAP_DIRTYCONFIG" = 1 ] || exit 1
echo 'multigraph disk
graph_title Disks
sda.label sda
sda.value 1792000000:1
sda.value 1792000010:2
sda.value 3
multigraph disk.sda
graph_title Disk sda
busy.label busy
busy.value 4'`)
	r := look(t, c)
	*now = now.Add(time.Minute)
	look(t, c)
	if got := arguments(t, c); got != "config config" {
		t.Errorf("asked %s", got)
	}
	if r.Values["field/disk.sda"] != 3 || r.Values["field/disk.sda.busy"] != 4 {
		t.Errorf("%v", r.Values)
	}
	var past []dialtone.Sample
	for _, s := range r.Samples {
		if s.Name == "field" {
			past = append(past, s)
		}
	}
	labels := []dialtone.Label{{Name: "field", Value: "disk.sda"}}
	want := []dialtone.Sample{{Name: "field", Labels: labels, At: time.Unix(1792000000, 0).UTC(), Value: 1}, {Name: "field", Labels: labels, At: time.Unix(1792000010, 0).UTC(), Value: 2}}
	if diff := cmp.Diff(want, past); diff != "" {
		t.Errorf("of the past (-want +got):\n%s", diff)
	}
}

func TestMuninThatCannotTell(t *testing.T) {
	c, _ := muninScript(t, "bare", "echo a.value 1")
	want := "plugin bare describes no graph; does " + c.plugin.Path + " config print graph_title?"
	if err := c.Run(t.Context(), &Report{}); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	c, _ = muninScript(t, "broken", "echo 'no such device' >&2; exit 1")
	if err := c.Run(t.Context(), &Report{}); err == nil || err.Error() != "plugin broken ended with status 1: no such device" {
		t.Errorf("%v", err)
	}
	if got := c.Takes(); got != 40*time.Second {
		t.Errorf("it takes %s", got)
	}
	if _, err := New(&control.Service{Kind: "munin", Params: map[string]string{"plugin": "load"}}); err == nil {
		t.Error("a plugin without a path is taken")
	}
}

// TestRealMuninPlugins looks through Debian's own plugins.
func TestRealMuninPlugins(t *testing.T) {
	h := testkit.Munin(t)
	for name, want := range map[string]string{"load": "field/load", "cpu": "", "memory": "field/free", "uptime": "field/uptime", "df": "field/_dev_shm"} {
		c := newMunin(&control.Service{Kind: "munin", Name: name, Params: map[string]string{"plugin": h.Link(t, name, name), "config": h.Conf, "state": h.State}})
		r := look(t, c)
		if _, has := r.Values[want]; want != "" && !has {
			t.Errorf("%s: %v", name, r.Values)
		}
		if name == "cpu" {
			c.now = func() time.Time { return time.Now().Add(time.Second) }
			if r := look(t, c); len(r.Values) < 10 {
				t.Errorf("cpu, the second time: %v", r.Values)
			}
		}
	}
}

// TestMuninIsInspected: what a plugin lacks here is said before it is run.
func TestMuninIsInspected(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("who is not root is told that a plugin wants to be somebody else")
	}
	c, _ := muninScript(t, "fine", "")
	conf := t.TempDir()
	if err := os.WriteFile(filepath.Join(conf, "x"), []byte("[fine]\nuser nobody-here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ plugin, config, want string }{
		{c.plugin.Path, c.plugin.ConfDir, ""},
		{"/no/such", c.plugin.ConfDir, "there is no plugin /no/such"},
		{c.plugin.Path, conf, "plugin fine: user nobody-here not found"},
	} {
		s := &control.Service{Kind: "munin", Name: "x", Params: map[string]string{"plugin": test.plugin, "config": test.config}}
		Inspect(&control.File{Services: []*control.Service{s}})
		switch {
		case test.want == "" && s.Problem != nil, test.want != "" && (s.Problem == nil || s.Problem.Why != test.want || s.Problem.Partial):
			t.Errorf("%s with %s: %+v, want %q", test.plugin, test.config, s.Problem, test.want)
		}
	}
}

// TestMuninUpdateRate: a plugin is not asked before its update_rate has passed, and what it said stands until then.
func TestMuninUpdateRate(t *testing.T) {
	c, now := muninScript(t, "slow", `[ "$1" = config ] && echo 'graph_title t' && echo 'update_rate 300' && echo 'a.label a' && echo 'a.warning 0' && exit; echo a.value 1`)
	for range 11 {
		r := look(t, c)
		if r.Values["field/a"] != 1 || r.Values["status"] != 1 || r.Why == "" || len(r.Samples) != 2 {
			t.Fatalf("%+v", r)
		}
		*now = now.Add(time.Minute)
	}
	if got, want := arguments(t, c), "config fetch config fetch config fetch"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

// TestMuninBorrows: a plugin without values of its own draws those of another, of this machine.
func TestMuninBorrows(t *testing.T) {
	lender, at := muninScript(t, "lender", `[ "$1" = config ] && echo 'graph_title t' && echo 'a.label lent' && exit; echo a.value 5`)
	borrower, _ := muninScript(t, "borrower", `[ "$1" = config ] && echo 'graph_title of others' && echo 'graph_order b=lender.a' && echo 'host_name router' && exit; exit 0`)
	borrower.now = func() time.Time { return *at }
	look(t, borrower)
	look(t, lender)
	r := look(t, borrower)
	if r.Values["field/b"] != 5 {
		t.Errorf("%v", r.Values)
	}
	described := []dialtone.Label{{Name: "host_name", Value: "router"}, {Name: "graph", Value: ""}}
	if diff := cmp.Diff(described, r.Samples[0].Labels[:2]); diff != "" {
		t.Errorf("of whom (-want +got):\n%s", diff)
	}
}
