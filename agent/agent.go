// Package agent watches the services of one node: schedule → check → rules → heal → events, samples and status.
//
// Each service has a goroutine that owns it; a check runs in a goroutine of its own, so that one that hangs delays nothing; a heal
// runs beside the loop that asked for it. The agent needs nobody: what it has to say goes to an Uplink, which never makes it wait.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent/heal"
	"github.com/dialtone/dialtone/agent/pidfd"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/healers"
	"github.com/dialtone/dialtone/internal/proc"
)

const (
	defaultInterval = 5 * time.Second
	lastHeals       = 10 * time.Second // that heals in flight have when the agent stops
)

// Uplink takes what the agent has to say. It never blocks and never fails.
type Uplink interface {
	Events(...dialtone.Event)
	Samples([]dialtone.Sample)
	Status(dialtone.NodeStatus)
}

// HostSampler measures the machine itself. It returns what it has, and an error for what it has not.
type HostSampler interface {
	Sample(ctx context.Context, now time.Time) ([]dialtone.Sample, error)
}

// Config is what an agent is made of. File, Node, AgentID and BootID are required; the rest has a use for its zero value.
type Config struct {
	File     *control.File
	Load     func() (*control.File, error)                // reads the control file again; nil: Reload is refused
	NewHand  func(*control.File) (healers.Hand, error)    // nil: healers.NewHand
	NewCheck func(*control.Service) (checks.Check, error) // nil: checks.New
	Watch    func(pid int, died func()) (stop func())     // nil: pidfd
	Left     func(pid int) []proc.Stat                    // what a dead process left behind; nil: proc.Left
	DB       *bbolt.DB                                    // nil: the state folder cannot be used, NoDB says why; nothing is healed
	NoDB     error
	Alone    func() bool       // the collector is out of reach; nil: it never is, or there is none
	Uplink   Uplink            // nil: kept by nobody
	Sampled  bool              // somebody takes the samples all the time; false: they are made while somebody asks for /metrics
	Host     HostSampler       // nil: the machine is not measured
	Families []dialtone.Metric // of the host's samples, for /metrics
	Log      *slog.Logger      // nil: discarded

	Node     dialtone.Node
	Version  string
	Platform string
	Ends     string // what `quit` ends; empty: "the agent"
	Booted   time.Time
	AgentID  string // of this installation, for ever
	BootID   string // of this run

	MachineBoot string              // the kernel's id of this boot of the machine; empty: not known, and onreboot has no effect
	Reloaded    func(*control.File) // told of each control file that was taken over; nil: nobody asks
	Trouble     func() string       // what those who tell people have to complain of, for the status; nil: nothing
}

// Agent watches and heals the services of one control file. Its methods are safe for concurrent use.
type Agent struct {
	config   Config
	log      *slog.Logger
	board    *board
	store    store
	journal  *healers.Journal
	engine   atomic.Pointer[heal.Engine]
	hand     atomic.Pointer[handOf]
	watch    func(int, func()) func()
	watcher  *pidfd.Watcher // nil when Config.Watch is given
	rebooted bool           // the machine has started anew since the agent's last run
	sampler  *sampler

	maintenance atomic.Pointer[maintenance] // of every service

	started time.Time
	number  atomic.Uint64 // of the last event
	changed chan struct{} // the status is another one

	healing   context.Context // of heals and execs: ends a while after Run's
	endHeals  context.CancelFunc
	beside    sync.WaitGroup // execs
	execs     sync.Map       // healers.ActionID of those that run
	reloading sync.Mutex     // one reload at a time
	underway  underway

	mu          sync.Mutex
	file        *control.File
	services    map[string]*service
	written     []string        // the names of the services, in the order written
	running     context.Context // of the services' goroutines; nil before Run
	configError string
	heals       map[healCount]float64
}

// handOf makes an interface fit into an atomic pointer.
type handOf struct{ healers.Hand }

type healCount struct {
	service string
	outcome dialtone.HealOutcome
}

