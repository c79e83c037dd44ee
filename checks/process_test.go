package checks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/proc"
	"github.com/google/go-cmp/cmp"
)

// absentPID is a number that the kernel never gives out: pid_max is at most 4194304.
const absentPID = 1 << 30

// machine is a /proc of the test's own.
type machine struct{ root string }

func newMachine(t *testing.T) *machine { return &machine{root: t.TempDir()} }

func (m *machine) run(t *testing.T, s proc.Stat, cmdline string) {
	t.Helper()
	if s.State == 0 {
		s.State = 'S'
	}
	dir := filepath.Join(m.root, strconv.Itoa(s.PID))
	if err := os.MkdirAll(filepath.Join(dir, "fd"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "stat"), s.String())
	writeFile(t, filepath.Join(dir, "cmdline"), cmdline)
	writeFile(t, filepath.Join(dir, "status"), "Name:\tx\nUid:\t0\t65534\t0\t0\nGid:\t0\t0\t0\t0\n")
}

func (m *machine) end(t *testing.T, pid int) {
	t.Helper()
	writeFile(t, filepath.Join(m.root, strconv.Itoa(pid), "stat"), "") // who holds it open sees the end, as with the real /proc
	if err := os.RemoveAll(filepath.Join(m.root, strconv.Itoa(pid))); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) check(t *testing.T, s *control.Service) *process {
	t.Helper()
	s.Kind, s.Name = "process", "under test"
	p := newProcess(s, m.root)
	p.table = proc.NewTable(m.root)
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t *testing.T, c Check) *Report {
	t.Helper()
	r := &Report{}
	if err := c.Run(t.Context(), r); err != nil {
		t.Fatalf("could not look: %v", err)
	}
	return r
}

// ticksAgo is the start, in ticks since boot, of a process that started so long ago.
func ticksAgo(ago time.Duration) uint64 {
	own, err := proc.ReadStat("/proc", os.Getpid())
	if err != nil {
		return 0
	}
	at := time.Duration(own.Start)*(time.Second/proc.TicksPerSecond) + own.Age() - ago
	return uint64(max(0, at) / (time.Second / proc.TicksPerSecond))
}

func pidfile(t *testing.T, name string, written time.Time) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	writeFile(t, path, fmt.Sprintf("%d\n", absentPID))
	if err := os.Chtimes(path, written, written); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProcessByPidfile(t *testing.T) {
	then := time.Now().Add(-30 * time.Second)
	for _, test := range []struct {
		name    string
		stat    proc.Stat
		pidfile string
		written time.Time
		absent  string // part of the reason; empty: present
	}{
		{name: "runs", stat: proc.Stat{Comm: "mydaemon", Start: ticksAgo(30 * time.Second)}, pidfile: "d.pid", written: then.Add(time.Second)},
		{name: "zombie", stat: proc.Stat{Comm: "mydaemon", State: 'Z', PPID: 7, Start: ticksAgo(30 * time.Second)}, pidfile: "d.pid", written: then, absent: "process 1073741824 (mydaemon) has ended (pidfile "},
		{name: "number passed on", stat: proc.Stat{Comm: "sleep", Start: ticksAgo(10 * time.Second)}, pidfile: "d.pid", written: then, absent: "is now sleep"},
		{name: "same program, odd time", stat: proc.Stat{Comm: "mydaemon", Start: ticksAgo(10 * time.Second)}, pidfile: "mydaemon.pid", written: then},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMachine(t)
			test.stat.PID = absentPID
			m.run(t, test.stat, "x")
			r := run(t, m.check(t, &control.Service{Pidfile: pidfile(t, test.pidfile, test.written)}))
			wantExistence(t, r, test.absent)
		})
	}
}

func wantExistence(t *testing.T, r *Report, absent string) {
	t.Helper()
	want := Present
	if absent != "" {
		want = Absent
	}
	if r.Existence != want || !strings.Contains(r.Why, absent) {
		t.Errorf("existence %d, why %q; wanted %d and a reason with %q", r.Existence, r.Why, want, absent)
	}
}

