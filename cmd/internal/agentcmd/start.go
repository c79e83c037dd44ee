package agentcmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/agent/uplink"
	"github.com/dialtone/dialtone/control"
)

// Options say which agent to start. ControlFile is required.
type Options struct {
	ControlFile string
	StateFile   string             // wins over the file's; empty: the file's, or the usual place
	LogFile     string             // wins over the file's
	Pidfile     string             // wins over the file's
	Collector   *control.Collector // for a file that names none; nil: then the agent works alone
	Interval    time.Duration      // wins over the file's; zero: the file's
	Version     string
	Ends        string       // what `quit` ends, for the one who says so; empty: "the agent"
	Log         *slog.Logger // nil: discarded
}

// Running is an agent at work.
type Running struct {
	Agent  *agent.Agent
	Socket string // where it takes commands; empty when it could not listen

	uplink *uplink.Uplink
	tells  *tellers
	group  *errgroup.Group
	quit   context.CancelFunc
	after  []func() error // in the order made; run backwards
}

// Start puts an agent together and starts it. It ends with ctx or by `quit`; Wait then returns. A state folder that cannot be written, a
// command socket or a metrics address that cannot be taken are told, and the rest works without them. Another agent on the same
// state file is an error.
func Start(ctx context.Context, o Options) (*Running, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	file, err := o.load()
	if err != nil {
		return nil, err
	}
	ctx, quit := context.WithCancel(ctx)
	r := &Running{quit: quit}
	if err := r.assemble(ctx, o, file); err != nil {
		quit()
		return nil, errors.Join(err, r.cleanUp())
	}
	return r, nil
}

// load reads the control file and lays the options over it.
func (o Options) load() (*control.File, error) {
	file, err := load(o.ControlFile)
	if err != nil {
		return nil, err
	}
	if o.StateFile != "" {
		file.Settings.StateFile = o.StateFile
	}
	if o.LogFile != "" {
		file.Settings.Log = o.LogFile
	}
	if o.Pidfile != "" {
		file.Settings.Pidfile = o.Pidfile
	}
	if o.Interval > 0 {
		file.Settings.Interval = o.Interval
	}
	if file.Settings.Collector == nil {
		file.Settings.Collector = o.Collector
	}
	return file, nil
}

