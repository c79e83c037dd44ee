package checks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks/munin"
	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Kind{
		Name: "munin",
		Doc: "A Munin plugin, run unchanged and as munin-node runs it: each of its fields is a value, and each of its graphs a graph on the node's page. " +
			"Fields that count are rates, and a cdef is computed. The limits that the plugin gives its fields make the service a warning or critical, unless " +
			"the file has rules of its own on status, warnings or criticals. A field of a plugin with several graphs is named GRAPH.FIELD.",
		Example: `check munin load with plugin /etc/munin/plugins/load
    every 12 cycles
    if field load > 16 for 3 cycles then alert
`,
		Params: []control.Param{
			{Word: "plugin", Type: control.ParamPath, Required: true, Help: "The plugin, by the name that it is to be run as: a wildcard plugin by its link."},
			{Word: "config", Type: control.ParamPath, Help: "The folder that says how plugins are run, /etc/munin/plugin-conf.d unless written."},
			{Word: "state", Type: control.ParamPath, Help: "The folder of what plugins remember, munin-node's where it is there, else /var/lib/dialtone/plugin-state."},
			{Word: "timeout", Type: control.ParamDuration, Help: "How long one run may take, 10 seconds unless written here or in the folder above."},
		},
		Values: []Value{
			{Name: "field", Phrases: []string{"field"}, Argument: "field", Unit: "count", Type: dialtone.Gauge, Help: "A field as its graph shows it: a rate where it counts, after its cdef."},
			{Name: "status", Phrases: []string{"status"}, Unit: "count", Type: dialtone.Gauge, Help: "0 when every field is within its limits, 1 when one is beyond warning, 2 when one is beyond critical."},
			{Name: "warnings", Phrases: []string{"warnings"}, Unit: "count", Type: dialtone.Gauge, Help: "Fields beyond warning and not beyond critical."},
			{Name: "criticals", Phrases: []string{"criticals"}, Unit: "count", Type: dialtone.Gauge, Help: "Fields beyond critical."},
			{Name: "unknowns", Phrases: []string{"unknowns"}, Unit: "count", Type: dialtone.Gauge, Help: "Fields without a value for longer than their unknown_limit allows, three times unless they say otherwise."},
			{Name: "took_seconds", Phrases: []string{"duration"}, Unit: "seconds", Type: dialtone.Gauge, Help: "How long the plugin ran."},
		},
		New: func(s *control.Service) Check { return newMunin(s) },
	})
}

// configAge is how long a plugin's description is good for, as Munin asks for it.
const configAge = 5 * time.Minute

// loans are what the plugins of this machine draw of one another. A service knows no other, so they meet here.
var loans munin.Loans

// muninPlugin runs one plugin. It asks for the description now and then, for values each time.
type muninPlugin struct {
	spec     *control.Service
	plugin   munin.Plugin
	now      func() time.Time
	config   munin.Config
	asked    time.Time // when the description was asked for; zero: it is due
	unknown  string    // fields that the newest description lacks
	recorder munin.Recorder

	// What the newest look found, which stands until the plugin's update_rate has passed.
	ran    time.Time
	newest []munin.Value
	status munin.Status
}

func newMunin(s *control.Service) *muninPlugin {
	host, _ := os.Hostname() // without a name of its own it borrows by none
	return &muninPlugin{spec: s, now: time.Now, plugin: MuninPlugin(s), recorder: munin.Recorder{Loans: &loans, Host: host}}
}

// MuninPlugin is the plugin that a service of kind munin runs.
func MuninPlugin(s *control.Service) munin.Plugin {
	timeout, _ := time.ParseDuration(s.Params["timeout"]) // the parser has read it
	return munin.Plugin{Path: s.Params["plugin"], ConfDir: s.Params["config"], StateDir: s.Params["state"], Timeout: timeout}
}

func (m *muninPlugin) Validate() error {
	if !filepath.IsAbs(m.plugin.Path) {
		return errors.New("a Munin plugin needs a path: with plugin /etc/munin/plugins/NAME")
	}
	return nil
}

// plugin looks for the plugin of a service of kind munin, and for what it is to be run as.
func (i *inspector) plugin() {
	if i.of.Kind != "munin" || !filepath.IsAbs(i.of.Params["plugin"]) {
		return
	}
	p := MuninPlugin(i.of)
	if err := p.Check(); err != nil {
		i.add(i.of.Pos, true, err.Error(), "install it, or take the statement out")
		return
	}
	if err := p.Ready(); err != nil {
		i.add(i.of.Pos, true, err.Error(), "change what the folder of settings says of it")
	}
}

// Takes is how long a look may last: the plugin may be asked twice.
func (m *muninPlugin) Takes() time.Duration {
	timeout := m.plugin.Timeout
	if settings, err := m.plugin.Settings(); timeout <= 0 && err == nil {
		timeout = settings.Timeout
	}
	if timeout <= 0 {
		timeout = munin.DefaultTimeout
	}
	return 2 * timeout
}

// Run asks the plugin; one that fails leaves the service unknown, for it has not said how what it looks at is.
func (m *muninPlugin) Run(ctx context.Context, r *Report) error {
	if err := m.plugin.Check(); err != nil {
		return err
	}
	if began := m.now(); m.due(began) {
		if err := m.look(ctx, began, r); err != nil {
			return err
		}
	}
	r.Existence = Present
	for _, v := range m.newest {
		r.Value("field/"+v.Graph.FullName(v.Field), v.Value)
	}
	r.Value("status", float64(m.status.Code))
	r.Value("warnings", float64(m.status.Warnings))
	r.Value("criticals", float64(m.status.Criticals))
	r.Value("unknowns", float64(m.status.Unknowns))
	r.Why = m.status.Why
	m.describe(r)
	return nil
}