// TestAZombieIsCalledSoWhenItStays: every process that ends is one for a moment, which is nobody's fault.
func TestAZombieIsCalledSoWhenItStays(t *testing.T) {
	m := newMachine(t)
	p := m.check(t, &control.Service{Pidfile: pidfile(t, "d.pid", time.Now())})
	m.run(t, proc.Stat{PID: absentPID, Comm: "d", State: 'Z', PPID: 7, Start: 9}, "")
	for range 2 {
		if r := run(t, p); r.Existence != Absent || !strings.HasPrefix(r.Why, "process 1073741824 (d) has ended (pidfile ") {
			t.Fatalf("in its first moments it is %+v", r)
		}
	}
	p.ended.since = p.ended.since.Add(-zombieAfter)
	want := "process 1073741824 (d) is a zombie: it has ended, and its parent 7 has not noticed (pidfile "
	if r := run(t, p); !strings.HasPrefix(r.Why, want) {
		t.Errorf("one that stays is %q", r.Why)
	}
	m.run(t, proc.Stat{PID: absentPID, Comm: "d", State: 'Z', PPID: 7, Start: 10}, "")
	if r := run(t, p); !strings.Contains(r.Why, "has ended (") {
		t.Errorf("the next one with its number is %q", r.Why)
	}
}

func TestProcessWithoutUsablePidfile(t *testing.T) {
	m := newMachine(t)
	dir := t.TempDir()
	for name, test := range map[string]struct{ text, why string }{
		"empty.pid":   {"", "no process number"},
		"words.pid":   {"not a number\n", `"not", which is no process number`},
		"minus.pid":   {"-3", "no process number"},
		"nobody.pid":  {strconv.Itoa(absentPID), "is not running"},
		"toolong.pid": {strings.Repeat("9", 5000), "no process number"},
	} {
		writeFile(t, filepath.Join(dir, name), test.text)
		wantExistence(t, run(t, m.check(t, &control.Service{Pidfile: filepath.Join(dir, name)})), test.why)
	}
	wantExistence(t, run(t, m.check(t, &control.Service{Pidfile: filepath.Join(dir, "none.pid")})), "does not exist")
	if err := m.check(t, &control.Service{Pidfile: dir}).Run(t.Context(), &Report{}); err == nil {
		t.Error("a folder in the place of the pidfile can be read")
	}
}

// TestProcessKeepsItsIdentity: who was seen is known again though the clock was set, and another with the number is not.
func TestProcessKeepsItsIdentity(t *testing.T) {
	m := newMachine(t)
	path := pidfile(t, "d.pid", time.Now().Add(-30*time.Second))
	p := m.check(t, &control.Service{Pidfile: path})
	first := proc.Stat{PID: absentPID, Comm: "daemon", Start: ticksAgo(30 * time.Second)}
	m.run(t, first, "daemon")
	before := run(t, p)

	back := time.Now().Add(-300 * 24 * time.Hour) // as if the clock had been put forward since
	if err := os.Chtimes(path, back, back); err != nil {
		t.Fatal(err)
	}
	after := run(t, p)
	if after.Existence != Present || after.PID != before.PID || !after.Started.Equal(before.Started) {
		t.Errorf("seen as %d since %s, then as %d since %s (%s)", before.PID, before.Started, after.PID, after.Started, after.Why)
	}

	m.end(t, absentPID)
	first.Start += 100
	m.run(t, first, "daemon")
	wantExistence(t, run(t, p), "stale")
}

