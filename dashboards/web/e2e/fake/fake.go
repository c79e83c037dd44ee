// Package fake is a small fleet for tests of the pages: three hosts, one incident that nobody has, and text from nodes that tries
// to leave its place. It is no part of the product.
package fake

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/dashboards"
	"github.com/dialtone/dialtone/dashboards/plot"
)

// Fleet is a dashboards.Source and dashboards.Actions in memory. Fill it before it is served; then only actions change it.
type Fleet struct {
	Now  func() time.Time
	Fail map[string]error // by method: what it returns instead
	// Began is when the first sample was taken; zero: before all that is asked for.
	Began time.Time

	mu        sync.Mutex
	nodes     []dialtone.NodeStatus
	incidents []dialtone.Incident
	events    []dialtone.Event
	notices   []dialtone.Notice
	Queries   []string
	Done      []string // the actions that were taken: "ack ID WHO"
	watchers  map[chan dashboards.Change]bool
	joined    *sync.Cond
}

// Empty is a collector to which nobody has reported.
func Empty(now func() time.Time) *Fleet {
	f := &Fleet{Now: now, Fail: map[string]error{}, watchers: map[chan dashboards.Change]bool{}}
	f.joined = sync.NewCond(&f.mu)
	return f
}

// Busy is a fleet with something of everything.
func Busy(now func() time.Time) *Fleet {
	f := Empty(now)
	f.fillNodes()
	f.fillIncidents()
	return f
}

// Hostile is text that must stay text.
const Hostile = `</pre><script>alert("x")</script><img src=x onerror=alert(1)>`

func (f *Fleet) fillNodes() {
	t := f.Now()
	svc := func(name, kind string, s dialtone.State, why string, since time.Duration, values ...dialtone.NamedValue) dialtone.ServiceStatus {
		return dialtone.ServiceStatus{Name: name, Kind: kind, State: s, Why: why, Since: t.Add(-since), Checked: t, Monitored: true, Values: values}
	}
	use := func(cpu, mem float64) []dialtone.NamedValue {
		return []dialtone.NamedValue{{Name: "cpu_percent", Unit: "percent", Value: cpu}, {Name: "memory_bytes", Unit: "bytes", Value: mem}, {Name: "uptime_seconds", Unit: "seconds", Value: 86400 * 3}}
	}
	nginx := svc("nginx", "process", dialtone.Critical, "no process matches /run/nginx.pid; the configuration test failed", 14*time.Minute)
	nginx.Parked = true
	portal := svc("portal", "host", dialtone.Critical, "connection to 127.0.0.1:80 refused", 14*time.Minute)
	portal.DependsOn = []string{"nginx"}
	celery := svc("celery", "process", dialtone.Warning, "uses 91 % of a processor", 3*time.Minute, use(91, 7e8)...)
	backup := svc("backup", "program", dialtone.Unknown, "", time.Hour)
	backup.Monitored, backup.Unmonitored = false, "unmonitored by root at 02:10"
	f.nodes = []dialtone.NodeStatus{
		node(t, "db1", "db", 0, svc("postgres", "process", dialtone.OK, "", 72*time.Hour, use(12, 2.1e9)...), svc("root", "filesystem", dialtone.OK, "", 72*time.Hour), svc("db1", "system", dialtone.OK, "", 72*time.Hour)),
		node(t, "pbx1", "telephony", 4*time.Minute, svc("asterisk", "process", dialtone.Unknown, "", 4*time.Minute, use(31, 9e8)...)),
		node(t, "web1", "web", 0, nginx, portal, celery, backup,
			svc("gunicorn", "process", dialtone.OK, "", 50*time.Hour, use(22, 6e8)...), svc("memcached", "process", dialtone.OK, "", 50*time.Hour, use(1.2, 1.3e8)...),
			svc("rabbitmq", "process", dialtone.OK, "", 50*time.Hour, use(4, 3e8)...), svc("sounds", "filesystem", dialtone.OK, "", 50*time.Hour)),
	}
	f.nodes[2].ConfigError = "/etc/dialtone/dialtone.conf:12:8: unknown test \"cpuu\"\n    if cpuu > 80% then alert\n       ^ did you mean cpu?\n" + Hostile
}

func node(t time.Time, name, role string, silent time.Duration, services ...dialtone.ServiceStatus) dialtone.NodeStatus {
	return dialtone.NodeStatus{
		Node: dialtone.Node{Name: name, Roles: []string{role}, Site: "fra1"}, AgentVersion: "0.1.0", Platform: "Debian GNU/Linux 12 (bookworm), Linux 6.1.0",
		Started: t.Add(-50 * time.Hour), Booted: t.Add(-200 * time.Hour), LastSeen: t.Add(-silent), Connected: silent == 0,
		ControlFile: "/etc/dialtone/dialtone.conf", Services: services,
	}
}

