package checks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	register(Kind{
		Name: "process",
		Doc: "A running program: found by its pidfile, by a regular expression that its command line matches, or by its systemd unit. " +
			"A zombie is not running, and neither is another program that has the number in an old pidfile now. " +
			"A daemon that systemd is already starting again, by itself or because somebody restarts its unit, is waited for and not started twice. " +
			"A unit that was stopped without a failure, as by `systemctl stop`, is unknown and left alone; that goes for a program that " +
			"ends by itself with status 0, too.",
		Example: `check process asterisk with pidfile /run/asterisk/asterisk.pid
    start program = "/usr/sbin/asterisk"
    if cpu > 80% for 5 cycles then alert
    if total memory > 2 GB for 5 cycles then restart
    if failed port 5038 for 2 cycles then alert
`,
		Values: append([]Value{
			{Name: "cpu_percent", Phrases: []string{"cpu"}, Unit: "percent", Type: dialtone.Gauge, Help: "CPU time used by the process itself since the last look; 100 is one core."},
			{Name: "total_cpu_percent", Phrases: []string{"total cpu"}, Unit: "percent", Type: dialtone.Gauge, Help: "CPU time used by the process and all that it started; 100 is one core."},
			{Name: "memory_percent", Phrases: []string{"memory", "mem"}, Unit: "percent", Type: dialtone.Gauge, Help: "Resident memory of the process as a share of the machine's."},
			{Name: "memory_bytes", Phrases: []string{"memory", "mem"}, Unit: "bytes", Type: dialtone.Gauge, Help: "Resident memory of the process."},
			{Name: "total_memory_percent", Phrases: []string{"total memory", "total mem"}, Unit: "percent", Type: dialtone.Gauge, Help: "Resident memory of the process and all that it started, as a share of the machine's."},
			{Name: "total_memory_bytes", Phrases: []string{"total memory", "total mem"}, Unit: "bytes", Type: dialtone.Gauge, Help: "Resident memory of the process and all that it started; what they share counts for each."},
			{Name: "threads", Phrases: []string{"threads"}, Unit: "count", Type: dialtone.Gauge, Help: "Threads of the process."},
			{Name: "children", Phrases: []string{"children"}, Unit: "count", Type: dialtone.Gauge, Help: "Processes that it started, and those that they started."},
			{Name: "filedescriptors", Phrases: []string{"filedescriptors"}, Unit: "count", Type: dialtone.Gauge, Help: "Open files and sockets of the process; missing where the agent may not count them."},
			{Name: "filedescriptors_percent", Phrases: []string{"filedescriptors"}, Unit: "percent", Type: dialtone.Gauge, Help: "Open files and sockets as a share of what the process may open (RLIMIT_NOFILE)."},
			{Name: "total_filedescriptors", Phrases: []string{"total filedescriptors"}, Unit: "count", Type: dialtone.Gauge, Help: "Open files and sockets of the process and all that it started; counted only where a rule asks."},
			{Name: "read_bytes_per_second", Phrases: []string{"read"}, Unit: "bytes_per_second", Type: dialtone.Gauge, Help: "What the process read since the last look, from wherever: also from caches, pipes and terminals."},
			{Name: "write_bytes_per_second", Phrases: []string{"write"}, Unit: "bytes_per_second", Type: dialtone.Gauge, Help: "What the process wrote since the last look, to wherever."},
			{Name: "disk_read_bytes_per_second", Phrases: []string{"disk read"}, Unit: "bytes_per_second", Type: dialtone.Gauge, Help: "What had to be read from disks for the process since the last look."},
			{Name: "disk_write_bytes_per_second", Phrases: []string{"disk write"}, Unit: "bytes_per_second", Type: dialtone.Gauge, Help: "What of the process has to be written to disks since the last look."},
			{Name: "read_operations_per_second", Phrases: []string{"disk read", "read"}, Unit: "operations_per_second", Type: dialtone.Gauge, Help: "System calls that read."},
			{Name: "write_operations_per_second", Phrases: []string{"disk write", "write"}, Unit: "operations_per_second", Type: dialtone.Gauge, Help: "System calls that wrote."},
			{Name: "uptime_seconds", Phrases: []string{"uptime"}, Unit: "seconds", Type: dialtone.Gauge, Help: "How long the process has run."},
			{Name: "response_seconds", Phrases: []string{"responsetime"}, Unit: "seconds", Type: dialtone.Gauge, Help: "The slowest of the service's connection tests that succeeded."},
			{Name: "pid", Phrases: []string{"pid"}, Unit: "count", Type: dialtone.Gauge, Help: "Number of the process."},
			{Name: "ppid", Phrases: []string{"ppid"}, Unit: "count", Type: dialtone.Gauge, Help: "Number of its parent."},
			{Name: "uid", Help: "Real user, by name or number as the rule writes it."},
			{Name: "euid", Help: "Effective user, by name or number as the rule writes it."},
			{Name: "gid", Help: "Real group, by name or number as the rule writes it."},
			{Name: "security", Help: "Security attribute: the context of SELinux, or the profile and mode of AppArmor."},
		}, loadValues("; of the machine, and only where a rule asks")...),
		Found: true,
		Dials: true,
		New:   func(s *control.Service) Check { return newProcess(s, procRoot) },
	})
}