// TestPidfileOfAnotherProgram: a number that was written anew is believed of the same program and of one that started since, but not of a
// program that ran beside the one it would replace.
func TestPidfileOfAnotherProgram(t *testing.T) {
	for name, test := range map[string]struct {
		start   time.Duration
		program string
		comm    string
		absent  string
	}{
		"another that ran already":     {time.Hour, "/bin/sleep", "sleep", "is sleep, and ran already while process 1073741824 was daemon"},
		"the same that ran already":    {time.Hour, "/usr/sbin/daemon (deleted)", "daemon", ""},
		"another that started since":   {-time.Second, "/usr/sbin/daemon2", "daemon2", ""},
		"one that cannot be looked at": {time.Hour, "", "sleep", ""},
		"one that the file is of":      {time.Hour, "/bin/sh", "d", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			path := pidfile(t, "d.pid", time.Now().Add(-29*time.Second))
			p := m.check(t, &control.Service{Pidfile: path})
			m.run(t, proc.Stat{PID: absentPID, Comm: "daemon", Start: ticksAgo(30 * time.Second)}, "daemon")
			m.program(t, absentPID, "/usr/sbin/daemon")
			wantExistence(t, run(t, p), "")
			m.run(t, proc.Stat{PID: absentPID + 1, Comm: test.comm, Start: ticksAgo(test.start)}, "x")
			if test.program != "" {
				m.program(t, absentPID+1, test.program)
			}
			writeFile(t, path, strconv.Itoa(absentPID+1))
			wantExistence(t, run(t, p), test.absent)
		})
	}
}

func (m *machine) program(t *testing.T, pid int, path string) {
	t.Helper()
	if err := os.Symlink(path, filepath.Join(m.root, strconv.Itoa(pid), "exe")); err != nil {
		t.Fatal(err)
	}
}

// TestProcessOfASupervisor: what systemd starts again by itself is waited for.
func TestProcessOfASupervisor(t *testing.T) {
	m := newMachine(t)
	path := pidfile(t, "d.pid", time.Now())
	p := m.check(t, &control.Service{Pidfile: path})
	begin := func(pid int) {
		m.run(t, proc.Stat{PID: pid, Comm: "d", Start: ticksAgo(10*time.Second) + uint64(pid-absentPID)}, "d")
		writeFile(t, filepath.Join(m.root, strconv.Itoa(pid), "cgroup"), "0::/system.slice/d.service\n")
		writeFile(t, path, strconv.Itoa(pid))
	}
	begin(absentPID)
	asked := 0
	status := unitStatus{ActiveState: "active", MainPID: absentPID}
	p.ask = func(_ context.Context, unit string) (unitStatus, error) {
		if unit != "d.service" {
			t.Errorf("asked of %s", unit)
		}
		if asked++; asked == 3 { // while the check waits
			begin(absentPID + 1)
		}
		return status, nil
	}
	run(t, p)
	run(t, p)
	if asked != 1 {
		t.Errorf("systemd was asked %d times while the process lived", asked)
	}
	m.end(t, absentPID)
	status = unitStatus{ActiveState: "activating", SubState: "auto-restart"}
	if r := run(t, p); r.Existence != Present || r.PID != absentPID+1 || asked < 3 {
		t.Errorf("seen as %+v, after %d questions", r, asked)
	}
	status = unitStatus{ActiveState: "active", MainPID: 7}
	m.end(t, absentPID+1)
	begin(absentPID + 2)
	run(t, p) // this one only happens to be in the unit's control group
	asked = 10
	m.end(t, absentPID+2)
	wantExistence(t, run(t, p), "is not running")
	if asked != 10 {
		t.Error("systemd was asked of what is no unit's")
	}
}

// TestSupervisorThatTakesItsTime: one that waits long leaves the service unknown; one that gave up, or cannot be asked, leaves it absent.
func TestSupervisorThatTakesItsTime(t *testing.T) {
	status, fault := unitStatus{ActiveState: "activating", SubState: "auto-restart"}, error(nil)
	p := newMachine(t).check(t, &control.Service{Pidfile: pidfile(t, "d.pid", time.Now())})
	p.seen = identity{pid: absentPID, start: 1, unit: "d.service"}
	p.ask = func(context.Context, string) (unitStatus, error) { return status, fault }
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
	defer cancel()
	if err := p.Run(ctx, &Report{}); err == nil || !strings.Contains(err.Error(), "systemd is at work on unit d.service (auto-restart)") {
		t.Errorf("while systemd waits: %v", err)
	}
	status = unitStatus{ActiveState: "failed"}
	wantExistence(t, run(t, p), "is not running")
	status, fault = unitStatus{}, errors.New("no systemd")
	wantExistence(t, run(t, p), "is not running")
}

