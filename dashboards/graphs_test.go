package dashboards

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/dashboards/plot"
)

// TestQueriesAreGoodPromQL parses all that the pages ever ask, also for hosts whose names try to leave their quotes.
func TestQueriesAreGoodPromQL(t *testing.T) {
	queries := []string{}
	for _, query := range meterQueries {
		queries = append(queries, query)
	}
	hosts := []selection{{}, {Host: "web1"}, {Host: `a"} or vector(1) or {x="`}, {Host: "\xff\n\\", Service: `"`}, {Hosts: []string{"web1", `a"} or vector(1) or {x="`, "(.*|"}}}
	graphs := append([]graph{seriesGraph("node_load1", "avg"), seriesGraph("node_cpu_seconds_total", "sum")}, catalog...)
	for _, g := range graphs {
		for _, l := range g.Lines {
			for _, s := range hosts {
				queries = append(queries, l.promql(s, time.Minute))
			}
		}
	}
	p := parser.NewParser(parser.Options{})
	for _, query := range queries {
		expr, err := p.ParseExpr(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if strings.Contains(query, "vector(1)") && len(parser.ExtractSelectors(expr)) == 0 {
			t.Errorf("a host's name became part of the query %s", query)
		}
	}
}

func TestSeveralHostsMatchThemselvesAlone(t *testing.T) {
	text := anyOf([]string{"web.1", "a|b", `x\"`})
	matcher := labels.MustNewMatcher(labels.MatchRegexp, "instance", text)
	for host, want := range map[string]bool{"web.1": true, "a|b": true, `x\"`: true, "webx1": false, "a": false, "b": false, "": false} {
		if matcher.Matches(host) != want {
			t.Errorf("%s matches %q: %v", text, host, !want)
		}
	}
}

func TestEveryGraphHasItsWords(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range catalog {
		if seen[g.ID] || g.Name == "" || g.Group == "" || strings.Count(g.Says, "%s") != 3 || len(g.Lines) == 0 {
			t.Errorf("graph %q is incomplete or stands twice", g.ID)
		}
		seen[g.ID] = true
	}
}

func TestLinesAreTheGreatestFew(t *testing.T) {
	at := time.Unix(0, 0)
	var found []Series
	for i := range 9 {
		found = append(found, Series{Labels: map[string]string{"service": string(rune('a' + i))}, Points: []plot.Point{{At: at, Value: float64(i)}}})
	}
	lines, hidden := linesOf(graphLine{By: "service"}, found)
	var names []string
	for _, l := range lines {
		names = append(names, l.Name)
	}
	if diff := cmp.Diff([]string{"i", "h", "g", "f", "e", "d"}, names); diff != "" || hidden != 3 {
		t.Errorf("%d hidden, drawn: %s", hidden, diff)
	}
}

func TestGraphOfAnIncidentIsWhatTheRuleSpeaksOf(t *testing.T) {
	for _, tc := range []struct {
		rule, kind, service, want string
	}{
		{"if cpu > 80% for 5 cycles then restart", "process", "celery", "service-cpu"},
		{"if cpu usage > 95% then alert", "system", "web1", "cpu"},
		{"if memory > 1 GB then restart", "process", "celery", "service-memory"},
		{"if loadavg (5min) > 8 then alert", "system", "web1", "load"},
		{"if space usage > 90% then alert", "filesystem", "root", "disk-space"},
		{"if failed port 80 protocol http with response time > 1 second then alert", "host", "portal", "service-check"},
		{"if does not exist then restart", "process", "nginx", "service-state"},
		{"", "", "", "cpu"},
	} {
		if got := telling(dialtone.Incident{RuleText: tc.rule, ServiceKind: tc.kind, Service: tc.service})[0]; got != tc.want {
			t.Errorf("%q gets %s, want %s", tc.rule, got, tc.want)
		}
	}
}

func TestWindows(t *testing.T) {
	now := time.Date(2026, 11, 21, 3, 26, 23, 0, time.UTC)
	p := &Pages{now: func() time.Time { return now }}
	for _, tc := range []struct {
		query    string
		from, to string
		step     time.Duration
		rate     time.Duration
		wrong    string
	}{
		{query: "", from: "2026-11-21T02:26:20Z", to: "2026-11-21T03:26:20Z", step: 10 * time.Second, rate: time.Minute},
		{query: "span=day", from: "2026-11-20T03:25:20Z", to: "2026-11-21T03:26:20Z", step: 220 * time.Second, rate: 880 * time.Second},
		{query: "span=6h&at=2026-11-21T03:12Z", from: "2026-11-20T21:11:45Z", to: "2026-11-21T03:12:00Z", step: 55 * time.Second, rate: 220 * time.Second},
		{query: "span=year", wrong: "span="},
		{query: "span=1s", wrong: "span="},
		{query: "span=99999d", wrong: "span="},
		{query: "at=noon", wrong: "at="},
		{query: "at=9999-01-01T00:00:00Z", wrong: "at="},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+tc.query, http.NoBody)
		w, err := p.windowOf(r.URL.Query())
		if tc.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tc.wrong) {
				t.Errorf("%q: error is %v", tc.query, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tc.query, err)
			continue
		}
		got := []string{w.From.UTC().Format(time.RFC3339), w.To.UTC().Format(time.RFC3339), w.Step.String(), w.Rate.String()}
		if diff := cmp.Diff([]string{tc.from, tc.to, tc.step.String(), tc.rate.String()}, got); diff != "" {
			t.Errorf("%q: %s", tc.query, diff)
		}
	}
}

