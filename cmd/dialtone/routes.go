package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dialtone/dialtone/collector"
	"github.com/dialtone/dialtone/wire"
)

// route puts everything on the one address: the agents' stream, Prometheus' API, our own, and the pages for the rest.
func (s *server) route(src *source, pages http.Handler, registry *prometheus.Registry) {
	s.mux.Handle(wire.Path, s.intake)
	s.mux.Handle("/api/v1/", s.store.Handler())
	s.mux.Handle("/api/dialtone/v1/", collector.NewAPI(s.nodes, src))
	s.mux.Handle("/api/dialtone/v1/incidents", s.desk.API())
	s.mux.Handle("/api/dialtone/v1/incidents/", s.desk.API())
	s.mux.Handle("/api/dialtone/v1/events", s.desk.API())
	s.mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	s.mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("dialtone is healthy.\n")) })
	s.mux.Handle("/", pages)
}
