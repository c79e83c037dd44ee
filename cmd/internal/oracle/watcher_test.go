package oracle

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dialtone/dialtone/cmd/internal/agentcmd"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// asAgent makes this test's own binary the agent.
const asAgent = "DIALTONE_ORACLE_AGENT"

func TestMain(m *testing.M) {
	if os.Getenv(asAgent) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := agentcmd.Main(ctx, os.Args[1:], os.Stdout, os.Stderr, "oracle")
	stop()
	os.Exit(code)
}

// watcher is Monit or the agent at work on a folder of its own. A cycle is one SIGUSR1, and over when all that it set off is done.
type watcher struct {
	t       *testing.T
	dir     string
	spec    command.Spec
	process *command.Process                  // nil before the first cycle
	say     func(args ...string) command.Spec // a command to the running one
	first   bool                              // its start is a cycle
	ended   func(cycle int) error             // nil: that cycle has ended
	ports   map[string]int                    // by row
	heard   map[string]net.Listener           // the same
}

// cycleWithin is how long a cycle may take on a machine that does much else.
const cycleWithin = 40 * time.Second

// global is what the two need of the file beside the services, which are the same.
const (
	globalOfMonit = "set daemon 3600\nset pidfile DIR/pid\nset idfile DIR/id\nset statefile DIR/state\nset logfile DIR/log\n" +
		"set httpd unixsocket DIR/sock allow root:letmein\n"
	globalOfOurs = "set daemon 3600 with start delay 3600\nset statefile DIR/state\n"

	// eager lets dialtone heal as often as Monit does, which knows neither budget nor back-off.
	eager = "set heal budget 1000 per hour 1000 per day with backoff 1 milliseconds\n"
)

// everyCycle tells that Monit has made a cycle.
const everyCycle = "check file every with path DIR/cycle\n  if size > 0 B then exec \"DIR/rec every cycle\" repeat every 1 cycles\n"

func monit(t *testing.T, services string) *watcher {
	bin := testkit.Program(t, "monit", "monit")
	w := &watcher{t: t, first: true, ports: map[string]int{}, heard: map[string]net.Listener{}}
	w.prepare(globalOfMonit + services + everyCycle)
	w.spec = bin.Spec("-c", w.path("conf"), "-I")
	w.say = func(args ...string) command.Spec { return bin.Spec(append([]string{"-c", w.path("conf")}, args...)...) }
	w.ended = func(cycle int) error {
		if made := len(w.record("every")); made <= cycle {
			return fmt.Errorf("%d cycles were made", made)
		}
		return errors.Join(sleeps(w.process.PID()), w.quiet())
	}
	return w
}

func ours(t *testing.T, services string) *watcher {
	w := &watcher{t: t, ports: map[string]int{}, heard: map[string]net.Listener{}}
	w.prepare(globalOfOurs + services)
	self, err := command.Self()
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{asAgent: "1"}
	w.spec = command.Spec{Argv: []string{self, "-c", w.path("conf"), "-I", "-v"}, Env: env, MaxOutput: 16 << 20}
	w.say = func(args ...string) command.Spec {
		return command.Spec{Argv: append([]string{self, "-c", w.path("conf")}, args...), Env: env}
	}
	w.ended = func(cycle int) error {
		if ends := strings.Count(w.process.Output(), `"a cycle that was asked for has ended"`); ends <= cycle {
			return fmt.Errorf("%d cycles have ended", ends)
		}
		return w.quiet()
	}
	return w
}

// sleeps reports whether a process waits for the next cycle, an hour away: its first thread is in clock_nanosleep(2) for longer than any
// of its own waits. Which services Monit looks at last is its own affair, so nothing in its file can tell.
func sleeps(pid int) error {
	numbers := map[string]string{"amd64": "230", "arm64": "115"}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 4 || fields[0] != numbers[runtime.GOARCH] {
		return fmt.Errorf("process %d does not sleep: %s, %w", pid, text, err)
	}
	address, err := strconv.ParseInt(strings.TrimPrefix(fields[3], "0x"), 16, 64)
	if err != nil {
		return err
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return err
	}
	defer func() { _ = memory.Close() }()
	seconds := make([]byte, 8)
	if _, err := memory.ReadAt(seconds, address); err != nil {
		return err
	}
	if n := binary.NativeEndian.Uint64(seconds); n < 60 {
		return fmt.Errorf("process %d sleeps for %d seconds only", pid, n)
	}
	return nil
}

func (w *watcher) path(name string) string { return filepath.Join(w.dir, name) }

// rec writes down that it was run, and in which cycle; ctl does so too, and starts or stops a daemon; crash ends one with -9. A daemon's
// parent waits for it, so that what is killed is gone at once on a machine whose first process is slow to ask.
const (
	rec = "#!/bin/sh\nread cycle <DIR/cycle\necho \"$cycle:$2\" >>DIR/record.$1\n"
	ctl = `#!/bin/sh
DIR/rec $1 $2-$3
case $2 in
start)
	rm -f DIR/$3.pid
	setsid /bin/sh -c "tail -f DIR/alive DIR/$3.daemon </dev/null & echo \$! >DIR/$3.new; mv DIR/$3.new DIR/$3.pid; wait" </dev/null >/dev/null 2>&1 &
	while ! [ -s DIR/$3.pid ]; do sleep 0.01; done ;;
stop)
	DIR/crash $3
	rm -f DIR/$3.pid ;;
esac
`
	crash = "#!/bin/sh\npid=$(cat DIR/$1.pid)\nkill -9 $pid\nwhile [ -d /proc/$pid ]; do :; done\n"
)