func FuzzWindow(f *testing.F) {
	f.Add("hour", "2026-11-21T03:12Z")
	f.Add("400d", "")
	f.Add("-1h", "1970-01-01T00:00:00Z")
	p := &Pages{now: func() time.Time { return time.Unix(1.8e9, 0) }}
	f.Fuzz(func(t *testing.T, span, at string) {
		w, err := p.windowOf(map[string][]string{"span": {span}, "at": {at}})
		if err != nil {
			return
		}
		if places := w.To.Sub(w.From) / w.Step; w.Step < sampled || places > points+1 || !w.From.Before(w.To) {
			t.Fatalf("span %q at %q gives %d points from %v to %v, step %v", span, at, places, w.From, w.To, w.Step)
		}
		if w.To.UnixNano()%1e9 != 0 {
			t.Fatalf("the window ends inside a second: %v", w.To)
		}
	})
}

func TestJSONKeepsGapsAsNull(t *testing.T) {
	from := time.Unix(1000, 0)
	pl := &plot.Plot{From: from, To: from.Add(40 * time.Second), Step: 10 * time.Second, Zone: time.FixedZone("", 3600)}
	pl.Series = []plot.Series{{Name: "x", Points: []plot.Point{{At: from, Value: 1}, {At: from.Add(10 * time.Second), Value: math.NaN()}, {At: from.Add(30 * time.Second), Value: 3}}}}
	var b strings.Builder
	if err := writeJSON(pl, &b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Offset int
		Times  []float64
		Values [][]*float64
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	one, three := 1.0, 3.0
	if diff := cmp.Diff([][]*float64{{&one, nil, nil, &three, nil}}, got.Values); diff != "" || got.Offset != 3600 {
		t.Errorf("offset %d, values %s", got.Offset, diff)
	}
	if diff := cmp.Diff([]float64{1000, 1010, 1020, 1030, 1040}, got.Times); diff != "" {
		t.Error(diff)
	}
}

func TestBandsThatOverlapAreOne(t *testing.T) {
	at := func(minute int) time.Time { return time.Unix(0, 0).Add(time.Duration(minute) * time.Minute) }
	got := joined([]plot.Band{{From: at(50)}, {From: at(10), To: at(20)}, {From: at(40), To: at(45)}, {From: at(15), To: at(30)}, {From: at(12), To: at(14)}, {From: at(55), To: at(58)}}, at(60))
	if diff := cmp.Diff([]plot.Band{{From: at(10), To: at(30)}, {From: at(40), To: at(45)}, {From: at(50)}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestVerdict(t *testing.T) {
	p := &Pages{now: time.Now, zone: time.UTC, log: slog.New(slog.DiscardHandler)}
	node := func(connected bool, states ...dialtone.State) dialtone.NodeStatus {
		n := dialtone.NodeStatus{Node: dialtone.Node{Name: "web1"}, Connected: connected, LastSeen: time.Unix(1, 0)}
		for _, s := range states {
			n.Services = append(n.Services, dialtone.ServiceStatus{Name: "nginx", State: s, Monitored: true})
		}
		return n
	}
	in := func(s dialtone.IncidentState, owner string) dialtone.Incident {
		return dialtone.Incident{Title: "nginx on web1 is down", State: s, Severity: dialtone.Critical, Owner: owner}
	}
	well := []dialtone.NodeStatus{node(true, dialtone.OK)}
	for _, tc := range []struct {
		name  string
		view  nowView
		class string
		line  string
	}{
		{"nothing yet", nowView{}, "none", "No node has reported yet."},
		{"all well", nowView{Nodes: part[[]dialtone.NodeStatus]{Data: well}}, "ok", "Everything works."},
		{"a fault is no good news", nowView{Nodes: part[[]dialtone.NodeStatus]{Data: well}, Incidents: part[[]dialtone.Incident]{Fault: "x"}}, "none", "What is going on could not be read."},
		{"nobody has it", nowView{Incidents: part[[]dialtone.Incident]{Data: []dialtone.Incident{in(dialtone.IncidentTriggered, "")}}}, "crit", "nginx on web1 is down, and nobody has it."},
		{"somebody has it", nowView{Incidents: part[[]dialtone.Incident]{Data: []dialtone.Incident{in(dialtone.IncidentAcked, "Bob")}}}, "crit", "nginx on web1 is down; Bob has it."},
		{"two", nowView{Incidents: part[[]dialtone.Incident]{Data: []dialtone.Incident{in(dialtone.IncidentAcked, "Bob"), in(dialtone.IncidentTriggered, "")}}}, "crit", "2 things are broken; nobody has 1 of them."},
		{"two of nobody", nowView{Incidents: part[[]dialtone.Incident]{Data: []dialtone.Incident{in(dialtone.IncidentTriggered, ""), in(dialtone.IncidentTriggered, "")}}}, "crit", "2 things are broken, and nobody has them."},
		{"healing", nowView{Incidents: part[[]dialtone.Incident]{Data: []dialtone.Incident{in(dialtone.IncidentHealing, "")}}}, "heal", "A healer is at work: nginx on web1 is down."},
		{"silent", nowView{Nodes: part[[]dialtone.NodeStatus]{Data: []dialtone.NodeStatus{node(false, dialtone.OK)}}}, "crit", "web1 has stopped reporting."},
		{"no data", nowView{Nodes: part[[]dialtone.NodeStatus]{Data: []dialtone.NodeStatus{node(true, dialtone.Unknown)}}}, "none", "nginx on web1 is without data; nobody needs to act yet."},
		{"warning", nowView{Nodes: part[[]dialtone.NodeStatus]{Data: []dialtone.NodeStatus{node(true, dialtone.Warning, dialtone.OK)}}}, "warn", "nginx on web1 is in state warning; nobody needs to act yet."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := p.verdict(tc.view)
			if got.Class != tc.class || got.Line != tc.line {
				t.Errorf("says %q (%s), want %q (%s)", got.Line, got.Class, tc.line, tc.class)
			}
		})
	}
}

func TestLengths(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 38 * time.Millisecond: "38 ms", 1200 * time.Millisecond: "1.2 s", 4 * time.Second: "4 s", 38 * time.Second: "38 s", 4 * time.Minute: "4 min",
		2*time.Hour + 5*time.Minute: "2 h 5 min", 3 * time.Hour: "3 h", 76 * time.Hour: "3 d 4 h",
	} {
		if got := length(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	for text, want := range map[string]string{"": "", "no answer": "No answer.", "It ended.": "It ended.", "übel": "Übel."} {
		if got := sentence(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}