func (f *Fleet) fillIncidents() {
	t := f.Now()
	opened := t.Add(-14 * time.Minute)
	heal := &dialtone.Heal{
		ID: "h7", Service: "nginx", Action: "restart", Seen: "no process matches /run/nginx.pid", Command: "/usr/bin/systemctl restart nginx", Attempt: 3,
		Budget: "3 of 3 this hour, 3 of 6 today", Started: opened.Add(40 * time.Second), Took: 1200 * time.Millisecond, Outcome: dialtone.HealParked, ExitCode: 1,
		Output: "nginx: [emerg] unknown directive \"listenn\" in /etc/nginx/sites-enabled/portal:4\nnginx: configuration file /etc/nginx/nginx.conf test failed\n" + Hostile,
		Reason: "the budget of 3 heals an hour is spent",
	}
	f.incidents = []dialtone.Incident{
		{
			ID: "20261121-0312-ab", Node: "web1", Service: "nginx", ServiceKind: "process", State: dialtone.IncidentTriggered, Severity: dialtone.Critical, Title: "nginx on web1 is down",
			Why: "no process matches /run/nginx.pid; three restarts failed because its configuration is broken", Rule: "/etc/dialtone/dialtone.conf:7", RuleText: "if does not exist then restart",
			Opened: opened, Began: opened, Triggered: opened.Add(45 * time.Second), Heals: 3, LastHeal: heal, Paged: true,
		},
		{
			ID: "20261121-0322-cd", Node: "pbx1", State: dialtone.IncidentAcked, Severity: dialtone.Critical, Title: "pbx1 has stopped reporting", Why: "no heartbeat for 15 s",
			Opened: t.Add(-4 * time.Minute), Began: t.Add(-4 * time.Minute), Triggered: t.Add(-4 * time.Minute), Acked: t.Add(-3 * time.Minute), Owner: "Alice", Paged: true,
		},
		{
			ID: "20261121-0325-ef", Node: "web1", Service: "celery", ServiceKind: "process", State: dialtone.IncidentHealing, Severity: dialtone.Warning, Title: "celery on web1 uses too much processor time",
			Why: "uses 91 % of a processor for 5 cycles", RuleText: "if cpu > 80% for 5 cycles then restart", Opened: t.Add(-20 * time.Second), Began: t.Add(-20 * time.Second), HoldUntil: t.Add(10 * time.Second),
		},
		{
			ID: "20261120-1602-aa", Node: "db1", Service: "postgres", ServiceKind: "process", State: dialtone.IncidentResolved, Severity: dialtone.Critical, Title: "postgres on db1 is down", Why: "process 4711 ended by signal 9",
			Opened: t.Add(-11 * time.Hour), Began: t.Add(-11 * time.Hour), Resolved: t.Add(-11*time.Hour + 38*time.Millisecond), Heals: 1,
			LastHeal: &dialtone.Heal{ID: "h1", Service: "postgres", Action: "restart", Seen: "process 4711 ended by signal 9", Command: "/usr/bin/systemctl restart postgresql", Attempt: 1, Started: t.Add(-11 * time.Hour), Took: 38 * time.Millisecond, Outcome: dialtone.Healed},
		},
	}
	f.fillEvents(opened, heal)
}

func (f *Fleet) fillEvents(opened time.Time, heal *dialtone.Heal) {
	t, id := f.Now(), f.incidents[0].ID
	first := *heal
	first.ID, first.Attempt, first.Outcome, first.Started, first.Reason = "h5", 1, dialtone.HealFailed, opened.Add(time.Second), "the check still fails"
	f.events = []dialtone.Event{
		{ID: "e7", At: t.Add(-13 * time.Minute), Kind: dialtone.EventPage, Node: "web1", Service: "nginx", Incident: id, Why: "Notice delivered by slack."},
		{ID: "e6", At: heal.Started, Kind: dialtone.EventHeal, Node: "web1", Service: "nginx", Incident: id, Why: "restart failed again; healing is given up.", Heal: heal},
		{ID: "e5", At: first.Started, Kind: dialtone.EventHeal, Node: "web1", Service: "nginx", Incident: id, Why: "restart did not help.", Heal: &first},
		{ID: "e4", At: opened, Kind: dialtone.EventState, Node: "web1", Service: "nginx", Incident: id, From: dialtone.OK, To: dialtone.Critical, Why: "no process matches /run/nginx.pid " + Hostile},
		{ID: "e1", At: t.Add(-11 * time.Hour), Kind: dialtone.EventHeal, Node: "db1", Service: "postgres", Why: "restarted", Heal: f.incidents[3].LastHeal},
	}
	f.notices = []dialtone.Notice{
		{ID: "n1", Incident: id, Kind: dialtone.NoticeFiring, Way: "slack", State: dialtone.NoticeDelivered, Attempt: 1, Created: opened.Add(45 * time.Second), Delivered: opened.Add(46 * time.Second)},
		{ID: "n2", Incident: id, Kind: dialtone.NoticeFiring, Way: "mail", State: dialtone.NoticePending, Attempt: 4, Created: opened.Add(45 * time.Second), LastError: "dialing mail.example:587: connection refused"},
	}
}

