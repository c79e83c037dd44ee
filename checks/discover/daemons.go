package discover

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/proc"
)

// candidate is a process that may be the main process of a daemon.
type candidate struct {
	proc.Stat
	unit  string
	ports map[Port]bool
	high  int // listening sockets on ports that change with each start
}

// findDaemons gathers who listens and who is known, each by its main process, and picks the surest way to know it again.
func (e *explorer) findDaemons(ctx context.Context, m *Machine) error {
	all, err := e.table.All()
	if err != nil {
		return err
	}
	byPID := map[int]*candidate{}
	for _, s := range all {
		byPID[s.PID] = &candidate{Stat: s, unit: e.unitOf(s.PID, m.Systemd), ports: map[Port]bool{}}
	}
	m.Blind = e.findPorts(byPID)
	mains := merge(byPID)
	pidfiles := e.pidfiles()
	names := newNames()
	for _, c := range mains {
		if why := e.unwatched(c, byPID); why != "" {
			if len(c.ports) > 0 {
				m.Left = append(m.Left, fmt.Sprintf("%s (process %d, %s): %s", c.Comm, c.PID, portList(c.ports), why))
			}
			continue
		}
		d, why := e.daemon(ctx, c, pidfiles)
		if why != "" {
			m.Left = append(m.Left, fmt.Sprintf("%s (process %d): %s", c.Comm, c.PID, why))
			continue
		}
		d.Name = names.unique(d.Name)
		m.Daemons = append(m.Daemons, d)
	}
	slices.SortFunc(m.Daemons, func(a, b Daemon) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(m.Left)
	return nil
}

// findPorts gives each process the ports on which it listens; blind is true when some processes' sockets could not be seen.
func (e *explorer) findPorts(byPID map[int]*candidate) (blind bool) {
	listening := e.listeners()
	high := e.ephemeral()
	for pid, c := range byPID {
		inodes, ok := e.sockets(pid)
		blind = blind || !ok
		for _, inode := range inodes {
			l, is := listening[inode]
			if !is {
				continue
			}
			if l.port >= high {
				c.high++
				continue
			}
			p := Port{Number: l.port}
			if !l.address.IsUnspecified() {
				p.Address = l.address.String()
			}
			c.ports[p] = true
		}
	}
	return blind
}

// merge leaves the main process of each daemon, the top-most of those with the same name or unit, with the ports of all of them.
func merge(byPID map[int]*candidate) []*candidate {
	main := func(c *candidate) *candidate {
		for range len(byPID) {
			parent := byPID[c.PPID]
			if parent == nil || parent.PID == 1 || parent.Comm != c.Comm && (c.unit == "" || parent.unit != c.unit) {
				break
			}
			c = parent
		}
		return c
	}
	found := map[int]*candidate{}
	for _, c := range byPID {
		top := main(c)
		for p := range c.ports {
			top.ports[p] = true
		}
		found[top.PID] = top
	}
	var mains []*candidate
	for _, c := range found {
		mains = append(mains, c)
	}
	slices.SortFunc(mains, func(a, b *candidate) int { return cmp.Or(cmp.Compare(a.Start, b.Start), a.PID-b.PID) })
	return mains
}

// unwatched says why a process is not watched; empty when it is worth it.
func (e *explorer) unwatched(c *candidate, byPID map[int]*candidate) string {
	_, known := servers[c.Comm]
	switch {
	case c.PID == 1:
		return "it is the machine's first process, and ends with the machine"
	case never[c.Comm]:
		return "it belongs to a person or to the system"
	case e.family(c.PID, byPID):
		return "it started this look"
	case c.TTY != 0:
		return "it was started in a terminal"
	case !known && len(c.ports) == 0:
		return "nobody knows it, and it listens nowhere"
	case c.Comm == "master" && !strings.Contains(e.table.CommandLine(c.PID), "postfix"):
		return "nobody knows it"
	}
	return ""
}

// family reports whether a process is this one or one of its parents.
func (e *explorer) family(pid int, byPID map[int]*candidate) bool {
	for at, steps := e.self, 0; at > 1 && steps < 64; steps++ {
		if at == pid {
			return true
		}
		c := byPID[at]
		if c == nil {
			return false
		}
		at = c.PPID
	}
	return false
}

// daemon says how a process is known again, and asks its ports; why is not empty when it cannot be told from others.
func (e *explorer) daemon(ctx context.Context, c *candidate, pidfiles map[int]string) (d Daemon, why string) {
	s, known := servers[c.Comm]
	if !known {
		s = server{name: c.Comm, note: "it listens for connections", ask: http}
	}
	d = Daemon{Name: s.name, PID: c.PID, Note: s.note, Unit: c.unit, Pidfile: pidfiles[c.PID]}
	if d.Unit == "" && d.Pidfile == "" {
		if d.Match = e.pattern(c); d.Match == "" {
			return d, "its command line does not tell it from others"
		}
	}
	for p := range c.ports {
		d.Ports = append(d.Ports, e.test(ctx, p, s.ask))
	}
	slices.SortFunc(d.Ports, func(a, b Port) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), strings.Compare(a.Address, b.Address))
	})
	d.Ports = slices.CompactFunc(d.Ports, func(a, b Port) bool { return a.Number == b.Number })
	return d, ""
}

