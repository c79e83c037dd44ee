package checks

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/proc"
)

// treeAge is how old a look at all processes may be for the values that count children. It is what keeps sixty services cheap.
const treeAge = 2 * time.Second

// usage turns what the kernel counts of a process into rates.
type usage struct {
	own, total meter // ticks of CPU time
	io         rates
}

var pageSize = float64(os.Getpagesize())

// measure fills in the values of a running process. What cannot be read is left out: a missing value decides nothing.
func (p *process) measure(s *proc.Stat, r *Report) {
	memory := float64(s.RSS) * pageSize
	r.Value("pid", float64(s.PID))
	r.Value("ppid", float64(s.PPID))
	r.Value("threads", float64(s.Threads))
	r.Value("uptime_seconds", s.Age().Seconds())
	r.Value("memory_bytes", memory)
	whole := machineMemory()
	if whole > 0 {
		r.Value("memory_percent", 100*memory/whole)
	}
	if percent, ok := p.usage.own.percent(time.Now(), s.Ticks); ok {
		r.Value("cpu_percent", percent)
	}
	p.measureDescriptors(s.PID, r)
	p.measureIO(r)
	p.measureTree(s.PID, whole, r)
	if compares(p.spec, loadNames...) {
		_ = reportLoad(p.root, r) // what cannot be read decides nothing
	}
	p.measureOwner(s.PID, r)
	p.measureSecurity(s.PID, r)
}

func (p *process) measureTree(pid int, whole float64, r *Report) {
	tree, err := p.table.Tree(pid, treeAge)
	if err != nil {
		return
	}
	memory := float64(tree.RSS) * pageSize
	r.Value("children", float64(tree.Children))
	r.Value("total_memory_bytes", memory)
	if whole > 0 {
		r.Value("total_memory_percent", 100*memory/whole)
	}
	if percent, ok := p.usage.total.percent(tree.At, tree.Ticks); ok {
		r.Value("total_cpu_percent", percent)
	}
}

// measureOwner reads who the process runs as, if a rule asks.
func (p *process) measureOwner(pid int, r *Report) {
	if !wants(p.spec, "uid", "euid", "gid") {
		return
	}
	text, err := os.ReadFile(p.path(pid, "status"))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		switch fields[0] {
		case "Uid:":
			r.Text("uid", ownerText(p.spec, "uid", fields[1]))
			r.Text("euid", ownerText(p.spec, "euid", fields[2]))
		case "Gid:":
			r.Text("gid", ownerText(p.spec, "gid", fields[1]))
		}
	}
}

// measureSecurity reads what a security module says of the process, if a rule asks. Without such a module there is nothing to read.
func (p *process) measureSecurity(pid int, r *Report) {
	if !wants(p.spec, "security") {
		return
	}
	text, err := os.ReadFile(p.path(pid, "attr/current"))
	if err != nil {
		return
	}
	r.Text("security", strings.TrimRight(string(text), "\x00\r\n "))
}

// wants reports whether a rule looks at one of the texts, so that what costs something is read for those who need it.
func wants(s *control.Service, names ...string) bool {
	for _, rule := range s.Rules {
		var looked string
		switch test := rule.Test.(type) {
		case *control.Expect:
			looked = test.Value
		case *control.Changed:
			looked = test.Value
		}
		if looked != "" && slices.Contains(names, looked) {
			return true
		}
	}
	return false
}

// machineMemory is the size of the memory in bytes; 0 where the machine does not say.
var machineMemory = sync.OnceValue(func() float64 {
	text, err := os.ReadFile(filepath.Join(procRoot, "meminfo"))
	if err != nil {
		return 0
	}
	return parseMeminfo(string(text))["MemTotal"]
})