func TestParseCgroup(t *testing.T) {
	for text, want := range map[string]string{
		"0::/system.slice/nginx.service\n":                                       "nginx.service",
		"12:cpu:/x\n1:name=systemd:/system.slice/nginx.service\n0::/\n":          "nginx.service",
		"0::/user.slice/user-1000.slice/session-3.scope\n":                       "",
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/d.service\n": "",
		"0::/\n": "", "": "", "garbage\n": "",
		"0::/system.slice/system-getty.slice/getty@tty1.service\n": "getty@tty1.service",
	} {
		if got := parseCgroup(text); got != want {
			t.Errorf("%q is in %q, wanted %q", text, got, want)
		}
	}
}

func TestProcessByMatch(t *testing.T) {
	m := newMachine(t)
	p := m.check(t, &control.Service{Match: "celery worker"})
	wantExistence(t, run(t, p), `no process matches "celery worker"`)

	m.run(t, proc.Stat{PID: absentPID, Comm: "python", PPID: 1, Start: 500}, "python -m celery worker")
	m.run(t, proc.Stat{PID: absentPID + 1, Comm: "python", PPID: absentPID, Start: 501}, "python -m celery worker")
	if r := run(t, p); r.PID != absentPID {
		t.Errorf("found %d, not the parent", r.PID)
	}
	m.run(t, proc.Stat{PID: absentPID + 2, Comm: "python", PPID: 1, Start: 100}, "python -m celery worker")
	if r := run(t, p); r.PID != absentPID {
		t.Errorf("went over to %d while the one it knew still runs", r.PID)
	}
	m.end(t, absentPID)
	if r := run(t, p); r.PID != absentPID+2 {
		t.Errorf("found %d after the first ended, not the oldest", r.PID)
	}
}

func TestProcessByUnit(t *testing.T) {
	m := newMachine(t)
	m.run(t, proc.Stat{PID: absentPID, Comm: "asterisk", Start: ticksAgo(10 * time.Second)}, "asterisk -f")
	p := m.check(t, &control.Service{Unit: "asterisk.service"})
	asked := 0
	status := unitStatus{LoadState: "loaded", ActiveState: "active", SubState: "running", MainPID: absentPID}
	p.ask = func(context.Context, string) (unitStatus, error) { asked++; return status, nil }

	for range 3 {
		if r := run(t, p); r.Existence != Present || r.PID != absentPID {
			t.Fatalf("seen as %+v", r)
		}
	}
	if asked != 1 {
		t.Errorf("systemd was asked %d times while the process lived", asked)
	}
	m.end(t, absentPID)
	status = unitStatus{LoadState: "loaded", ActiveState: "failed", SubState: "failed", Result: "signal"}
	wantExistence(t, run(t, p), "unit asterisk.service has failed (signal)")
	status = unitStatus{LoadState: "loaded", ActiveState: "active", SubState: "exited"}
	if r := run(t, p); r.Existence != Present || r.PID != 0 {
		t.Errorf("an active unit without a process is seen as %+v", r)
	}
	p.ask = func(context.Context, string) (unitStatus, error) { return unitStatus{}, errors.New("no systemd") }
	if err := p.Run(t.Context(), &Report{}); err == nil {
		t.Error("a systemd that cannot be asked makes no error")
	}
}

func TestUnitJudge(t *testing.T) {
	for _, test := range []struct {
		unit  unitStatus
		why   string
		fails bool
	}{
		{unit: unitStatus{ActiveState: "active"}},
		{unit: unitStatus{ActiveState: "reloading"}},
		{unit: unitStatus{ActiveState: "activating", SubState: "start", MainPID: 3}},
		{unit: unitStatus{ActiveState: "activating", SubState: "auto-restart", Result: "signal"}, why: "has ended (signal), and systemd waits"},
		{unit: unitStatus{ActiveState: "activating", SubState: "start-pre"}, fails: true},
		{unit: unitStatus{ActiveState: "deactivating", SubState: "stop-sigterm", Result: "success", MainPID: 3}, fails: true},
		{unit: unitStatus{ActiveState: "deactivating", SubState: "stop-post", Result: "signal"}, why: "has ended (signal)"},
		{unit: unitStatus{ActiveState: "inactive", Result: "success", UnitFileState: "enabled", Ended: "12345"}, fails: true},
		{unit: unitStatus{ActiveState: "inactive", Result: "success", UnitFileState: "disabled", Ended: "0"}, fails: true},
		{unit: unitStatus{ActiveState: "inactive", Result: "success", UnitFileState: "enabled", Ended: "0"}, why: "was not started with the machine"},
		{unit: unitStatus{LoadState: "not-found", ActiveState: "inactive"}, fails: true},
	} {
		why, err := test.unit.judge("x.service")
		if !strings.Contains(why, test.why) || (why == "") != (test.why == "") || (err != nil) != test.fails {
			t.Errorf("%+v: %q, %v", test.unit, why, err)
		}
	}
}