// New makes an agent; nothing runs before Run. Services that cannot be checked on this machine are no error: they are shown as such.
func New(c Config) (*Agent, error) {
	a := &Agent{
		config: defaults(c), board: newBoard(), started: time.Now().UTC(), changed: make(chan struct{}, 1),
		services: make(map[string]*service), heals: make(map[healCount]float64),
	}
	a.log = a.config.Log
	var err error
	if a.store, err = openStore(c.DB); err != nil {
		return nil, err
	}
	if a.journal, err = openJournal(c); err != nil {
		return nil, err
	}
	hand, err := a.config.NewHand(c.File)
	if err != nil {
		return nil, err
	}
	a.healing, a.endHeals = context.WithCancel(context.Background())
	if a.watch = c.Watch; a.watch == nil {
		if a.watcher, err = pidfd.New(); err != nil {
			return nil, err
		}
		a.watch = a.watcher.Watch
	}
	a.sampler = newSampler(a)
	a.adopt(c.File, hand)
	if a.rebooted, err = a.store.rebooted(c.MachineBoot); err != nil {
		return nil, err
	}
	for _, spec := range c.File.Services {
		a.services[spec.Name] = newService(a, spec, interval(c.File))
	}
	a.rebooted = false // a service that a reload brings has not been there before
	return a, nil
}

func openJournal(c Config) (*healers.Journal, error) {
	if c.DB == nil {
		return healers.NoJournal(c.NoDB), nil
	}
	return healers.OpenJournal(c.DB)
}