// due reports whether the plugin may be asked: not before the shortest update_rate of its graphs has passed, less what a cycle may come
// early. A plugin that names none is asked in each cycle.
func (m *muninPlugin) due(now time.Time) bool {
	shortest := 0
	for _, g := range m.config.Graphs {
		if g.UpdateRate > 0 && (shortest == 0 || g.UpdateRate < shortest) {
			shortest = g.UpdateRate
		}
	}
	rate := time.Duration(min(shortest, longestRate)) * time.Second
	return m.ran.IsZero() || now.Before(m.ran) || now.Sub(m.ran) >= rate-rate/20
}

// longestRate bounds what a plugin may ask for, in seconds: nobody would see that it has stopped.
const longestRate = 24 * 60 * 60

// look runs the plugin. A look that fails is no reason to wait.
func (m *muninPlugin) look(ctx context.Context, began time.Time, r *Report) error {
	m.ran = time.Time{}
	readings, err := m.ask(ctx, began)
	if err != nil {
		return err
	}
	r.Value("took_seconds", m.now().Sub(began).Seconds())
	values := m.recorder.Take(m.config, readings, began.UTC())
	m.newest, m.ran = past(values, r), began
	m.status = m.recorder.Judge(m.config, m.newest)
	loans.Give(m.plugin.Name(), m.newest)
	return nil
}

// ask brings the readings, and the description where it is due: that of a plugin that tells its values with it is asked for each time.
func (m *muninPlugin) ask(ctx context.Context, now time.Time) ([]munin.Reading, error) {
	dirty := len(m.config.Readings) > 0
	if dirty || m.asked.IsZero() || now.Sub(m.asked) >= configAge {
		config, err := m.plugin.Config(ctx)
		if err != nil {
			return nil, err
		}
		if len(config.Graphs) == 0 {
			return nil, fmt.Errorf("plugin %s describes no graph; does %s config print graph_title?", m.plugin.Name(), m.plugin.Path)
		}
		m.config, m.asked = config, now
		if len(config.Readings) > 0 {
			return config.Readings, nil
		}
	}
	readings, err := m.plugin.Fetch(ctx)
	if err != nil {
		return nil, err
	}
	if strangers := m.strangers(readings); strangers != m.unknown {
		m.unknown, m.asked = strangers, time.Time{}
	}
	return readings, nil
}

// strangers are the fields that the description lacks, such as those of a disk that is new: then it is asked for again, once.
func (m *muninPlugin) strangers(readings []munin.Reading) string {
	known := map[[2]string]bool{}
	for _, g := range m.config.Graphs {
		for _, f := range g.Fields {
			known[[2]string{g.Name, f.Name}] = true
		}
	}
	var names []string
	for _, r := range readings {
		if !known[[2]string{r.Graph, r.Field}] {
			names = append(names, r.Graph+"."+r.Field)
		}
	}
	return strings.Join(names, " ")
}

// past returns the newest value of each field; those before it, which some plugins collect between looks, go beside with their own time.
func past(values []munin.Value, r *Report) (newest []munin.Value) {
	place := map[string]int{}
	for _, v := range values {
		name := v.Graph.FullName(v.Field)
		i, had := place[name]
		if !had {
			place[name] = len(newest)
			newest = append(newest, v)
			continue
		}
		before := newest[i]
		newest[i] = v
		r.Samples = append(r.Samples, dialtone.Sample{Name: "field", Labels: []dialtone.Label{{Name: "field", Value: name}}, At: before.At, Value: before.Value})
	}
	return newest
}

// describe tells how Munin would draw what was measured. Labels that are empty are left out.
func (m *muninPlugin) describe(r *Report) {
	for _, g := range m.config.Graphs {
		if g.Hidden {
			continue
		}
		scale := ""
		if !g.Scale {
			scale = "no"
		}
		r.Samples = append(r.Samples, info("graph_info", "host_name", cmp.Or(g.HostName, m.config.HostName),
			"graph", g.Name, "title", g.Title, "vlabel", g.VLabel, "category", strings.ToLower(g.Category), "args", g.Args,
			"order", g.Order, "printf", g.Printf, "total", g.Total, "scale", scale, "info", g.Info))
		for i, f := range g.Fields {
			hidden := ""
			if f.Hidden {
				hidden = "yes"
			}
			r.Samples = append(r.Samples, info("field_info",
				"graph", g.Name, "field", g.FullName(f), "label", f.Label, "draw", strings.ToUpper(f.Draw), "negative", f.Negative,
				"colour", f.Colour, "line", f.Line, "warning", f.Warning, "critical", f.Critical, "hidden", hidden, "info", f.Info,
				"place", fmt.Sprintf("%03d", i)))
		}
	}
}

// longestLabel bounds what a plugin's texts cost as labels, in bytes.
const longestLabel = 200

// info is a sample whose labels say something; its value is 1.
func info(name string, pairs ...string) dialtone.Sample {
	s := dialtone.Sample{Name: name, Value: 1}
	for i := 0; i+1 < len(pairs); i += 2 {
		value := pairs[i+1]
		if len(value) > longestLabel {
			value = strings.ToValidUTF8(value[:longestLabel], "") + "…"
		}
		s.Labels = append(s.Labels, dialtone.Label{Name: pairs[i], Value: value})
	}
	return s
}