func (w *watcher) prepare(conf string) {
	w.dir = w.t.TempDir()
	for _, r := range rows {
		if r.hears != "" {
			w.ports[r.name] = testkit.FreePort(w.t)
			conf = strings.ReplaceAll(conf, "PORT-"+r.name, strconv.Itoa(w.ports[r.name]))
		}
	}
	for name, text := range map[string]string{"conf": conf, "rec": rec, "ctl": ctl, "crash": crash, "alive": "", "cycle": "0\n"} {
		mode := os.FileMode(0o600)
		if strings.HasPrefix(text, "#!") {
			mode = 0o700
		}
		if err := os.WriteFile(w.path(name), []byte(w.in(text)), mode); err != nil {
			w.t.Fatal(err)
		}
	}
	w.t.Cleanup(w.endDaemons)
}

// in puts a text into the watcher's folder.
func (w *watcher) in(text string) string { return strings.ReplaceAll(text, "DIR", w.dir) }

// start runs it, once the files of the first cycle are there: Monit takes no checksum of what is missing.
func (w *watcher) start() {
	p, err := command.Start(w.spec)
	if err != nil {
		w.t.Fatal(err)
	}
	w.process = p
	w.t.Cleanup(func() { p.Stop(10 * time.Second) })
	if w.first {
		return
	}
	testkit.Eventually(w.t, cycleWithin, func() error {
		w.alive(0)
		_, err := os.Stat(w.path("state.sock"))
		return err
	})
}

// shell runs what a cycle begins with.
func (w *watcher) shell(script string) {
	w.t.Helper()
	r, err := command.Run(w.t.Context(), command.Spec{Argv: []string{"/bin/sh", "-ec", w.in(script)}, Dir: w.dir})
	if err != nil || r.ExitCode != 0 {
		w.t.Fatalf("%s: status %d, %v: %s", script, r.ExitCode, err, r.Output)
	}
}

// cycle makes one cycle and waits for its end. A command makes Monit begin one by itself.
func (w *watcher) cycle(number int, said bool) {
	w.t.Helper()
	if w.process == nil {
		w.start()
	}
	if !w.first || number > 0 && !said {
		if err := w.process.Signal(syscall.SIGUSR1); err != nil {
			w.t.Fatal(err)
		}
	}
	testkit.Eventually(w.t, cycleWithin, func() error {
		w.alive(number)
		if err := w.ended(number); err != nil {
			return fmt.Errorf("cycle %d: %w\n%s", number, err, w.log())
		}
		return nil
	})
}

// alive fails the test when the watcher has ended, as it does when it refuses its file.
func (w *watcher) alive(cycle int) {
	select {
	case <-w.process.Ended():
		w.t.Fatalf("it has ended in cycle %d: %s", cycle, w.log())
	default:
	}
}

func (w *watcher) log() string {
	text, _ := os.ReadFile(w.path("log"))
	all := string(text) + w.process.Output()
	return all[max(0, len(all)-4000):]
}

// record is what the programs of a row have written down.
func (w *watcher) record(row string) []string {
	text, _ := os.ReadFile(w.path("record." + row))
	return strings.Fields(string(text))
}

// quiet reports whether no program of the file runs any more. Monit runs an exec beside its cycle: before it is that program, the new
// process is another Monit.
func (w *watcher) quiet() error {
	for pid, line := range processes(w.dir + "/") {
		for _, program := range []string{"/rec", "/ctl", "/conf", "/crash", "/status"} {
			if pid != w.process.PID() && strings.Contains(line, w.dir+program) {
				return fmt.Errorf("%s still runs", line)
			}
		}
	}
	return nil
}

// hear accepts connections for a row, or no longer.
func (w *watcher) hear(name string, accepts bool) {
	l := w.heard[name]
	if accepts == (l != nil) {
		return
	}
	if !accepts {
		delete(w.heard, name)
		_ = l.Close()
		return
	}
	var lc net.ListenConfig
	l, err := lc.Listen(w.t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", w.ports[name]))
	if err != nil {
		w.t.Fatal(err)
	}
	w.heard[name] = l
	w.t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
}

// processes are those whose command line holds text, by their ids.
func processes(text string) map[int]string {
	found := map[int]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, err := os.ReadFile(file)
		pid, isNumber := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && isNumber == nil && bytes.Contains(line, []byte(text)) {
			found[pid] = strings.ReplaceAll(string(line), "\x00", " ")
		}
	}
	return found
}

func (w *watcher) endDaemons() {
	for pid, line := range processes(w.dir + "/alive") {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			w.t.Logf("%s is left: %v", line, err)
		}
	}
}
