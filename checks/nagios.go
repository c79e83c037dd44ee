package checks

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks/nagios"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
)

func init() {
	register(Kind{
		Name: "nagios",
		Doc: "A Nagios plugin, run unchanged: its exit status is what it found, its first line says why, and its performance data are values in seconds, " +
			"bytes, percent or plain numbers. The service is a warning at status 1 and critical at 2 unless the file has rules of its own on status. " +
			"A plugin that says UNKNOWN, ends in another way, or not in time (60 seconds), leaves the service unknown: nothing is known to be wrong.",
		Example: `check nagios root_disk with command "/usr/lib/nagios/plugins/check_disk -w 10% -c 5% -p /"
    if status > 1 for 3 cycles then alert
`,
		Params: []control.Param{
			{Word: "command", Type: control.ParamCommand, Required: true, Help: "The plugin and its arguments; they are split into words as a shell would, and no shell runs them."},
		},
		Reads: true,
		Values: []Value{
			{Name: "status", Phrases: []string{"status"}, Unit: "count", Type: dialtone.Gauge, Help: "0 when the plugin is content, 1 for its warning, 2 for critical."},
			{Name: "perfdata", Phrases: []string{"perfdata"}, Argument: "perfdata", Unit: "count", Type: dialtone.Gauge, Help: "A piece of the plugin's performance data, by its label, in seconds, bytes, percent or plain numbers."},
			{Name: "warnings", Phrases: []string{"warnings"}, Unit: "count", Type: dialtone.Gauge, Help: "Performance data that the plugin's own warning thresholds alert on, and its critical ones do not."},
			{Name: "criticals", Phrases: []string{"criticals"}, Unit: "count", Type: dialtone.Gauge, Help: "Performance data that the plugin's own critical thresholds alert on."},
			{Name: "took_seconds", Phrases: []string{"duration"}, Unit: "seconds", Type: dialtone.Gauge, Help: "How long the plugin ran."},
			{Name: "content", Help: "What the plugin printed."},
		},
		New: func(s *control.Service) Check { return &nagiosPlugin{spec: s} },
	})
}

// nagiosTimeout is how long Nagios lets a check run where its settings do not say otherwise.
const nagiosTimeout = 60 * time.Second

// nagiosPlugin runs one plugin.
type nagiosPlugin struct{ spec *control.Service }

func (n *nagiosPlugin) Validate() error {
	if n.spec.Program == nil || len(n.spec.Program.Argv) == 0 {
		return errors.New(`a Nagios plugin needs a command: with command "/usr/lib/nagios/plugins/check_NAME arguments"`)
	}
	return nil
}

// Run runs the plugin to its end. What it says of UNKNOWN is its error: it could not look.
func (n *nagiosPlugin) Run(ctx context.Context, r *Report) error {
	c := n.spec.Program
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = nagiosTimeout
	}
	result, err := command.Run(ctx, command.Spec{Argv: c.Argv, UID: c.UID, GID: c.GID, Timeout: timeout, Apart: true})
	if err != nil {
		return fmt.Errorf("running the plugin: %w", err)
	}
	output := nagios.ParseOutput(result.Output)
	if err := undecided(filepath.Base(c.Argv[0]), result, output, timeout); err != nil {
		return err
	}
	r.Existence = Present
	r.Why = output.Text
	r.Lines = outputLines(result.Output)
	if wants(n.spec, "content") {
		r.Text("content", result.Output)
	}
	r.Value("status", float64(result.ExitCode))
	r.Value("took_seconds", result.Took.Seconds())
	reportData(output.Data, r)
	return nil
}

// undecided is why a run decides nothing; nil when it does.
func undecided(name string, r command.Result, o nagios.Output, timeout time.Duration) error {
	said := o.Text
	if said == "" {
		said = firstLine(r.Errors)
	}
	switch {
	case r.TimedOut:
		return fmt.Errorf("%s did not end within %s and was killed", name, timeout)
	case r.ExitCode < 0:
		return fmt.Errorf("%s was killed by a signal", name)
	case r.ExitCode == nagios.Unknown && said != "":
		return fmt.Errorf("%s could not tell: %s", name, said)
	case r.ExitCode == nagios.Unknown:
		return fmt.Errorf("%s could not tell, and did not say why", name)
	case r.ExitCode > nagios.Unknown && said != "":
		return fmt.Errorf("%s ended with status %d, which no Nagios plugin has: %s", name, r.ExitCode, said)
	case r.ExitCode > nagios.Unknown:
		return fmt.Errorf("%s ended with status %d, which no Nagios plugin has", name, r.ExitCode)
	}
	return nil
}

// reportData turns performance data into values. What a label says twice is what it says last.
func reportData(data []nagios.Datum, r *Report) {
	warnings, criticals := 0, 0
	for _, d := range data {
		switch {
		case d.Critical.Alerts(d.Value):
			criticals++
		case d.Warning.Alerts(d.Value):
			warnings++
		}
		if !math.IsNaN(d.Value) {
			r.Value("perfdata/"+d.Label, d.Value)
		}
		r.Samples = append(r.Samples, info("perfdata_info", "perfdata", d.Label, "unit", d.Unit,
			"warning", rangeText(d.Warning), "critical", rangeText(d.Critical), "min", limitText(d.Min), "max", limitText(d.Max)))
	}
	r.Value("warnings", float64(warnings))
	r.Value("criticals", float64(criticals))
}

// rangeText writes a threshold as plugins do, in base units; empty where there is none.
func rangeText(r nagios.Range) string {
	if !r.Set {
		return ""
	}
	var b strings.Builder
	if r.Inside {
		b.WriteByte('@')
	}
	switch {
	case math.IsInf(r.Start, -1):
		b.WriteString("~:")
	case r.Start != 0:
		b.WriteString(plainNumber(r.Start) + ":")
	}
	if !math.IsInf(r.End, 1) {
		b.WriteString(plainNumber(r.End))
	}
	return b.String()
}

func limitText(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return plainNumber(v)
}

func plainNumber(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