func defaults(c Config) Config {
	if c.NewHand == nil {
		c.NewHand = func(f *control.File) (healers.Hand, error) { return healers.NewHand(f) }
	}
	if c.NewCheck == nil {
		c.NewCheck = checks.New
	}
	if c.Left == nil {
		c.Left = func(pid int) []proc.Stat { return proc.Left("/proc", pid) }
	}
	if c.Alone == nil {
		c.Alone = func() bool { return false }
	}
	if c.Uplink == nil {
		c.Uplink = nobody{}
	}
	if c.Ends == "" {
		c.Ends = "the agent"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// nobody keeps nothing: the uplink of an agent that works alone.
type nobody struct{}

func (nobody) Events(...dialtone.Event)   {}
func (nobody) Samples([]dialtone.Sample)  {}
func (nobody) Status(dialtone.NodeStatus) {}

func interval(f *control.File) time.Duration {
	if f.Settings.Interval > 0 {
		return f.Settings.Interval
	}
	return defaultInterval
}

// adopt makes a control file the one that holds.
func (a *Agent) adopt(f *control.File, hand healers.Hand) {
	a.hand.Store(&handOf{hand})
	a.engine.Store(&heal.Engine{
		Hand: hand, Journal: a.journal, Tell: a.tellHeal, Log: a.log,
		Limits: func(s *control.Service) healers.Limits { return healers.LimitsOf(s, f.Settings.Budget, interval(f)) },
	})
	a.board.rule(f)
	quiet, err := newMaintenance(f.Settings.Maintenance)
	if err != nil {
		a.log.Warn("set maintenance cannot be read", "error", err)
	}
	a.maintenance.Store(&quiet)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.file = f
	a.written = a.written[:0]
	for _, s := range f.Services {
		a.written = append(a.written, s.Name)
	}
}

// Run watches until ctx ends; then it lets heals in flight finish, for ten seconds at most. It is called once.
func (a *Agent) Run(ctx context.Context) error {
	defer a.endHeals()
	a.tellStart()
	a.recover()
	a.mu.Lock()
	a.running = ctx
	delay := a.file.Settings.StartDelay
	for _, s := range a.services {
		a.launch(ctx, s, delay)
	}
	a.mu.Unlock()

	a.sampler.run(ctx)
	return a.stop()
}

// tellStart opens an incident where the agent can only watch, and ends the one of an earlier start that could not do more.
func (a *Agent) tellStart() {
	e := dialtone.Event{Kind: dialtone.EventAgent, To: dialtone.OK, Why: "the agent started"}
	if trouble := a.trouble(); trouble != "" {
		e.From, e.To, e.Why = dialtone.OK, dialtone.Warning, "the agent started, but "+trouble
	}
	a.emit(e)
}

// trouble is why the agent cannot do all of its work; empty: it can.
func (a *Agent) trouble() string {
	if err := a.journal.Trouble(); err != nil {
		return "nothing is healed: " + err.Error()
	}
	return ""
}

// launch starts a service's goroutine. The caller holds the lock.
func (a *Agent) launch(ctx context.Context, s *service, delay time.Duration) {
	ctx, s.close = context.WithCancel(ctx)
	go s.run(ctx, delay)
}

// stop waits for every goroutine, in the order in which they need one another.
func (a *Agent) stop() error {
	timer := time.AfterFunc(lastHeals, a.endHeals)
	defer timer.Stop()
	a.mu.Lock()
	services := make([]*service, 0, len(a.services))
	for _, s := range a.services {
		services = append(services, s)
	}
	a.mu.Unlock()
	for _, s := range services {
		<-s.done
		s.close()
	}
	a.beside.Wait()
	a.emit(dialtone.Event{Kind: dialtone.EventAgent, Why: "the agent stopped"})
	if a.watcher == nil {
		return nil
	}
	return a.watcher.Close()
}

// recover ends the heals that an earlier run left open.
func (a *Agent) recover() {
	open, err := a.journal.Unfinished()
	if err != nil {
		a.log.Error("the journal cannot say which heals were cut short", "error", err)
		return
	}
	for _, h := range open {
		switch s := a.service(h.Service); {
		case s == nil:
			a.engine.Load().Close(h, false, "the service is not in the control file any more")
		case s.healing:
			a.engine.Load().Close(h, false, "an earlier heal of it was open too")
		default:
			s.resume(h)
		}
	}
}

// emit numbers an event and hands it on.
func (a *Agent) emit(e dialtone.Event) {
	e.ID = fmt.Sprintf("%s/%s/%d", a.config.AgentID, a.config.BootID, a.number.Add(1))
	e.At = time.Now().UTC()
	e.Node = a.config.Node.Name
	a.log.Info("event", "kind", e.Kind, "service", e.Service, "from", e.From, "to", e.To, "why", e.Why)
	a.config.Uplink.Events(e)
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// tellHeal makes an event of a heal's beginning or end.
func (a *Agent) tellHeal(h dialtone.Heal) {
	e := dialtone.Event{Kind: dialtone.EventHeal, Service: h.Service, Why: sentence(h), Rule: h.Rule, Heal: &h, Turns: turnsOfHeal(h)}
	if s := a.service(h.Service); s != nil {
		e.ServiceKind = s.spec.Kind
		if v := s.seen.Load(); v != nil {
			e.From, e.To = v.status.State, v.status.State
		}
	}
	e.Healing = h.Outcome == dialtone.HealRunning || (h.Outcome == dialtone.HealFailed && !h.Next.IsZero())
	if h.Outcome != dialtone.HealRunning {
		a.mu.Lock()
		a.heals[healCount{h.Service, h.Outcome}]++
		a.mu.Unlock()
	}
	a.emit(e)
}

// sentence is what a person reads of a heal.
func sentence(h dialtone.Heal) string {
	switch h.Outcome {
	case dialtone.HealRunning:
		return fmt.Sprintf("%s begins: %s", h.Action, h.Seen)
	case dialtone.Healed:
		return fmt.Sprintf("%s worked after %s", h.Action, h.Took.Round(time.Millisecond))
	case dialtone.HealFailed:
		return fmt.Sprintf("%s did not help: %s", h.Action, h.Reason)
	case dialtone.HealRefused:
		return fmt.Sprintf("%s is held back: %s", h.Action, h.Reason)
	case dialtone.HealParked:
		return "healing was given up: " + h.Reason
	}
	return h.Reason
}

func (a *Agent) service(name string) *service {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.services[name]
}

func (a *Agent) spec(name string) *control.Service {
	if s := a.service(name); s != nil {
		return s.spec
	}
	return nil
}

// names are the services in the order written.
func (a *Agent) names() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.written...)
}

func (a *Agent) poke(names []string) {
	for _, name := range names {
		if s := a.service(name); s != nil {
			s.poke()
		}
	}
}

// pokeDependents wakes the services that may have waited for one that is well again.
func (a *Agent) pokeDependents(name string) {
	a.board.mu.Lock()
	names := a.board.dependents(name)
	a.board.mu.Unlock()
	a.poke(names)
}

var errNoLoad = errors.New("this agent was started without a control file to read again")
