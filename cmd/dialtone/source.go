package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting"
	"github.com/dialtone/dialtone/collector"
	"github.com/dialtone/dialtone/collector/series"
	"github.com/dialtone/dialtone/dashboards"
	"github.com/dialtone/dialtone/dashboards/plot"
)

// source is what the pages read: series store, node table and desk, none of which knows the pages.
type source struct {
	store *series.Store
	table *collector.Nodes
	desk  *alerting.Desk
	log   *slog.Logger
}

func (s *source) Nodes(context.Context) ([]dialtone.NodeStatus, error) { return s.table.All(), nil }

func (s *source) Incidents(_ context.Context, f dashboards.IncidentFilter) ([]dialtone.Incident, error) {
	return s.desk.Incidents(alerting.IncidentFilter{Open: f.Open, Node: f.Node, Limit: f.Limit})
}

func (s *source) Incident(_ context.Context, id string) (dialtone.Incident, error) {
	in, err := s.desk.Incident(id)
	return in, inWordsOfPages(err)
}

// inWordsOfPages turns the desk's "no such incident" into the pages'.
func inWordsOfPages(err error) error {
	if errors.Is(err, alerting.ErrNoIncident) {
		return dashboards.ErrNotFound
	}
	return err
}

func (s *source) Events(_ context.Context, f dashboards.EventFilter) ([]dialtone.Event, error) {
	return s.desk.Events(alerting.EventFilter{Incident: f.Incident, Node: f.Node, Kind: f.Kind, Since: f.Since, Limit: f.Limit})
}

func (s *source) Notices(_ context.Context, incident string) ([]dialtone.Notice, error) {
	return s.desk.Notices(incident)
}

func (s *source) Range(ctx context.Context, promql string, start, end time.Time, step time.Duration) ([]dashboards.Series, error) {
	found, err := s.store.QueryRange(ctx, promql, start, end, step)
	if err != nil {
		return nil, err
	}
	lines := make([]dashboards.Series, len(found))
	for i, line := range found {
		lines[i].Labels = make(map[string]string, len(line.Labels))
		for _, l := range line.Labels {
			lines[i].Labels[l.Name] = l.Value
		}
		lines[i].Points = make([]plot.Point, len(line.Points))
		for j, p := range line.Points {
			lines[i].Points[j] = plot.Point{At: p.T, Value: p.V}
		}
	}
	return lines, nil
}

func (s *source) SeriesNames(ctx context.Context) ([]string, error) {
	return s.store.LabelValues(ctx, "__name__")
}

// changeEvery bounds how often one open page is told what changed; what changes in between is told together.
const changeEvery = 500 * time.Millisecond

// Changed joins what the desk and the node table tell. Neither says what it was that changed, so every node and every incident
// that is open or has just ended is named. The page fetches only the parts that it shows.
func (s *source) Changed(ctx context.Context) <-chan dashboards.Change {
	desk, stopDesk := s.desk.Subscribe()
	nodes, stopNodes := s.table.Subscribe()
	changes := make(chan dashboards.Change)
	go func() {
		defer close(changes)
		defer stopDesk()
		defer stopNodes()
		pace := time.NewTicker(changeEvery)
		defer pace.Stop()
		for {
			var changed []dashboards.Change
			select {
			case <-ctx.Done():
				return
			case <-desk:
				changed = s.incidentsNow()
			case <-nodes:
				changed = s.nodesNow()
			}
			if !sendAll(ctx, changes, changed) {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-pace.C:
			}
		}
	}()
	return changes
}

func sendAll(ctx context.Context, to chan<- dashboards.Change, changed []dashboards.Change) bool {
	for _, c := range changed {
		select {
		case to <- c:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (s *source) incidentsNow() []dashboards.Change {
	recent, err := s.desk.Incidents(alerting.IncidentFilter{Since: time.Now().Add(-time.Minute)})
	if err != nil {
		s.log.Error("reading incidents", "error", err)
	}
	changed := make([]dashboards.Change, len(recent))
	for i, in := range recent {
		changed[i] = dashboards.Change{Incident: in.ID, Node: in.Node}
	}
	return changed
}

func (s *source) nodesNow() []dashboards.Change {
	var changed []dashboards.Change
	for _, n := range s.table.All() {
		changed = append(changed, dashboards.Change{Node: n.Name})
	}
	return changed
}

// OpenIncidents is what `dialtone ok` asks for. A desk that cannot be read is itself an incident.
func (s *source) OpenIncidents() []dialtone.Incident {
	open, err := s.desk.Incidents(alerting.IncidentFilter{Open: true, Limit: 1000})
	if err != nil {
		s.log.Error("reading incidents", "error", err)
		return []dialtone.Incident{{Title: "incidents cannot be read", Why: err.Error(), Severity: dialtone.Critical, State: dialtone.IncidentTriggered}}
	}
	return open
}
