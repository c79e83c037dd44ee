// Package proc reads what the kernel says of processes under /proc.
//
// Reading and parsing are apart: the parsers take text, and are tested on recorded text.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// TicksPerSecond is the unit of times in /proc/PID/stat: USER_HZ, which is 100 on every architecture that Go runs on under Linux.
const TicksPerSecond = 100

// Stat is what /proc/PID/stat says of a process (proc_pid_stat(5)). PID and Start together are its identity on this boot.
type Stat struct {
	PID     int
	Comm    string // name of the program, at most 15 bytes
	State   byte   // R, S, D, Z, T, …
	PPID    int
	Group   int // process group: the process id of its leader, who may be gone
	Session int // likewise
	TTY     int // controlling terminal; 0 where there is none
	Flags   uint64
	Ticks   uint64 // CPU time, user and system, in ticks
	Threads int
	Start   uint64 // in ticks since boot
	RSS     int64  // resident pages
}

// Dead reports whether the process has ended, though its number is still taken: a zombie runs nothing.
func (s *Stat) Dead() bool { return s.State == 'Z' || s.State == 'X' || s.State == 'x' }

// Kernel reports whether it is a thread of the kernel (PF_KTHREAD).
func (s *Stat) Kernel() bool { return s.Flags&0x00200000 != 0 }

// Age returns how long the process has run, measured on the clock that also runs while the machine sleeps.
func (s *Stat) Age() time.Duration {
	return max(0, sinceBoot()-time.Duration(s.Start)*(time.Second/TicksPerSecond))
}

// Started returns when the process started, to about 10 ms. Steps of the wall clock since then shift it.
func (s *Stat) Started() time.Time { return time.Now().Add(-s.Age()).UTC() }

func sinceBoot() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano())
}

// The numbers of fields behind the name, counted from the state, which is 0.
const (
	fieldState   = 0
	fieldPPID    = 1
	fieldGroup   = 2
	fieldSession = 3
	fieldTTY     = 4
	fieldFlags   = 6
	fieldUser    = 11
	fieldSystem  = 12
	fieldThreads = 17
	fieldStart   = 19
	fieldRSS     = 21
)

var errStat = errors.New("no line of /proc/PID/stat")

// Parse reads one line of /proc/PID/stat. The name stands in brackets and may hold brackets, spaces and line ends itself, so the
// last closing one ends it. On an error s is not usable.
func (s *Stat) Parse(text []byte) error {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 1 || end < open {
		return errStat
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text[:open])))
	if err != nil || pid <= 0 {
		return fmt.Errorf("%w: number %q", errStat, text[:open])
	}
	s.PID = pid
	if name := text[open+1 : end]; s.Comm != string(name) {
		s.Comm = string(name)
	}
	return s.parseFields(text[end+1:])
}

func (s *Stat) parseFields(text []byte) error {
	s.Ticks = 0
	n := 0
	for field := range bytes.FieldsSeq(text) {
		var err error
		switch n {
		case fieldState:
			s.State = field[0]
		case fieldPPID:
			s.PPID, err = strconv.Atoi(string(field))
		case fieldGroup:
			s.Group, err = strconv.Atoi(string(field))
		case fieldSession:
			s.Session, err = strconv.Atoi(string(field))
		case fieldTTY:
			s.TTY, err = strconv.Atoi(string(field))
		case fieldFlags:
			s.Flags, err = strconv.ParseUint(string(field), 10, 64)
		case fieldUser, fieldSystem:
			var ticks uint64
			ticks, err = strconv.ParseUint(string(field), 10, 64)
			s.Ticks += ticks
		case fieldThreads:
			s.Threads, err = strconv.Atoi(string(field))
		case fieldStart:
			s.Start, err = strconv.ParseUint(string(field), 10, 63)
		case fieldRSS:
			s.RSS, err = strconv.ParseInt(string(field), 10, 64)
			return err
		}
		if err != nil {
			return fmt.Errorf("%w: field %d: %w", errStat, n+3, err)
		}
		n++
	}
	return fmt.Errorf("%w: it ends after %d fields", errStat, n+2)
}

// String returns the line that Parse reads; what Stat does not keep is 0.
func (s Stat) String() string {
	return fmt.Sprintf("%d (%s) %c %d %d %d %d 0 %d 0 0 0 0 %d 0 0 0 0 0 %d 0 %d 0 %d",
		s.PID, s.Comm, s.State, s.PPID, s.Group, s.Session, s.TTY, s.Flags, s.Ticks, s.Threads, s.Start, s.RSS)
}
