package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/dialtone/dialtone/alerting"
	"github.com/dialtone/dialtone/checks/host"
	"github.com/dialtone/dialtone/collector"
	"github.com/dialtone/dialtone/collector/door"
	"github.com/dialtone/dialtone/collector/series"
	"github.com/dialtone/dialtone/dashboards"
	"github.com/dialtone/dialtone/wire"
)

// serveConfig is what `up` and `collector` are told.
type serveConfig struct {
	folder    folder
	listen    string
	retention time.Duration
	cert, key string
	log       *slog.Logger
}

// server is the collector with everything around it: the parts, and the address where they answer.
type server struct {
	door   *door.Door
	store  *series.Store
	nodes  *collector.Nodes
	desk   *alerting.Desk
	intake *collector.Intake
	mux    *http.ServeMux
	log    *slog.Logger
}

// openServer opens the parts in the order in which they need one another, the address first: a port that is taken is told
// before a file is touched. What was opened is closed again when a later part does not open.
func openServer(c serveConfig) (_ *server, err error) {
	s := &server{log: c.log, mux: http.NewServeMux()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.door, err = door.Open(door.Config{
		Address: c.listen, Dir: string(c.folder), CertFile: c.cert, KeyFile: c.key, Open: []string{wire.Path}, Log: c.log,
	}); err != nil {
		return s, err
	}
	token, err := c.folder.token()
	if err != nil {
		return s, err
	}
	if err := alerting.WriteDefault(c.folder.settingsFile()); err != nil {
		return s, err
	}
	settings, err := alerting.LoadSettings(c.folder.settingsFile())
	if err != nil {
		return s, err
	}
	ways, err := settings.Ways()
	if err != nil {
		return s, fmt.Errorf("%s: %w", c.folder.settingsFile(), err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if s.store, err = series.Open(series.Config{
		Dir: c.folder.path("series"), Retention: c.retention, RemoteWrite: true, Version: version, Log: c.log, Registerer: registry,
	}); err != nil {
		return s, err
	}
	s.store.SetMetadata(host.Families())
	if s.nodes, err = collector.OpenNodes(c.folder.path("nodes.db")); err != nil {
		return s, err
	}
	src := &source{store: s.store, table: s.nodes, log: c.log}
	pages, err := dashboards.New(dashboards.Config{Source: src, Actions: actions{src}, Log: c.log, Zone: settings.Zone(), Version: version})
	if err != nil {
		return s, err
	}
	if s.desk, err = alerting.Open(alerting.Config{
		Path: c.folder.path("desk.db"), Settings: settings, Ways: ways, Grapher: pages, BaseURL: s.door.URL(), Log: c.log,
	}); err != nil {
		return s, err
	}
	src.desk = s.desk
	s.intake = collector.NewIntake(collector.IntakeConfig{
		Token: func() string { return token }, Store: s.store, Desk: s.desk, Nodes: s.nodes, Log: c.log,
	})
	s.route(src, pages, registry)
	return s, nil
}

// actions are what people do on the pages; source knows the desk only after the pages are made.
type actions struct{ *source }

func (a actions) Ack(ctx context.Context, incident, who string) error {
	return inWordsOfPages(a.desk.Ack(ctx, incident, who))
}

func (a actions) Escalate(ctx context.Context, incident, who string) error {
	return inWordsOfPages(a.desk.Escalate(ctx, incident, who))
}

func (a actions) Mute(ctx context.Context, incident, who string, until time.Time) error {
	return inWordsOfPages(a.desk.Mute(ctx, incident, who, until))
}

// run serves until ctx ends. The intake ends before the desk, so that nothing arrives that is not told any more.
func (s *server) run(ctx context.Context) error {
	desk, stopDesk := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDesk()
	deskDone := make(chan error, 1)
	go func() { deskDone <- s.desk.Run(desk) }()

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.intake.Run(ctx) })
	g.Go(func() error {
		return s.nodes.Watch(ctx, collector.WatchConfig{Desk: s.desk, Store: s.store, Log: s.log})
	})
	g.Go(func() error { return s.door.Serve(ctx, s.mux) })
	err := g.Wait()
	stopDesk()
	return errors.Join(err, <-deskDone)
}

// close closes what is open, in the reverse of the order of opening.
func (s *server) close() error {
	var err error
	if s.desk != nil {
		err = errors.Join(err, s.desk.Close())
	}
	if s.nodes != nil {
		err = errors.Join(err, s.nodes.Close())
	}
	if s.store != nil {
		err = errors.Join(err, s.store.Close())
	}
	if s.door != nil {
		err = errors.Join(err, s.door.Close())
	}
	return err
}
