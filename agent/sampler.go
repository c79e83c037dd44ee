package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// sampler sends what was measured, once an interval, and the status whenever it changed.
type sampler struct {
	agent *Agent
	host  chan []dialtone.Sample // what the machine's sampler brought
	busy  bool                   // it has not answered yet, and is not asked again
	slow  bool                   // that was told
	now   chan struct{}          // somebody asks for /metrics, and nothing was measured for a while

	mu      sync.Mutex
	last    map[string][]dialtone.Sample // "host" and "services", for /metrics
	sent    map[string]time.Time         // the report of each service whose values were sent
	asked   time.Time                    // when somebody asked for /metrics
	waiting []chan struct{}              // of those who ask: closed when the machine was measured
}

// An agent whose samples nobody takes measures the machine only while somebody asks for /metrics.
const (
	measuredFor = 5 * time.Minute // after the last who asked
	firstAnswer = 2 * time.Second // for the first to ask; then there is what there is
)

func newSampler(a *Agent) *sampler {
	return &sampler{
		agent: a, host: make(chan []dialtone.Sample, 1), now: make(chan struct{}, 1),
		last: make(map[string][]dialtone.Sample), sent: make(map[string]time.Time),
	}
}

// run samples until ctx ends.
func (p *sampler) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(interval(p.agent.File()))
			if p.wanted() {
				p.measure(ctx)
			}
			p.agent.config.Uplink.Status(p.agent.Status())
		case <-p.now:
			p.measure(ctx)
		case samples := <-p.host:
			p.busy, p.slow = false, false
			p.send("host", samples)
			p.answer()
		case <-p.agent.changed:
			p.agent.config.Uplink.Status(p.agent.Status())
		}
	}
}

// wanted reports whether anybody has a use for samples.
func (p *sampler) wanted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.agent.config.Sampled || time.Since(p.asked) < measuredFor
}

func (p *sampler) measure(ctx context.Context) {
	p.askHost(ctx)
	p.send("services", p.services(time.Now().UTC()))
	if p.agent.config.Host == nil {
		p.answer()
	}
}

// answer lets those go on who wait for the first samples.
func (p *sampler) answer() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.waiting {
		close(one)
	}
	p.waiting = nil
}

// refresh makes sure that there is something to scrape.
func (p *sampler) refresh(ctx context.Context) {
	measured := make(chan struct{})
	wanted := p.wanted()
	p.mu.Lock()
	p.asked = time.Now()
	if !wanted {
		p.waiting = append(p.waiting, measured)
	}
	p.mu.Unlock()
	if wanted {
		return
	}
	select {
	case p.now <- struct{}{}:
	default: // somebody asked at the same moment
	}
	ctx, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	select {
	case <-measured:
	case <-ctx.Done():
	}
}

// askHost measures the machine beside the loop: a file system that hangs must not hold up the rest.
func (p *sampler) askHost(ctx context.Context) {
	host := p.agent.config.Host
	if host == nil {
		return
	}
	if p.busy {
		if !p.slow {
			p.agent.emit(dialtone.Event{Kind: dialtone.EventAgent, Why: "measuring this machine takes longer than the interval; something hangs"})
		}
		p.slow = true
		return
	}
	p.busy = true
	go func() {
		samples, err := host.Sample(ctx, time.Now().UTC())
		if err != nil && ctx.Err() == nil {
			p.agent.log.Debug("a part of this machine was not measured", "error", err)
		}
		select {
		case p.host <- samples:
		case <-ctx.Done():
		}
	}()
}

func (p *sampler) send(from string, samples []dialtone.Sample) {
	if len(samples) == 0 {
		return
	}
	p.mu.Lock()
	p.last[from] = samples
	p.mu.Unlock()
	p.agent.config.Uplink.Samples(samples)
}

// services are the samples of every service that was looked at: its state each time, its values once a look.
func (p *sampler) services(now time.Time) []dialtone.Sample {
	var samples []dialtone.Sample
	for _, name := range p.agent.names() {
		s := p.agent.service(name)
		if s == nil {
			continue
		}
		v := s.seen.Load()
		if v.status.Checked.IsZero() {
			continue // nobody has looked: not even "unknown" was found
		}
		state := ofService(v.spec, "kind", v.spec.Kind)
		samples = append(samples, dialtone.Sample{Name: "dialtone_service_state", Labels: state, At: now, Value: float64(v.status.State)})
		if v.report == nil || !v.status.Checked.After(p.sent[name]) {
			continue
		}
		p.sent[name] = v.status.Checked
		samples = append(samples, ofReport(v, now)...)
	}
	return append(samples, p.agent.healSamples(now)...)
}