func TestParseUnit(t *testing.T) {
	text, err := os.ReadFile("testdata/systemctl-show.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseUnit(string(text))
	want := unitStatus{LoadState: "loaded", ActiveState: "active", SubState: "running", Result: "success", InvocationID: "6f2d7c1be1f04b6c9d0c8a4a2f7e5b11", MainPID: 812}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, bad := range []string{"", "Failed to connect to bus", "ActiveState=active\nMainPID=x"} {
		if _, err := parseUnit(bad); err == nil {
			t.Errorf("%q is taken for the state of a unit", bad)
		}
	}
}

func TestProcessMeasures(t *testing.T) {
	m := newMachine(t)
	s := proc.Stat{PID: absentPID, Comm: "d", PPID: 3, Threads: 4, Ticks: 100, Start: ticksAgo(20 * time.Second), RSS: 10}
	m.run(t, s, "d")
	m.run(t, proc.Stat{PID: absentPID + 1, Comm: "child", PPID: absentPID, RSS: 5, Start: 5}, "child")
	spec := &control.Service{Match: "^d$", Rules: []*control.Rule{{Test: &control.Expect{Value: "uid", Want: "root"}}, {Test: &control.Expect{Value: "gid", Want: "0"}}}}
	p := m.check(t, spec)
	r := run(t, p)
	page := float64(os.Getpagesize())
	for name, want := range map[string]float64{
		"pid": absentPID, "ppid": 3, "threads": 4, "children": 1, "memory_bytes": 10 * page, "total_memory_bytes": 15 * page,
	} {
		if r.Values[name] != want {
			t.Errorf("%s is %v, wanted %v", name, r.Values[name], want)
		}
	}
	if up := r.Values["uptime_seconds"]; up < 19 || up > 3600 {
		t.Errorf("up for %v s", up)
	}
	if r.Texts["uid"] != "root" || r.Texts["gid"] != "0" {
		t.Errorf("runs as %v", r.Texts)
	}
	if _, known := r.Values["cpu_percent"]; known {
		t.Error("CPU time is known from one look")
	}
}

func TestMeter(t *testing.T) {
	var m meter
	at := time.Unix(1000, 0)
	type step struct {
		after time.Duration
		ticks uint64
		want  float64
		known bool
	}
	for i, s := range []step{{0, 500, 0, false}, {2 * time.Second, 600, 50, true}, {0, 600, 50, true}, {time.Second, 800, 200, true}, {time.Second, 10, 0, true}} {
		at = at.Add(s.after)
		if got, known := m.percent(at, s.ticks); got != s.want || known != s.known {
			t.Errorf("step %d: %v %t, wanted %v %t", i, got, known, s.want, s.known)
		}
	}
}

func TestProcessValidate(t *testing.T) {
	for _, s := range []*control.Service{
		{},
		{Pidfile: "/a", Match: "b"},
		{Match: "("},
		{Match: "a", Rules: []*control.Rule{{Test: &control.Connection{Port: 0}}}},
		{Match: "a", Rules: []*control.Rule{{Test: &control.Connection{Port: 80, Protocol: "gopher"}}}},
	} {
		s.Kind = "process"
		if _, err := New(s); err == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
}

// TestOwnProcess measures the process that runs the test, through the real /proc.
func TestOwnProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own.pid")
	writeFile(t, path, strconv.Itoa(os.Getpid()))
	c, err := New(&control.Service{Kind: "process", Name: "own", Pidfile: path})
	if err != nil {
		t.Fatal(err)
	}
	run(t, c)
	c.(*process).usage.own.at = time.Now().Add(-time.Second)
	r := run(t, c)
	if r.Existence != Present || r.PID != os.Getpid() {
		t.Fatalf("this process is seen as %+v", r)
	}
	for _, name := range []string{"memory_percent", "filedescriptors", "threads", "cpu_percent"} {
		if _, known := r.Values[name]; !known {
			t.Errorf("%s is not known", name)
		}
	}
	wantDeclared(t, "process", r)
}

// wantDeclared fails for each value in the report that its kind does not declare.
func wantDeclared(t *testing.T, kind string, r *Report) {
	t.Helper()
	for name := range r.Values {
		if v, _ := Declared(kind, name); v.Name == "" {
			t.Errorf("kind %s does not declare the value %s", kind, name)
		}
	}
	for name := range r.Texts {
		if v, _ := Declared(kind, name); v.Name == "" {
			t.Errorf("kind %s does not declare the text %s", kind, name)
		}
	}
}

// TestProcessIO looks at this process, which the test makes read, write and open.
func TestProcessIO(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "own.pid"), strconv.Itoa(os.Getpid()))
	s := &control.Service{Pidfile: filepath.Join(dir, "own.pid"), Rules: rules(
		&control.Compare{Value: "total_filedescriptors"}, &control.Compare{Value: "load1"}, &control.Expect{Value: "security", Want: "unconfined"},
	)}
	p := newCheck(t, "process", s).(*process)
	run(t, p)
	for _, m := range p.usage.io {
		m.at = m.at.Add(-10 * time.Second)
	}
	big := strings.Repeat("x", 10<<20)
	writeFile(t, filepath.Join(dir, "big"), big)
	if _, err := os.ReadFile(filepath.Join(dir, "big")); err != nil {
		t.Fatal(err)
	}
	r := run(t, p)
	for name, least := range map[string]float64{
		"write_bytes_per_second": 9e5, "write_operations_per_second": 0.05, "read_bytes_per_second": 1, "read_operations_per_second": 0.1,
		"filedescriptors": 1, "filedescriptors_percent": 1e-6,
		"total_filedescriptors": r.Values["filedescriptors"], "load1": 0,
	} {
		if got, known := r.Values[name]; !known || got < least {
			t.Errorf("%s is %v, known %t; wanted at least %v", name, got, known, least)
		}
	}
	wantDeclared(t, "process", r)
}