// assemble: the socket first, because it tells whether another agent runs; then the database, the uplink, and the agent on top.
func (r *Running) assemble(ctx context.Context, o Options, file *control.File) error {
	if err := otherWatcher(file.Settings.Pidfile); err != nil {
		return err
	}
	state := stateFile(file)
	listener, err := agent.Listen(ctx, socketOf(state))
	var other *agent.RunningError
	switch {
	case errors.As(err, &other):
		return err
	case err != nil:
		o.Log.Warn("commands cannot be given to this agent", "error", err)
	default:
		r.Socket = socketOf(state)
		r.after = append(r.after, func() error { return ignoreClosed(listener.Close()) })
	}
	db, spool, noDB, err := r.databases(o.Log, state)
	if err != nil {
		return err
	}
	c := agent.Config{
		File: file, Load: o.load, DB: db, NoDB: noDB, Log: o.Log, Version: o.Version, Ends: o.Ends, Node: nodeOf(file),
		Platform: platform(), Booted: booted(), AgentID: identity(file, state), BootID: randomID(),
		Host: hostSampler(), Families: hostFamilies(), MachineBoot: machineBoot(),
		Sampled: file.Settings.Collector != nil,
	}
	if err := r.connect(&c, spool); err != nil {
		return err
	}
	var page *door[control.HTTPServer]
	var masters *door[control.MuninServer]
	c.Reloaded = func(f *control.File) {
		r.tells.file.Store(f)
		page.apply(ctx, f.Settings.HTTP)
		masters.apply(ctx, f.Settings.Munin)
	}
	if r.Agent, err = agent.New(c); err != nil {
		return err
	}
	page, masters = statusPage(r.Agent, o.Version, o.Log), muninMasters(r.Agent, c.Node.Name, o.Version, o.Log)
	r.after = append(r.after, page.close, masters.close)
	page.apply(ctx, file.Settings.HTTP)
	masters.apply(ctx, file.Settings.Munin)
	removePidfile, err := writePidfile(file.Settings.Pidfile)
	if err != nil {
		o.Log.Warn("others will not find this agent by its pidfile", "error", err)
	} else {
		r.after = append(r.after, removePidfile)
	}
	r.launch(ctx, o.Log, listener, file.Settings.Metrics)
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// databases opens the agent's database, and one for the spool, which is the same unless the state folder cannot be used: noDB then says
// why.
func (r *Running) databases(log *slog.Logger, state string) (db, spool *bbolt.DB, noDB, err error) {
	db, noDB = openState(state)
	if errors.Is(noDB, errInUse) {
		return nil, nil, nil, noDB
	}
	if noDB == nil {
		r.after = append(r.after, db.Close)
		return db, db, nil, nil
	}
	log.Error("the state folder cannot be used: nothing will be healed, and what is unsent is lost with the agent", "error", noDB)
	spool, remove, err := openShelter()
	if err != nil {
		return nil, nil, nil, err
	}
	r.after = append(r.after, remove, spool.Close)
	return nil, spool, noDB, nil
}

// connect gives the agent those whom it tells: its collector, when there is one, and who is told without it.
func (r *Running) connect(c *agent.Config, spool *bbolt.DB) error {
	if err := r.dial(c, spool); err != nil {
		return err
	}
	var err error
	if r.tells, err = newTellers(c, r.uplink, spool); err != nil {
		return err
	}
	c.Uplink, c.Trouble = r.tells, r.tells.mail.Trouble
	return nil
}

// dial makes the uplink when there is a collector.
func (r *Running) dial(c *agent.Config, spool *bbolt.DB) error {
	to := c.File.Settings.Collector
	if to == nil {
		return nil
	}
	up, err := uplink.New(uplink.Config{
		URL: to.URL, TokenFile: to.TokenFile, CAFile: to.CAFile, Node: c.Node, Version: c.Version,
		AgentID: c.AgentID, BootID: c.BootID, DB: spool, Log: c.Log,
	})
	if err != nil {
		return fmt.Errorf("%s: set collector: %w", to.Pos.Place(), err)
	}
	began := time.Now()
	r.uplink = up
	c.Alone = func() bool { return alone(up.Stats(), began) }
	return nil
}

// aloneAfter is how long the collector is out of reach before the node counts as alone: a restart of the collector is no outage.
const aloneAfter = 15 * time.Second

// alone says it of a link that has been down for longer; one that was never up counts from the agent's start.
func alone(s uplink.Stats, began time.Time) bool {
	since := s.Since
	if since.IsZero() {
		since = began
	}
	return !s.Connected && time.Since(since) >= aloneAfter
}

// launch starts everything. Those who are told outlive the agent, so that its last words are sent.
func (r *Running) launch(ctx context.Context, log *slog.Logger, listener net.Listener, metrics string) {
	r.group = &errgroup.Group{}
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	r.tells.run(sending, r.group, r.Agent)
	r.group.Go(func() error {
		defer stopSending()
		defer r.quit()
		return r.Agent.Run(ctx)
	})
	if listener != nil {
		r.group.Go(func() error { return r.Agent.Serve(ctx, listener, r.quit) })
	}
	if metrics != "" {
		r.group.Go(func() error { serveMetrics(ctx, log, metrics, r.Agent.Metrics()); return nil })
	}
}

// serveMetrics offers /metrics to Prometheus. An address in use is told, and takes nothing else down.
func serveMetrics(ctx context.Context, log *slog.Logger, address string, metrics http.Handler) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		log.Error("metrics are not served", "address", address, "error", err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		log.Error("metrics are no longer served", "address", address, "error", err)
	}
}

// Stats says how the uplink stands; false when there is none.
func (r *Running) Stats() (uplink.Stats, bool) {
	if r.uplink == nil {
		return uplink.Stats{}, false
	}
	return r.uplink.Stats(), true
}

// Stop ends the agent, as the end of Start's context does.
func (r *Running) Stop() { r.quit() }

// Wait returns when the agent has ended, and everything it held is closed.
func (r *Running) Wait() error { return errors.Join(r.group.Wait(), r.cleanUp()) }

func (r *Running) cleanUp() error {
	var errs []error
	for _, undo := range slices.Backward(r.after) {
		errs = append(errs, undo())
	}
	r.after = nil
	return errors.Join(errs...)
}

func nodeOf(file *control.File) dialtone.Node {
	n := file.Settings.Node
	if n.Name == "" {
		n.Name, _ = os.Hostname()
	}
	if n.Name == "" {
		n.Name = "localhost"
	}
	return dialtone.Node{Name: n.Name, Roles: n.Roles, Site: n.Site}
}
