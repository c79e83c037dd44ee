package proc

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// Table is the machine's processes as they were at one instant not long ago. One table serves all checks, so that sixty services
// cost one walk through /proc, not sixty. It is safe for concurrent use; make it with NewTable.
type Table struct {
	root string

	mu       sync.Mutex
	at       time.Time
	procs    map[int]*entry
	children map[int][]*entry
	buf      []byte
	scan     uint64
}

type entry struct {
	Stat
	scan    uint64
	cmdline string // empty until somebody asks, or where there is none
	asked   bool
}

// NewTable makes a table of the processes under root, which is /proc outside of tests.
func NewTable(root string) *Table {
	return &Table{root: root, procs: map[int]*entry{}, children: map[int][]*entry{}, buf: make([]byte, 4096)}
}

// Tree is what a process and its descendants use together.
type Tree struct {
	At       time.Time // when it was looked at
	Children int       // descendants, at any depth, the process itself not counted
	Ticks    uint64
	RSS      int64 // pages; memory that they share is counted for each
}

// Tree sums up a process and its descendants, from a look not older than maxAge.
func (t *Table) Tree(pid int, maxAge time.Duration) (Tree, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.refresh(maxAge); err != nil {
		return Tree{}, err
	}
	sum := Tree{At: t.at}
	if p := t.procs[pid]; p != nil {
		sum.Ticks, sum.RSS = p.Ticks, p.RSS
		t.add(&sum, pid, 0)
	}
	return sum, nil
}

// deepest bounds the descent: a parent that changed while /proc was walked could close a circle.
const deepest = 64

func (t *Table) add(sum *Tree, pid, depth int) {
	if depth > deepest {
		return
	}
	for _, p := range t.children[pid] {
		sum.Children++
		sum.Ticks += p.Ticks
		sum.RSS += p.RSS
		t.add(sum, p.PID, depth+1)
	}
}

// Descendants returns the numbers of all that a process started, at any depth, from a look not older than maxAge; in no order.
func (t *Table) Descendants(pid int, maxAge time.Duration) ([]int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.refresh(maxAge); err != nil {
		return nil, err
	}
	return t.below(nil, pid, 0), nil
}

func (t *Table) below(all []int, pid, depth int) []int {
	if depth > deepest {
		return all
	}
	for _, p := range t.children[pid] {
		all = t.below(append(all, p.PID), p.PID, depth+1)
	}
	return all
}

// Match finds the process whose command line matches: of several the one that has no matching parent, and of those the oldest.
// The threads of the kernel and what has ended are left out. It always looks anew; found is false where nothing matches.
func (t *Table) Match(pattern *regexp.Regexp) (s Stat, found bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.refresh(0); err != nil {
		return Stat{}, false, err
	}
	var best *entry
	for _, p := range t.procs {
		if !t.matches(p, pattern) || t.matches(t.procs[p.PPID], pattern) {
			continue
		}
		if best == nil || p.Start < best.Start || p.Start == best.Start && p.PID < best.PID {
			best = p
		}
	}
	if best == nil {
		return Stat{}, false, nil
	}
	return best.Stat, true, nil
}

func (t *Table) matches(p *entry, pattern *regexp.Regexp) bool {
	if p == nil || p.Kernel() || p.Dead() || p.PID == os.Getpid() {
		return false
	}
	return pattern.MatchString(t.commandLine(p))
}

// commandLine reads a process' arguments once in its life; a process that shows none is known by its name.
func (t *Table) commandLine(p *entry) string {
	if !p.asked {
		text, err := os.ReadFile(filepath.Join(t.root, strconv.Itoa(p.PID), "cmdline"))
		if err == nil {
			p.cmdline = CommandLine(text)
		}
		p.asked = true
	}
	if p.cmdline == "" {
		return p.Comm
	}
	return p.cmdline
}

// CommandLine turns the text of /proc/PID/cmdline into one line: arguments with a space between them.
func CommandLine(text []byte) string {
	return string(bytes.TrimSpace(bytes.ReplaceAll(text, []byte{0}, []byte{' '})))
}

// CommandLine returns the arguments of a process with a space between them, or its name where it shows none; empty when it has ended.
func (t *Table) CommandLine(pid int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.procs[pid]
	if p == nil {
		return ""
	}
	return t.commandLine(p)
}

// All returns every process that runs now, the kernel's own left out, in no order.
func (t *Table) All() ([]Stat, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.refresh(0); err != nil {
		return nil, err
	}
	all := make([]Stat, 0, len(t.procs))
	for _, p := range t.procs {
		if !p.Kernel() && !p.Dead() {
			all = append(all, p.Stat)
		}
	}
	return all, nil
}

func (t *Table) refresh(maxAge time.Duration) error {
	if !t.at.IsZero() && time.Since(t.at) < maxAge {
		return nil
	}
	dir, err := os.Open(t.root)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	t.scan++
	t.at = time.Now()
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			t.look(pid, name)
		}
	}
	t.forget()
	return nil
}

// look reads one process. It may have ended since its name was read, which is no error.
func (t *Table) look(pid int, name string) {
	text, err := t.read(filepath.Join(t.root, name, "stat"))
	if err != nil {
		return
	}
	p := t.procs[pid]
	if p == nil {
		p = &entry{}
		t.procs[pid] = p
	}
	start, comm := p.Start, p.Comm
	if p.Parse(text) != nil {
		delete(t.procs, pid)
		return
	}
	if p.Start != start || p.Comm != comm {
		p.asked, p.cmdline = false, ""
	}
	p.scan = t.scan
}

// forget drops those who were not seen in this walk, and links the rest to their parents.
func (t *Table) forget() {
	for pid, list := range t.children {
		if t.procs[pid] == nil || t.procs[pid].scan != t.scan {
			delete(t.children, pid)
			continue
		}
		t.children[pid] = list[:0]
	}
	for pid, p := range t.procs {
		if p.scan != t.scan {
			delete(t.procs, pid)
			continue
		}
		t.children[p.PPID] = append(t.children[p.PPID], p)
	}
}

func (t *Table) read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	n, err := f.Read(t.buf)
	if err != nil {
		return nil, err
	}
	return t.buf[:n], nil
}

// ReadStat reads one process; fs.ErrNotExist when there is none.
func ReadStat(root string, pid int) (Stat, error) {
	var s Stat
	f := NewFile(filepath.Join(root, strconv.Itoa(pid), "stat"))
	defer f.Close()
	text, err := f.Read()
	if err != nil {
		return s, err
	}
	if len(text) == 0 {
		return s, fs.ErrNotExist
	}
	return s, errors.Join(s.Parse(text))
}