func FuzzParseIO(f *testing.F) {
	f.Add([]byte("rchar: 3234\nwchar: 0\nsyscr: 7\nread_bytes: 4096\nwrite_bytes: x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if n := len(parseIO(text)); n > len(ioNames) {
			t.Errorf("%d values", n)
		}
	})
}

func FuzzParseCgroup(f *testing.F) {
	f.Add("1:name=systemd:/system.slice/nginx.service\n0::/\n")
	f.Fuzz(func(t *testing.T, text string) {
		if unit := parseCgroup(text); strings.ContainsAny(unit, "/\n") {
			t.Errorf("unit %q of %q", unit, text)
		}
	})
}

func FuzzPidfile(f *testing.F) {
	f.Add([]byte("812\n"))
	f.Add([]byte("3127\n/var/lib/postgresql/15/main\n1700000000\n5432\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if pid, err := parsePidfile(text); err == nil && pid <= 0 {
			t.Errorf("process number %d out of %q", pid, text)
		}
	})
}

func FuzzParseUnit(f *testing.F) {
	f.Add("ActiveState=active\nMainPID=1\n")
	f.Fuzz(func(t *testing.T, text string) {
		if u, err := parseUnit(text); err == nil && (u.MainPID < 0 || u.ActiveState == "") {
			t.Errorf("%+v out of %q", u, text)
		}
	})
}

func BenchmarkProcess(b *testing.B) {
	path := filepath.Join(b.TempDir(), "own.pid")
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		b.Fatal(err)
	}
	c, err := New(&control.Service{Kind: "process", Name: "own", Pidfile: path})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Run(b.Context(), &Report{}); err != nil {
			b.Fatal(err)
		}
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