// Nodes implements dashboards.Source.
func (f *Fleet) Nodes(context.Context) ([]dialtone.NodeStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.nodes), f.Fail["Nodes"]
}

// Incidents implements dashboards.Source.
func (f *Fleet) Incidents(_ context.Context, want dashboards.IncidentFilter) ([]dialtone.Incident, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []dialtone.Incident
	for _, in := range f.incidents {
		if (!want.Open || in.State.Open()) && (want.Node == "" || in.Node == want.Node) {
			found = append(found, in)
		}
	}
	slices.SortFunc(found, func(a, b dialtone.Incident) int { return b.Opened.Compare(a.Opened) })
	return found, f.Fail["Incidents"]
}

// Incident implements dashboards.Source.
func (f *Fleet) Incident(_ context.Context, id string) (dialtone.Incident, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.Fail["Incident"]; err != nil {
		return dialtone.Incident{}, err
	}
	for _, in := range f.incidents {
		if in.ID == id {
			return in, nil
		}
	}
	return dialtone.Incident{}, fmt.Errorf("incident %q: %w", id, dashboards.ErrNotFound)
}

// Events implements dashboards.Source.
func (f *Fleet) Events(_ context.Context, want dashboards.EventFilter) ([]dialtone.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []dialtone.Event
	for _, e := range f.events {
		if (want.Incident == "" || e.Incident == want.Incident) && (want.Node == "" || e.Node == want.Node) && (want.Kind == "" || e.Kind == want.Kind) && !e.At.Before(want.Since) {
			found = append(found, e)
		}
	}
	return found, f.Fail["Events"]
}

// Notices implements dashboards.Source.
func (f *Fleet) Notices(_ context.Context, incident string) ([]dialtone.Notice, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []dialtone.Notice
	for _, n := range f.notices {
		if n.Incident == incident {
			found = append(found, n)
		}
	}
	return found, f.Fail["Notices"]
}

// SeriesNames implements dashboards.Source.
func (f *Fleet) SeriesNames(context.Context) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.nodes) == 0 {
		return nil, f.Fail["SeriesNames"]
	}
	return []string{"dialtone_heals_total", "dialtone_process_cpu_percent", "dialtone_service_state", "node_cpu_seconds_total", "node_load1", "node_memory_MemAvailable_bytes"}, f.Fail["SeriesNames"]
}

var (
	instance = regexp.MustCompile(`instance="([^"]*)"`)
	service  = regexp.MustCompile(`service="([^"]*)"`)
	by       = regexp.MustCompile(`by \(instance, (\w+)\)`)
)

// Add makes the fleet larger by a node.
func (f *Fleet) Add(n dialtone.NodeStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes = append(f.nodes, n)
}

// Range implements dashboards.Source with waves whose height depends on the query alone.
func (f *Fleet) Range(_ context.Context, promql string, start, end time.Time, step time.Duration) ([]dashboards.Series, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Queries = append(f.Queries, promql)
	if err := f.Fail["Range"]; err != nil {
		return nil, err
	}
	if strings.Contains(promql, "dialtone_munin_") {
		return f.munin(promql, start, end, step), nil
	}
	var found []dashboards.Series
	for _, n := range f.nodes {
		if want := instance.FindStringSubmatch(promql); want != nil && want[1] != n.Name {
			continue
		}
		for _, label := range things(promql, n) {
			labels := map[string]string{"instance": n.Name}
			if which := by.FindStringSubmatch(promql); which != nil {
				labels[which[1]] = label
			}
			points := slices.DeleteFunc(wave(promql, n, label, start, end, step), func(p plot.Point) bool { return p.At.Before(f.Began) })
			if len(points) > 0 {
				found = append(found, dashboards.Series{Labels: labels, Points: points})
			}
		}
	}
	return found, nil
}

// things are the values of the second label of a query.
func things(promql string, n dialtone.NodeStatus) []string {
	which := by.FindStringSubmatch(promql)
	switch {
	case which == nil:
		return []string{""}
	case which[1] == "mountpoint":
		return []string{"/", "/srv/sounds"}
	case which[1] == "device":
		return []string{"vda"}
	}
	if want := service.FindStringSubmatch(promql); want != nil {
		return []string{want[1]}
	}
	var names []string
	for _, s := range n.Services {
		names = append(names, s.Name)
	}
	return names
}

