package host

import (
	"bytes"
	"context"
	"path/filepath"
	"strconv"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	register(source{
		name: "network queues",
		families: []dialtone.Metric{
			counter("node_softnet_dropped_total", "", "Packets dropped because the processor's queue was full.", "cpu"),
			counter("node_softnet_processed_total", "", "Packets taken from the processor's queue.", "cpu"),
			counter("node_softnet_times_squeezed_total", "", "How often the processor ran out of time with packets left in its queue.", "cpu"),
		},
		start: func(cfg Config) collector {
			return &softnet{file: proc.NewFile(filepath.Join(cfg.Proc, "net/softnet_stat")), labels: labeled("cpu")}
		},
	})
}

// softnet reads /proc/net/softnet_stat: a line of hexadecimal numbers for each processor. Newer kernels say in the 13th which
// one; before, the lines are those of the processors that are on line, in order.
type softnet struct {
	file   *proc.File
	labels *memo[[]dialtone.Label]
}

func (s *softnet) collect(_ context.Context, b *batch) error {
	text, err := s.file.Read()
	if err != nil {
		return err
	}
	s.parse(text, b)
	return nil
}

func (s *softnet) parse(text []byte, b *batch) {
	order := uint64(0)
	for line := range bytes.Lines(text) {
		var columns [13]uint64
		n := 0
		for field := range bytes.FieldsSeq(line) {
			value, err := strconv.ParseUint(string(field), 16, 64)
			if err != nil || n == len(columns) {
				break
			}
			columns[n] = value
			n++
		}
		if n < 3 {
			continue
		}
		cpu := order
		if n == len(columns) {
			cpu = columns[12]
		}
		order++
		labels := s.labels.of(strconv.AppendUint(nil, cpu, 10))
		b.add("node_softnet_processed_total", labels, float64(columns[0]))
		b.add("node_softnet_dropped_total", labels, float64(columns[1]))
		b.add("node_softnet_times_squeezed_total", labels, float64(columns[2]))
	}
}
