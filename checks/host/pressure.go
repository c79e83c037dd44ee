package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	register(source{
		name: "pressure",
		families: []dialtone.Metric{
			counter("node_pressure_cpu_waiting_seconds_total", "seconds", "Seconds in which a process waited for a processor."),
			counter("node_pressure_io_stalled_seconds_total", "seconds", "Seconds in which all processes waited for disks."),
			counter("node_pressure_io_waiting_seconds_total", "seconds", "Seconds in which a process waited for disks."),
			counter("node_pressure_irq_stalled_seconds_total", "seconds", "Seconds in which interrupts kept all processes waiting."),
			counter("node_pressure_memory_stalled_seconds_total", "seconds", "Seconds in which all processes waited for memory."),
			counter("node_pressure_memory_waiting_seconds_total", "seconds", "Seconds in which a process waited for memory."),
		},
		start: func(cfg Config) collector {
			p := &pressure{}
			for _, name := range []string{"cpu", "io", "memory", "irq"} {
				p.files = append(p.files, pressureFile{
					file:    proc.NewFile(filepath.Join(cfg.Proc, "pressure", name)),
					waiting: "node_pressure_" + name + "_waiting_seconds_total",
					stalled: "node_pressure_" + name + "_stalled_seconds_total",
					some:    name != "irq",
					full:    name != "cpu", // of a whole machine it is always 0
				})
			}
			return p
		},
	})
}

// pressure reads pressure stall information (Linux: Documentation/accounting/psi.rst); gopsutil has none.
type pressure struct{ files []pressureFile }

type pressureFile struct {
	file             *proc.File
	waiting, stalled string
	some, full       bool
}

func (p *pressure) collect(_ context.Context, b *batch) error {
	var failed []error
	for _, f := range p.files {
		text, err := f.file.Read()
		switch {
		case err == nil:
			f.parse(text, b)
		case errors.Is(err, fs.ErrNotExist), unsupported(err):
		default:
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (f pressureFile) parse(text []byte, b *batch) {
	for line := range bytes.Lines(text) {
		kind, rest := cutField(line)
		_, after, found := bytes.Cut(rest, []byte("total="))
		total, _ := cutField(after)
		micros, ok := number(total)
		switch {
		case !found || !ok:
		case f.some && string(kind) == "some":
			b.add(f.waiting, nil, micros/1e6)
		case f.full && string(kind) == "full":
			b.add(f.stalled, nil, micros/1e6)
		}
	}
}