const procRoot = "/proc"

// processes is the one table that all checks of this program share.
var processes = proc.NewTable(procRoot)

// process watches one process. It remembers whom it saw, so that it knows them again whatever the clock does.
type process struct {
	spec    *control.Service
	root    string
	table   *proc.Table
	pattern *regexp.Regexp // of spec.Match
	ask     func(ctx context.Context, unit string) (unitStatus, error)

	seen  identity
	asked bool // systemd, whether the one last seen is a unit's
	ended ending
	unit  unitMemory
	stat  *proc.File // of the process last seen
	io    *proc.File // likewise
	usage usage
}

// identity is who was last found running. Start decides: a number alone says nothing.
type identity struct {
	pid     int
	start   uint64 // ticks since boot
	started time.Time
	pidfile time.Time // modification time of the pidfile that named it
	alive   uint64    // when it was last seen running, in ticks since boot
	program string    // its executable; empty where that cannot be known
	unit    string    // the systemd unit whose main process it is; empty: it is none's
}

// ending is a process that has ended and still has its number, and when it was first seen so. Whoever started it has to ask how it
// ended; until then it is a zombie, for milliseconds as a rule.
type ending struct {
	pid   int
	start uint64
	since time.Time
}

// zombieAfter is how long an ended process may keep its number before that is worth a word.
const zombieAfter = 3 * time.Second

func newProcess(s *control.Service, root string) *process {
	p := &process{spec: s, root: root, table: processes, ask: askSystemd}
	p.pattern, _ = regexp.Compile(s.Match) // Validate reports what is wrong with it
	return p
}

// Validate wants exactly one way to find the process.
func (p *process) Validate() error {
	ways := 0
	for _, way := range []string{p.spec.Pidfile, p.spec.Match, p.spec.Unit} {
		if way != "" {
			ways++
		}
	}
	if ways != 1 {
		return errors.New("a process is named by exactly one of: with pidfile PATH, matching REGEX, with unit NAME")
	}
	if _, err := regexp.Compile(p.spec.Match); err != nil {
		return fmt.Errorf("matching %q: %w", p.spec.Match, err)
	}
	return validateConnections(p.spec)
}

// Run finds the process, measures it and tries its connections.
func (p *process) Run(ctx context.Context, r *Report) error {
	found, why, err := p.find(ctx)
	if err == nil && why != "" && p.spec.Unit == "" {
		found, why, err = p.awaitSupervisor(ctx, why)
	}
	if err != nil {
		return err
	}
	if why != "" {
		r.Existence, r.Why = Absent, why
		p.lose()
		return nil
	}
	r.Existence = Present
	if found != nil {
		p.recognize(found)
		p.supervise(ctx, found.PID)
		p.seen.alive = found.Start + uint64(found.Age()/(time.Second/proc.TicksPerSecond))
		r.PID, r.Started = found.PID, p.seen.started
		p.measure(found, r)
	}
	return connect(ctx, p.spec, "127.0.0.1", r)
}

