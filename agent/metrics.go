package agent

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dialtone/dialtone"
)

// Metrics serves the newest samples, and the agent's own process, to any Prometheus. A scrape measures nothing, but for the first one of
// an agent whose samples nobody else takes.
func (a *Agent) Metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		exporter{a}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	serve := promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.sampler.refresh(r.Context())
		serve.ServeHTTP(w, r)
	})
}

// exporter turns samples into metrics when they are asked for. It describes nothing beforehand: which series there are depends on the
// machine and its control file.
type exporter struct{ agent *Agent }

func (exporter) Describe(chan<- *prometheus.Desc) {}

func (e exporter) Collect(out chan<- prometheus.Metric) {
	declared := make(map[string]dialtone.Metric, len(e.agent.config.Families))
	for _, m := range e.agent.config.Families {
		declared[m.Name] = m
	}
	for _, s := range e.agent.sampler.newest() {
		names, values := make([]string, len(s.Labels)), make([]string, len(s.Labels))
		for i, l := range s.Labels {
			names[i], values[i] = l.Name, strings.ToValidUTF8(l.Value, "\uFFFD")
		}
		desc := prometheus.NewDesc(s.Name, help(s.Name, declared), names, nil)
		metric, err := prometheus.NewConstMetric(desc, valueType(s.Name, declared), s.Value, values...)
		if err != nil {
			metric = prometheus.NewInvalidMetric(desc, err)
		}
		out <- metric
	}
}

// own are the families of the agent itself.
var own = map[string]string{
	"dialtone_service_state":          "State of a service: 0 unknown, 1 ok, 2 warning, 3 critical.",
	"dialtone_check_duration_seconds": "How long the last look at a service took.",
	"dialtone_connection_seconds":     "How long a connection test took that succeeded.",
	"dialtone_connection_up":          "Whether a connection test succeeded.",
	"dialtone_munin_graph_info":       "A graph that a Munin plugin describes; its value is 1.",
	"dialtone_munin_field_info":       "A field of such a graph, and how it is drawn; its value is 1.",
	"dialtone_heals_total":            "Heals of a service since the agent started, by outcome.",
}

func help(name string, declared map[string]dialtone.Metric) string {
	if text, is := own[name]; is {
		return text
	}
	if m, known := declared[name]; known {
		return m.Help
	}
	return "A value that a check of this kind yields; dialtone kinds describes it."
}

func valueType(name string, declared map[string]dialtone.Metric) prometheus.ValueType {
	if declared[name].Type == dialtone.Counter || strings.HasSuffix(name, "_total") {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}