func wave(promql string, n dialtone.NodeStatus, label string, start, end time.Time, step time.Duration) []plot.Point {
	low, high := height(promql)
	seed := 0.0
	for _, r := range n.Name + label {
		seed += float64(r)
	}
	share := 0.4 + math.Mod(seed, 7)/10
	var points []plot.Point
	for at := start; !at.After(end); at = at.Add(step) {
		if !n.Connected && at.After(n.LastSeen) {
			break
		}
		x := float64(at.Unix())
		v := low + (high-low)*share*(0.6+0.25*math.Sin(x/86400*2*math.Pi+seed)+0.1*math.Sin(x/1700)+0.05*math.Sin(x/97*1.7))
		if strings.Contains(promql, "service_state") {
			v = stateAt(n, label, at)
		}
		points = append(points, plot.Point{At: at, Value: v})
	}
	return points
}

func stateAt(n dialtone.NodeStatus, service string, at time.Time) float64 {
	for _, s := range n.Services {
		if s.Name == service && !at.Before(s.Since) {
			return float64(s.State)
		}
	}
	return float64(dialtone.OK)
}

// height is the range in which a query's values lie.
func height(promql string) (low, high float64) {
	switch {
	case strings.HasPrefix(promql, "count"):
		return 4 / 0.6, 4 / 0.6
	case strings.Contains(promql, "MemAvailable_bytes{"):
		return 2e9, 9e9
	case strings.Contains(promql, "Swap"):
		return 0, 3e8
	case strings.Contains(promql, "MemTotal_bytes{"):
		return 16e9, 16e9
	case strings.Contains(promql, "iowait"), strings.Contains(promql, "steal"), strings.Contains(promql, "pressure"):
		return 0, 6
	case strings.Contains(promql, "bytes_total"):
		return 1e5, 9e6
	case strings.Contains(promql, "process_memory"):
		return 1e8, 2e9
	case strings.Contains(promql, "duration"):
		return 0.001, 0.05
	case strings.Contains(promql, "load"):
		return 0.5, 4
	case strings.Contains(promql, "errs"), strings.Contains(promql, "drop"), strings.Contains(promql, "heals"):
		return 0, 0
	}
	return 10, 95
}

// Changed implements dashboards.Source.
func (f *Fleet) Changed(ctx context.Context) <-chan dashboards.Change {
	changes := make(chan dashboards.Change, 16)
	f.mu.Lock()
	f.watchers[changes] = true
	f.joined.Broadcast()
	f.mu.Unlock()
	context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.watchers, changes)
		close(changes)
	})
	return changes
}

// Watchers is how many pages listen for changes.
func (f *Fleet) Watchers() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.watchers)
}

// AwaitWatchers waits until that many pages listen, or ctx ends.
func (f *Fleet) AwaitWatchers(ctx context.Context, pages int) error {
	defer context.AfterFunc(ctx, f.joined.Broadcast)()
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.watchers) < pages {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("waiting for %d pages, %d listen: %w", pages, len(f.watchers), err)
		}
		f.joined.Wait()
	}
	return nil
}

// Tell tells all listening pages of a change.
func (f *Fleet) Tell(c dashboards.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.watchers {
		select {
		case w <- c:
		default:
		}
	}
}

// Ack implements dashboards.Actions.
func (f *Fleet) Ack(_ context.Context, id, who string) error {
	return f.act("ack", id, who, func(in *dialtone.Incident) {
		in.State, in.Owner, in.Acked = dialtone.IncidentAcked, who, f.Now()
	})
}

// Escalate implements dashboards.Actions.
func (f *Fleet) Escalate(_ context.Context, id, who string) error {
	return f.act("escalate", id, who, func(in *dialtone.Incident) { in.Escalated = f.Now() })
}

// Mute implements dashboards.Actions.
func (f *Fleet) Mute(_ context.Context, id, who string, until time.Time) error {
	return f.act("mute", id, who, func(in *dialtone.Incident) { in.MutedUntil = until })
}

func (f *Fleet) act(what, id, who string, change func(*dialtone.Incident)) error {
	if err := f.Fail["Act"]; err != nil {
		return err
	}
	f.mu.Lock()
	for i := range f.incidents {
		if f.incidents[i].ID == id {
			change(&f.incidents[i])
			f.Done = append(f.Done, what+" "+id+" "+who)
			f.mu.Unlock()
			f.Tell(dashboards.Change{Incident: id})
			return nil
		}
	}
	f.mu.Unlock()
	return dashboards.ErrNotFound
}
