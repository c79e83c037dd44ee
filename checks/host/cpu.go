package host

import (
	"context"
	"fmt"
	"strings"

	"github.com/dialtone/dialtone"
	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/cpu"
)

func init() {
	register(source{
		name: "processor times",
		families: []dialtone.Metric{
			counter("node_cpu_seconds_total", "seconds", "Seconds that each processor spent in each mode.", "cpu", "mode"),
			counter("node_cpu_guest_seconds_total", "seconds", "Seconds that each processor spent running guests; they are part of user and nice.", "cpu", "mode"),
		},
		start: func(cfg Config) collector { return &cpuTimes{cfg: cfg, labels: newMemo(labelCPU)} },
	})
}

// cpuTimes asks gopsutil, which knows the columns of every kernel.
type cpuTimes struct {
	cfg    Config
	labels *memo[cpuLabels]
}

type cpuLabels struct {
	modes [8][]dialtone.Label
	guest [2][]dialtone.Label
}

var cpuModes = [8]string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}

func labelCPU(number string) cpuLabels {
	of := func(mode string) []dialtone.Label {
		return []dialtone.Label{{Name: "cpu", Value: number}, {Name: "mode", Value: mode}}
	}
	var l cpuLabels
	for i, mode := range cpuModes {
		l.modes[i] = of(mode)
	}
	l.guest = [2][]dialtone.Label{of("user"), of("nice")}
	return l
}

func (c *cpuTimes) collect(ctx context.Context, b *batch) error {
	all, err := cpu.TimesWithContext(c.cfg.gopsutil(ctx), true)
	if err != nil {
		return fmt.Errorf("reading processor times: %w", err)
	}
	for i := range all {
		t := &all[i]
		l := c.labels.of([]byte(strings.TrimPrefix(t.CPU, "cpu")))
		for mode, seconds := range [8]float64{t.User, t.Nice, t.System, t.Idle, t.Iowait, t.Irq, t.Softirq, t.Steal} {
			b.add("node_cpu_seconds_total", l.modes[mode], seconds)
		}
		b.add("node_cpu_guest_seconds_total", l.guest[0], t.Guest)
		b.add("node_cpu_guest_seconds_total", l.guest[1], t.GuestNice)
	}
	return nil
}

// gopsutil tells that library where the kernel's files are.
func (cfg Config) gopsutil(ctx context.Context) context.Context {
	return context.WithValue(ctx, common.EnvKey, common.EnvMap{common.HostProcEnvKey: cfg.Proc, common.HostSysEnvKey: cfg.Sys})
}