// ofReport are the values and connection times that one look brought.
func ofReport(v *view, now time.Time) []dialtone.Sample {
	service := ofService(v.spec)
	samples := []dialtone.Sample{{Name: "dialtone_check_duration_seconds", Labels: service, At: now, Value: v.took.Seconds()}}
	for name, value := range v.report.Values {
		declared, argument := checks.Declared(v.spec.Kind, name)
		if declared.Type == "" {
			continue
		}
		where := service
		if declared.Argument != "" {
			where = ofService(v.spec, declared.Argument, argument)
		}
		samples = append(samples, dialtone.Sample{Name: "dialtone_" + v.spec.Kind + "_" + declared.Name, Labels: where, At: now, Value: value})
	}
	for test, probe := range v.report.Connections {
		where := connectionLabels(v.spec, test)
		up := 0.0
		if probe.Err == nil {
			up = 1
			samples = append(samples, dialtone.Sample{Name: "dialtone_connection_seconds", Labels: where, At: now, Value: probe.Took.Seconds()})
		}
		samples = append(samples, dialtone.Sample{Name: "dialtone_connection_up", Labels: where, At: now, Value: up})
	}
	for _, extra := range v.report.Samples {
		samples = append(samples, extraSample(v.spec, extra, now))
	}
	slices.SortStableFunc(samples[1:], func(a, b dialtone.Sample) int { return cmp.Compare(a.Name, b.Name) })
	return samples
}

// extraSample gives a sample that a check made by itself its full name, its labels and its time.
func extraSample(s *control.Service, extra dialtone.Sample, now time.Time) dialtone.Sample {
	var pairs []string
	for _, l := range extra.Labels {
		pairs = append(pairs, l.Name, l.Value)
	}
	extra.Name = "dialtone_" + s.Kind + "_" + extra.Name
	extra.Labels = ofService(s, pairs...)
	if extra.At.IsZero() {
		extra.At = now
	}
	return extra
}

func connectionLabels(s *control.Service, c *control.Connection) []dialtone.Label {
	protocol := cmp.Or(c.Protocol, "default")
	if c.UnixSocket != "" {
		return ofService(s, "path", c.UnixSocket, "protocol", protocol)
	}
	return ofService(s, "host", c.Host, "network", cmp.Or(c.Network, "tcp"), "port", strconv.Itoa(c.Port), "protocol", protocol)
}

// ofService makes the labels of a service's series: its name, what tells this series from its others (names and values in turn), and
// the labels that the control file gives it. One of those never takes the place of ours, or two series would become one.
func ofService(s *control.Service, pairs ...string) []dialtone.Label {
	made := append(labels("service", s.Name), labels(pairs...)...)
	for _, l := range s.Labels {
		taken := slices.ContainsFunc(made, func(other dialtone.Label) bool { return other.Name == l.Name })
		if l.Value != "" && !taken {
			made = append(made, l)
		}
	}
	slices.SortFunc(made, func(a, b dialtone.Label) int { return cmp.Compare(a.Name, b.Name) })
	return made
}

func (a *Agent) healSamples(now time.Time) []dialtone.Sample {
	a.mu.Lock()
	defer a.mu.Unlock()
	samples := make([]dialtone.Sample, 0, len(a.heals))
	for key, count := range a.heals {
		where := labels("outcome", string(key.outcome), "service", key.service)
		samples = append(samples, dialtone.Sample{Name: "dialtone_heals_total", Labels: where, At: now, Value: count})
	}
	return samples
}

// labels makes labels of names and values in turn; the names come in order. An empty value is no label.
func labels(pairs ...string) []dialtone.Label {
	made := make([]dialtone.Label, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			made = append(made, dialtone.Label{Name: pairs[i], Value: pairs[i+1]})
		}
	}
	return made
}

// newest are the samples that were sent last, one of each series: values of the past give way to the present one.
func (p *sampler) newest() []dialtone.Sample {
	p.mu.Lock()
	all := slices.Concat(p.last["host"], p.last["services"])
	p.mu.Unlock()
	place := make(map[string]int, len(all))
	kept := all[:0]
	for _, s := range all {
		key := fmt.Sprint(s.Name, s.Labels)
		i, had := place[key]
		switch {
		case !had:
			place[key] = len(kept)
			kept = append(kept, s)
		case s.At.After(kept[i].At):
			kept[i] = s
		}
	}
	return kept
}