// find returns the process, or why there is none. A unit can be active without a process: then both are empty.
func (p *process) find(ctx context.Context) (found *proc.Stat, why string, err error) {
	switch {
	case p.spec.Pidfile != "":
		return p.findByPidfile()
	case p.spec.Unit != "":
		return p.findByUnit(ctx)
	}
	return p.findByMatch()
}

// recognize remembers who was found. The start is computed once for each process, so that its identity does not waver by the
// milliseconds between two readings of the clock.
func (p *process) recognize(s *proc.Stat) {
	if p.seen.pid == s.PID && p.seen.start == s.Start {
		return
	}
	p.lose()
	p.seen = identity{
		pid: s.PID, start: s.Start, started: s.Started().Truncate(time.Millisecond), pidfile: p.seen.pidfile,
		program: programOf(p.path(s.PID, "exe")),
	}
	p.asked = false
	p.stat, p.io = proc.NewFile(p.path(s.PID, "stat")), proc.NewFile(p.path(s.PID, "io"))
}

// lose forgets what was measured of the process that is gone; whom it saw stays known.
func (p *process) lose() {
	if p.stat != nil {
		p.stat.Close()
		p.io.Close()
		p.stat, p.io = nil, nil
	}
	p.usage = usage{}
}

func (p *process) path(pid int, name string) string {
	return filepath.Join(p.root, strconv.Itoa(pid), name)
}

// read looks at a process by number, through the file that is already open where it is the one last seen. The reason is empty
// when it runs.
func (p *process) read(pid int) (s *proc.Stat, why string, err error) {
	s, err = p.readStat(pid)
	switch {
	case errors.Is(err, fs.ErrNotExist) && hidden(pid):
		return nil, "", fmt.Errorf("process %d exists, but /proc hides it from this user; run the agent as root, or mount /proc without hidepid", pid)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Sprintf("process %d is not running", pid), nil
	case err != nil:
		return nil, "", fmt.Errorf("reading process %d: %w", pid, err)
	case s.Dead():
		return nil, p.end(s, time.Now()), nil
	}
	return s, "", nil
}

// end says that a process has ended, and of one that stays, what keeps it.
func (p *process) end(s *proc.Stat, now time.Time) string {
	if p.ended.pid != s.PID || p.ended.start != s.Start {
		p.ended = ending{pid: s.PID, start: s.Start, since: now}
	}
	if now.Sub(p.ended.since) < zombieAfter {
		return fmt.Sprintf("process %d (%s) has ended", s.PID, s.Comm)
	}
	return fmt.Sprintf("process %d (%s) is a zombie: it has ended, and its parent %d has not noticed", s.PID, s.Comm, s.PPID)
}

func (p *process) readStat(pid int) (*proc.Stat, error) {
	if p.stat == nil || p.seen.pid != pid {
		s, err := proc.ReadStat(p.root, pid)
		return &s, err
	}
	text, err := p.stat.Read()
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(text) == 0 {
		s, err := proc.ReadStat(p.root, pid) // the one last seen has ended: another may have its number
		return &s, err
	}
	if err != nil {
		return nil, err
	}
	s := &proc.Stat{}
	return s, s.Parse(text)
}

// findByMatch keeps to the process once found for as long as it lives, as Monit does; then it looks for another.
func (p *process) findByMatch() (*proc.Stat, string, error) {
	if p.seen.pid != 0 {
		s, why, err := p.read(p.seen.pid)
		if err == nil && why == "" && s.Start == p.seen.start {
			return s, "", nil
		}
	}
	s, found, err := p.table.Match(p.pattern)
	if err != nil {
		return nil, "", fmt.Errorf("looking for a process that matches %q: %w", p.spec.Match, err)
	}
	if !found {
		return nil, fmt.Sprintf("no process matches %q", p.spec.Match), nil
	}
	return &s, "", nil
}
