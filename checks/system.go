package checks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Kind{
		Name: "system",
		Doc:  "The machine as a whole: load, processor time since the last look, memory and swap. Its full metrics are on the metrics page; these are the ones that rules use.",
		Example: `check system $HOST
    if loadavg (5min) > 16 for 12 cycles then alert
    if cpu (steal) > 20% for 12 cycles then alert
    if memory > 95% for 12 cycles then alert
`,
		Values: slices.Concat(loadValues(""), []Value{
			{Name: "memory_percent", Phrases: []string{"memory", "mem"}, Unit: "percent", Type: dialtone.Gauge, Help: "Memory that programs could not get (MemTotal less MemAvailable)."},
			{Name: "memory_bytes", Phrases: []string{"memory", "mem"}, Unit: "bytes", Type: dialtone.Gauge, Help: "Memory that programs could not get (MemTotal less MemAvailable)."},
			{Name: "swap_percent", Phrases: []string{"swap"}, Unit: "percent", Type: dialtone.Gauge, Help: "Used swap; missing where there is none."},
			{Name: "swap_bytes", Phrases: []string{"swap"}, Unit: "bytes", Type: dialtone.Gauge, Help: "Used swap."},
			{Name: "filedescriptors", Phrases: []string{"filedescriptors"}, Unit: "count", Type: dialtone.Gauge, Help: "Open files of the whole machine."},
			{Name: "filedescriptors_percent", Phrases: []string{"filedescriptors"}, Unit: "percent", Type: dialtone.Gauge, Help: "Open files as a share of what the machine allows (fs.file-max)."},
			{Name: "pagein_per_second", Phrases: []string{"pagein", "page in"}, Unit: "operations_per_second", Type: dialtone.Gauge, Help: "Pages brought back from swap since the last look."},
			{Name: "pageout_per_second", Phrases: []string{"pageout", "page out"}, Unit: "operations_per_second", Type: dialtone.Gauge, Help: "Pages moved out to swap since the last look."},
			{Name: "uptime_seconds", Phrases: []string{"uptime"}, Unit: "seconds", Type: dialtone.Gauge, Help: "Time since the machine booted."},
		}, cpuValues()),
		New: func(*control.Service) Check { return &system{root: procRoot, paging: rates{}} },
	})
}

// cpuModes are the columns of the cpu line of /proc/stat (proc_stat(5)), by Monit's names.
var cpuModes = [...]string{"user", "nice", "system", "idle", "wait", "hardirq", "softirq", "steal", "guest", "guestnice"}

const (
	modeIdle  = 3
	modeWait  = 4
	modeGuest = 8 // from here on: counted in user and nice already
)

func cpuValues() []Value {
	values := []Value{{Name: "cpu_percent", Phrases: []string{"cpu", "cpu total"}, Unit: "percent", Type: dialtone.Gauge, Help: "Processor time of all cores that was neither idle nor waiting for disks; 100 is all of them."}}
	for i, mode := range cpuModes {
		if i == modeIdle {
			continue
		}
		values = append(values, Value{
			Name: "cpu_" + mode + "_percent", Phrases: cpuPhrases(mode), Unit: "percent", Type: dialtone.Gauge,
			Help: fmt.Sprintf("Processor time of all cores in mode %s.", mode),
		})
	}
	return values
}

func cpuPhrases(mode string) []string {
	if mode == "wait" {
		return []string{"cpu wait", "cpu iowait"}
	}
	return []string{"cpu " + mode}
}

// system watches the machine; it remembers the processor times of the look before.
type system struct {
	root   string
	before cpuTimes
	paging rates
}

type cpuTimes [len(cpuModes)]uint64

func (s *system) Validate() error { return nil }

// Run reads seven small files. What one of them lacks does not keep the rest from the report; the error names it.
func (s *system) Run(_ context.Context, r *Report) error {
	r.Existence = Present
	return errors.Join(reportLoad(s.root, r), s.memory(r), s.cpu(r), s.uptime(r), s.files(r), s.pages(r))
}

func (s *system) read(name string) (string, error) { return readMachine(s.root, name) }

func readMachine(root, name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		return "", fmt.Errorf("reading the machine's %s: %w", name, err)
	}
	return string(text), nil
}

func (s *system) memory(r *Report) error {
	text, err := s.read("meminfo")
	if err != nil {
		return err
	}
	info := parseMeminfo(text)
	if info["MemTotal"] == 0 {
		return errors.New("reading the machine's meminfo: it names no MemTotal")
	}
	used := info["MemTotal"] - info["MemAvailable"]
	r.Value("memory_bytes", used)
	r.Value("memory_percent", 100*used/info["MemTotal"])
	if total := info["SwapTotal"]; total > 0 {
		r.Value("swap_bytes", total-info["SwapFree"])
		r.Value("swap_percent", 100*(total-info["SwapFree"])/total)
	}
	return nil
}

// parseMeminfo reads /proc/meminfo, in bytes; lines that are none are left out.
func parseMeminfo(text string) map[string]float64 {
	info := make(map[string]float64, 64)
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			continue
		}
		n, err := strconv.ParseUint(fields[0], 10, 53)
		if err != nil {
			continue
		}
		info[name] = float64(n)
		if len(fields) > 1 && fields[1] == "kB" {
			info[name] *= 1024
		}
	}
	return info
}

func (s *system) cpu(r *Report) error {
	text, err := s.read("stat")
	if err != nil {
		return err
	}
	now, err := parseCPU(text)
	if err != nil {
		return err
	}
	before := s.before
	s.before = now
	if before == (cpuTimes{}) {
		return nil
	}
	used, all := now.since(before)
	if all == 0 {
		return nil
	}
	for i, mode := range cpuModes {
		if i != modeIdle {
			r.Value("cpu_"+mode+"_percent", 100*used[i]/all)
		}
	}
	r.Value("cpu_percent", 100*max(0, all-used[modeIdle]-used[modeWait])/all)
	return nil
}

// since returns the ticks of each mode between two readings, and of all of them. The kernel lets idle and wait go back a
// little at times: that counts as none.
func (c cpuTimes) since(before cpuTimes) (used [len(cpuModes)]float64, all float64) {
	for i := range c {
		if c[i] > before[i] {
			used[i] = float64(c[i] - before[i])
		}
		if i < modeGuest {
			all += used[i]
		}
	}
	return used, all
}

// parseCPU reads the first line of /proc/stat. Old kernels have fewer columns: those missing are 0.
func parseCPU(text string) (cpuTimes, error) {
	var times cpuTimes
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 5 || fields[0] != "cpu" {
		return times, fmt.Errorf("reading the machine's stat: its first line is %q", firstLine(line))
	}
	for i, field := range fields[1:min(len(fields), len(times)+1)] {
		ticks, err := strconv.ParseUint(field, 10, 63)
		if err != nil {
			return cpuTimes{}, fmt.Errorf("reading the machine's stat: %w", err)
		}
		times[i] = ticks
	}
	return times, nil
}

func (s *system) uptime(r *Report) error {
	text, err := s.read("uptime")
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(text, " ")
	seconds, err := strconv.ParseFloat(first, 64)
	if err != nil || seconds < 0 {
		return fmt.Errorf("reading the machine's uptime: %q is none", firstLine(text))
	}
	r.Value("uptime_seconds", seconds)
	return nil
}
