package alerting

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dialtone/dialtone"
)

// agentEvent is what the collector tells of an agent that said goodbye.
func agentEvent(from, to dialtone.State) dialtone.Event {
	return dialtone.Event{Kind: dialtone.EventAgent, Node: "web1", From: from, To: to, Why: "agent on web1 was stopped (quit) at 12:00:00 UTC and has not come back"}
}

// of is the one incident of a service of web1, or of web1 itself where the service is empty.
func (o *office) of(service string) dialtone.Incident {
	o.t.Helper()
	all, err := o.desk.Incidents(IncidentFilter{})
	if err != nil {
		o.t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(in dialtone.Incident) bool { return in.Service != service })
	if len(all) != 1 {
		o.t.Fatalf("incidents of %q: %+v", service, all)
	}
	return all[0]
}

func TestAStoppedAgentIsAnIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(agentEvent(dialtone.Unknown, dialtone.Unknown))
		same(t, "a start is told to nobody", hook.heard(), []string{})
		o.tell(agentEvent(dialtone.OK, dialtone.Warning))
		in := o.only()
		same(t, "key", in.Key, "web1/")
		same(t, "severity", in.Severity, dialtone.Warning)
		o.tell(agentEvent(dialtone.Warning, dialtone.OK))
		same(t, "state", o.only().State, dialtone.IncidentResolved)
		same(t, "told", hook.heard(), []string{"firing/new the agent on web1 is stopped", "resolved/over web1 is well again"})
	})
}

// TestAStoppedAgentHoldsNoService: its machine runs on, and what it said last stands, so that nobody's page waits for it. Only the
// silence of the machine itself makes its services wait.
func TestAStoppedAgentHoldsNoService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		o.tell(healing("nginx"), agentEvent(dialtone.OK, dialtone.Warning))
		o.pass(time.Minute)
		same(t, "held by", o.of("nginx").HeldBy, "")
		same(t, "told", hook.heard(), []string{"firing/new the agent on web1 is stopped", "firing/new nginx on web1 is down"})

		node := dialtone.Event{Kind: dialtone.EventState, Node: "web1", From: dialtone.OK, To: dialtone.Critical, Why: "no heartbeat for 15 s"}
		o.tell(node)
		worse := o.of("")
		same(t, "title", worse.Title, "web1 is down")
		same(t, "severity", worse.Severity, dialtone.Critical)
		same(t, "held by", o.of("nginx").HeldBy, worse.ID)
		node.ID, node.At, node.From, node.To = "", time.Time{}, dialtone.Critical, dialtone.OK
		o.tell(node)
		o.tell(nginxUp())
		same(t, "told since", hook.heard()[2:], []string{
			"update/worse Worse: web1 is down", "resolved/over web1 is well again", "resolved/over nginx on web1 is well again",
		})
	})
}

// TestARestartedAgentTellsNothingTwice: it begins with unknown, and finds what its predecessor had found.
func TestARestartedAgentTellsNothingTwice(t *testing.T) {
	again := down("nginx")
	again.From = dialtone.Unknown
	withHealer := again
	withHealer.Healing = true
	unknown := again
	unknown.To, unknown.Why = dialtone.Unknown, "asking systemd failed"
	started := agentEvent(dialtone.Unknown, dialtone.Unknown)
	for name, c := range map[string]struct {
		first dialtone.Event
		ack   bool
		then  []dialtone.Event
		state dialtone.IncidentState
		told  []string
	}{
		"paged":                      {down("nginx"), false, []dialtone.Event{started, again}, dialtone.IncidentTriggered, []string{"firing/new nginx on web1 is down"}},
		"paged, now healed":          {down("nginx"), false, []dialtone.Event{started, withHealer}, dialtone.IncidentTriggered, []string{"firing/new nginx on web1 is down"}},
		"paged, first look failed":   {down("nginx"), false, []dialtone.Event{started, unknown, again}, dialtone.IncidentTriggered, []string{"firing/new nginx on web1 is down"}},
		"taken":                      {down("nginx"), true, []dialtone.Event{started, again}, dialtone.IncidentAcked, []string{"firing/new nginx on web1 is down"}},
		"held, and healed once more": {healing("nginx"), false, []dialtone.Event{started, withHealer}, dialtone.IncidentHealing, []string{}},
		"held, and nobody heals":     {healing("nginx"), false, []dialtone.Event{started, again}, dialtone.IncidentTriggered, []string{"firing/new nginx on web1 is down"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hook := &receiver{}
				o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
				o.tell(c.first)
				if c.ack {
					o.do(o.desk.Ack(o.t.Context(), o.only().ID, "amir"))
				}
				o.pass(5 * time.Second)
				o.tell(c.then...)
				o.pass(5 * time.Second)
				same(t, "state", o.only().State, c.state)
				same(t, "told", hook.heard(), c.told)
			})
		})
	}
}
