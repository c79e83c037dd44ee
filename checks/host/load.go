package host

import (
	"context"
	"fmt"

	"github.com/dialtone/dialtone"
	"github.com/shirou/gopsutil/v3/load"
)

func init() {
	register(source{
		name: "load",
		families: []dialtone.Metric{
			gauge("node_load1", "", "Load average of one minute."),
			gauge("node_load5", "", "Load average of five minutes."),
			gauge("node_load15", "", "Load average of fifteen minutes."),
		},
		start: func(cfg Config) collector { return loadAverage{cfg} },
	})
}

type loadAverage struct{ cfg Config }

func (l loadAverage) collect(ctx context.Context, b *batch) error {
	average, err := load.AvgWithContext(l.cfg.gopsutil(ctx))
	if err != nil {
		return fmt.Errorf("reading load averages: %w", err)
	}
	b.add("node_load1", nil, average.Load1)
	b.add("node_load5", nil, average.Load5)
	b.add("node_load15", nil, average.Load15)
	return nil
}