// test tries a port in the way that its server takes without harm.
func (e *explorer) test(ctx context.Context, p Port, ask asking) Port {
	test := &control.Connection{Host: cmp.Or(p.Address, "127.0.0.1"), Port: p.Number, Network: "tcp", Timeout: portPatience}
	switch ask {
	case silent:
	case connect:
		p.Tested = e.try(ctx, test) == nil
	case http:
		test.Protocol = "http"
		p.HTTP = e.try(ctx, test) == nil
		p.Tested = p.HTTP
	}
	return p
}

// portPatience is how long a port has to answer: it is on this machine.
const portPatience = 300 * time.Millisecond

// try runs one connection test, as the agent will.
func try(ctx context.Context, c *control.Connection) error {
	check, err := checks.New(&control.Service{Kind: "host", Name: "port", Address: c.Host, Rules: []*control.Rule{{Test: c}}})
	if err != nil {
		return err
	}
	var r checks.Report
	if err := check.Run(ctx, &r); err != nil {
		return err
	}
	return r.Connections[c].Err
}

// pattern returns an expression that finds the process and none before it: the beginning of its command line, or all of it. What
// an interpreter runs is told by the whole line alone.
func (e *explorer) pattern(c *candidate) string {
	line := e.table.CommandLine(c.PID)
	if line == "" || len(line) > 300 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' || r == '"' }) {
		return ""
	}
	first, _, _ := strings.Cut(line, " ")
	patterns := []string{"^" + regexp.QuoteMeta(line) + "$"}
	if !interpreter.MatchString(filepath.Base(first)) {
		patterns = append([]string{"^" + regexp.QuoteMeta(first) + "( |$)"}, patterns...)
	}
	for _, pattern := range patterns {
		found, ok, err := e.table.Match(regexp.MustCompile(pattern))
		if err == nil && ok && found.PID == c.PID {
			return pattern
		}
	}
	return ""
}

var interpreter = regexp.MustCompile(`^(python|perl|ruby|node|php|java|bash|sh|env)[0-9.]*$`)

// unitOf reads which unit of systemd a process belongs to; units of logged-in users and scopes are none.
func (e *explorer) unitOf(pid int, systemd bool) string {
	if !systemd {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(e.proc, strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return ""
	}
	return parseUnit(text)
}

// parseUnit reads /proc/PID/cgroup (cgroups(7)): `0::/system.slice/nginx.service`, or the line of systemd's own hierarchy.
func parseUnit(text []byte) string {
	for line := range bytes.Lines(text) {
		fields := strings.SplitN(strings.TrimSpace(string(line)), ":", 3)
		if len(fields) < 3 || fields[1] != "" && fields[1] != "name=systemd" || !strings.HasPrefix(fields[2], "/system.slice/") {
			continue
		}
		parts := strings.Split(fields[2], "/")
		for _, part := range slices.Backward(parts) {
			if strings.HasSuffix(part, ".service") && unitSyntax.MatchString(part) {
				return part
			}
		}
	}
	return ""
}

var unitSyntax = regexp.MustCompile(`^[A-Za-z0-9:_.@-]+$`)

// maxPidfiles bounds the search; a machine has a few dozen.
const maxPidfiles = 2000

// pidfiles returns the pidfiles under /run by the process that they name. One that is older than its process is stale.
func (e *explorer) pidfiles() map[int]string {
	found := map[int]string{}
	seen := 0
	_ = filepath.WalkDir(e.run, func(path string, entry fs.DirEntry, err error) error {
		if seen++; seen > maxPidfiles {
			return fs.SkipAll
		}
		if err != nil {
			return skip(entry)
		}
		deep := strings.Count(strings.TrimPrefix(path, e.run), "/")
		if entry.IsDir() && (deep > 1 || entry.Name() == "user" || entry.Name() == "systemd") {
			return fs.SkipDir
		}
		if entry.Type().IsRegular() && strings.HasSuffix(path, ".pid") && !strings.ContainsAny(path, "\" \t") {
			e.pidfile(path, found)
		}
		return nil
	})
	return found
}

func skip(entry fs.DirEntry) error {
	if entry != nil && entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func (e *explorer) pidfile(path string, found map[int]string) {
	info, err := os.Stat(path)
	if err != nil || info.Size() > 4096 {
		return
	}
	text, err := os.ReadFile(path)
	fields := strings.Fields(string(text))
	if err != nil || len(fields) == 0 {
		return
	}
	pid, err := strconv.Atoi(fields[0])
	if err != nil || pid <= 1 || found[pid] != "" {
		return
	}
	s, err := proc.ReadStat(e.proc, pid)
	if errors.Is(err, fs.ErrNotExist) || err != nil || s.Started().After(info.ModTime().Add(2*time.Second)) {
		return
	}
	found[pid] = path
}

func portList(ports map[Port]bool) string {
	var all []int
	for p := range ports {
		all = append(all, p.Number)
	}
	slices.Sort(all)
	words := make([]string, 0, len(all))
	for _, n := range slices.Compact(all) {
		words = append(words, strconv.Itoa(n))
	}
	return "port " + strings.Join(words, ", ")
}
