package alerting

import (
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	noon   = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	policy = Policy{Grace: 20 * time.Second, RemindEvery: 30 * time.Minute, EscalateAfter: 15 * time.Minute}
)

// brokenAt returns an incident that broke at noon.
func brokenAt(e dialtone.Event) *incident {
	e.At = noon
	in := &incident{Incident: dialtone.Incident{ID: "i"}}
	in.broke(e, noon, policy)
	return in
}

func TestTransitions(t *testing.T) {
	warning := func(e dialtone.Event) dialtone.Event { e.To = dialtone.Warning; return e }
	for name, c := range map[string]struct {
		first dialtone.Event
		then  func(*incident, time.Time) outcome
		after time.Duration
		state dialtone.IncidentState
		told  []tell
		hush  bool
	}{
		"parked": {
			first: healing("nginx"), after: time.Second,
			then: func(in *incident, now time.Time) outcome {
				return in.heal(*heal("nginx", dialtone.HealParked).Heal, now, policy)
			},
			state: dialtone.IncidentTriggered, told: []tell{{dialtone.NoticeFiring, reasonNew}},
		},
		"a failed heal keeps the hold": {
			first: healing("nginx"), after: time.Second,
			then: func(in *incident, now time.Time) outcome {
				return in.heal(*heal("nginx", dialtone.HealFailed).Heal, now, policy)
			},
			state: dialtone.IncidentHealing,
		},
		"parked after the page": {
			first: down("nginx"), after: time.Second,
			then: func(in *incident, now time.Time) outcome {
				return in.heal(*heal("nginx", dialtone.HealParked).Heal, now, policy)
			},
			state: dialtone.IncidentTriggered, told: []tell{{dialtone.NoticeUpdate, reasonParked}},
		},
		"nobody heals any more": {
			first: healing("nginx"), after: time.Second,
			then:  func(in *incident, now time.Time) outcome { return in.still(down("nginx"), now, policy) },
			state: dialtone.IncidentTriggered, told: []tell{{dialtone.NoticeFiring, reasonNew}},
		},
		"grace not over": {
			first: healing("nginx"), after: 20*time.Second - 1,
			then:  func(in *incident, now time.Time) outcome { return in.tick(now, policy) },
			state: dialtone.IncidentHealing,
		},
		"grace over": {
			first: healing("nginx"), after: 20 * time.Second,
			then:  func(in *incident, now time.Time) outcome { return in.tick(now, policy) },
			state: dialtone.IncidentTriggered, told: []tell{{dialtone.NoticeFiring, reasonNew}},
		},
		"the clock was turned back": {
			first: healing("nginx"), after: -time.Hour,
			then:  func(in *incident, now time.Time) outcome { return in.tick(now, policy) },
			state: dialtone.IncidentTriggered, told: []tell{{dialtone.NoticeFiring, reasonNew}},
		},
		"the same state again says nothing": {
			first: down("nginx"), after: time.Second,
			then:  func(in *incident, now time.Time) outcome { return in.still(down("nginx"), now, policy) },
			state: dialtone.IncidentTriggered,
		},
		"better but not well says nothing": {
			first: down("nginx"), after: time.Second,
			then:  func(in *incident, now time.Time) outcome { return in.still(warning(down("nginx")), now, policy) },
			state: dialtone.IncidentTriggered,
		},
		"worse": {
			first: warning(down("nginx")), after: time.Second,
			then:  func(in *incident, now time.Time) outcome { return in.still(down("nginx"), now, policy) },
			state: dialtone.IncidentTriggered, told: []tell{{dialtone.NoticeUpdate, reasonWorse}},
		},
		"ack": {
			first: down("nginx"), after: time.Second,
			then:  func(in *incident, now time.Time) outcome { return in.ack("ada", now) },
			state: dialtone.IncidentAcked, hush: true,
		},
		"its node goes down": {
			first: down("nginx"), after: time.Second,
			then:  func(in *incident, _ time.Time) outcome { return in.nodeDown("n") },
			state: dialtone.IncidentTriggered, hush: true,
		},
		"second line before reminder": {
			first: down("nginx"), after: time.Hour,
			then:  func(in *incident, now time.Time) outcome { return in.tick(now, policy) },
			state: dialtone.IncidentTriggered, told: []tell{{dialtone.NoticeUpdate, reasonEscalated}},
		},
	} {
		in := brokenAt(c.first)
		out := c.then(in, noon.Add(c.after))
		if diff := cmp.Diff(outcome{tell: c.told, hush: c.hush}, out, cmp.AllowUnexported(outcome{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if in.State != c.state {
			t.Errorf("%s: state %s, want %s", name, in.State, c.state)
		}
	}
}

// TestMaintenanceHoldsThePageUntilItEnds: what broke in it is an incident at once, and is told when it is over and still broken.
func TestMaintenanceHoldsThePageUntilItEnds(t *testing.T) {
	e := down("nginx")
	e.At, e.MutedUntil, e.Runbook = noon, noon.Add(time.Hour), "https://wiki.example/nginx"
	in := &incident{Incident: dialtone.Incident{ID: "i"}}
	if out := in.broke(e, noon, policy); len(out.tell) != 0 || in.State != dialtone.IncidentTriggered {
		t.Errorf("in maintenance %v was told, state %s", out.tell, in.State)
	}
	if in.Runbook != e.Runbook {
		t.Errorf("runbook %q", in.Runbook)
	}
	want := []tell{{dialtone.NoticeFiring, reasonUnmuted}}
	if diff := cmp.Diff(want, in.tick(noon.Add(time.Hour), policy).tell); diff != "" {
		t.Errorf("when it ends (-want +got):\n%s", diff)
	}
	changed := &incident{Incident: dialtone.Incident{ID: "c"}}
	if out := changed.changed(e, false, noon); len(out.tell) != 0 {
		t.Errorf("a change in maintenance was told: %v", out.tell)
	}
}

func TestNodeBack(t *testing.T) {
	firstPage := []tell{{dialtone.NoticeFiring, reasonNew}}
	for name, c := range map[string]struct {
		broke dialtone.Event
		after time.Duration // how long after the break the node is back
		told  []tell
		wait  time.Duration // until the page, when it does not leave at once
	}{
		"no healer, longer than the grace": {broke: down("nginx"), after: 50 * time.Second, told: firstPage},
		"no healer, exactly the grace":     {broke: down("nginx"), after: 20 * time.Second, told: firstPage},
		"no healer, fresh":                 {broke: down("nginx"), after: 15 * time.Second, wait: 5 * time.Second},
		"a healer, longer than the grace":  {broke: healing("nginx"), after: 50 * time.Second, wait: 20 * time.Second},
		"a healer, fresh":                  {broke: healing("nginx"), after: time.Second, wait: 20 * time.Second},
	} {
		c.broke.At = noon
		in := &incident{Incident: dialtone.Incident{ID: "i", HeldBy: "n"}}
		in.broke(c.broke, noon, policy)
		now := noon.Add(c.after)
		same(t, name, in.nodeBack(now, policy).tell, c.told)
		if c.wait > 0 {
			same(t, name+": wait", in.HoldUntil, now.Add(c.wait))
		}
	}
	in := &incident{Incident: dialtone.Incident{ID: "i", HeldBy: "n"}}
	in.broke(healing("nginx"), noon, policy)
	in.heal(*heal("nginx", dialtone.HealParked).Heal, noon, policy)
	same(t, "the healer gave up meanwhile", in.nodeBack(noon.Add(50*time.Second), policy).tell, firstPage)
}

// TestFirstPageOfWhatWasHealedUnseen: nobody was told of the first outage, so the second is not "again" to anybody, whatever held
// its page back.
func TestFirstPageOfWhatWasHealedUnseen(t *testing.T) {
	page := func(reason Reason) []tell { return []tell{{dialtone.NoticeFiring, reason}} }
	for name, c := range map[string]struct {
		held bool
		then dialtone.Event
		wait func(*incident, time.Time) outcome
	}{
		"the node was down": {true, down("nginx"), func(in *incident, now time.Time) outcome { return in.nodeBack(now, policy) }},
		"the grace is over": {false, healing("nginx"), func(in *incident, now time.Time) outcome { return in.tick(now, policy) }},
		"the healer gave up": {false, healing("nginx"), func(in *incident, now time.Time) outcome {
			return in.heal(*heal("nginx", dialtone.HealParked).Heal, now, policy)
		}},
		"the healer left": {false, healing("nginx"), func(in *incident, now time.Time) outcome { return in.still(down("nginx"), now, policy) }},
	} {
		in := brokenAt(healing("nginx"))
		over := nginxUp()
		over.At = noon.Add(time.Second)
		in.recovered(over)
		if c.held {
			in.HeldBy = "n"
		}
		c.then.At = noon.Add(time.Minute)
		in.again(c.then, c.then.At, policy)
		now := noon.Add(2 * time.Minute)
		same(t, name, c.wait(in, now).tell, page(reasonNew))
		in.nodeDown("n")
		in.Healing = false
		same(t, name+", then the node is away for a minute", in.nodeBack(now.Add(time.Minute), policy).tell, page(reasonNew))
	}
}

func TestTitles(t *testing.T) {
	for _, c := range []struct {
		service, kind string
		severity      dialtone.State
		changed       bool
		want          string
	}{
		{"nginx", "process", dialtone.Critical, false, "nginx on web1 is down"},
		{"nginx", "process", dialtone.Warning, false, "nginx on web1 needs attention"},
		{"rootfs", "filesystem", dialtone.Critical, false, "rootfs on web1 is critical"},
		{"backup", "program", dialtone.Critical, false, "backup on web1 fails"},
		{"api.example", "host", dialtone.Critical, false, "api.example, seen from web1, does not answer"},
		{"", "", dialtone.Critical, false, "web1 is down"},
		{"passwd", "file", dialtone.Warning, true, "passwd on web1 has changed"},
	} {
		in := &incident{Incident: dialtone.Incident{Node: "web1", Service: c.service, ServiceKind: c.kind, Severity: c.severity}, Changed: c.changed}
		same(t, c.want, titleOf(in), c.want)
	}
}

func TestParkedKeepsTheEvidenceOfTheLastAct(t *testing.T) {
	in := brokenAt(healing("nginx"))
	in.heal(*heal("nginx", dialtone.HealFailed).Heal, noon, policy)
	in.heal(dialtone.Heal{Outcome: dialtone.HealParked, Reason: "The budget is spent."}, noon, policy)
	if h := in.LastHeal; h.Output == "" || h.ExitCode != 1 || h.Attempt != 3 || h.Reason == "" {
		t.Errorf("evidence lost: %+v", h)
	}
}

// step is one thing that can happen to an incident in the property test.
type step struct {
	what string
	wait time.Duration
}

// TestLifeHoldsItsPromises plays random lives and checks after each step what must always hold.
func TestLifeHoldsItsPromises(t *testing.T) {
	steps := rapid.Custom(func(t *rapid.T) step {
		return step{
			what: rapid.SampledFrom([]string{"critical", "warning", "healing", "ok", "parked", "healed", "ack", "mute", "unmute", "escalate", "node down", "node back", "tick"}).Draw(t, "what"),
			wait: time.Duration(rapid.IntRange(0, 3600).Draw(t, "seconds")) * time.Second,
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		now := noon
		in := brokenAt(rapid.SampledFrom([]dialtone.Event{down("nginx"), healing("nginx")}).Draw(t, "first"))
		for _, s := range rapid.SliceOfN(steps, 1, 40).Draw(t, "life") {
			now = now.Add(s.wait)
			before := *in
			out := happen(in, s.what, now)
			check(t, s.what, &before, in, out, now)
		}
	})
}

// happen does one step, as the desk would: steps that an incident in this state never sees do nothing.
func happen(in *incident, what string, now time.Time) outcome {
	e := map[string]dialtone.Event{"critical": down("nginx"), "warning": down("nginx"), "healing": healing("nginx"), "ok": nginxUp()}[what]
	e.At = now
	if what == "warning" {
		e.To = dialtone.Warning
	}
	if !in.State.Open() {
		if what == "critical" || what == "warning" || what == "healing" {
			return in.again(e, now, policy)
		}
		return outcome{}
	}
	switch what {
	case "critical", "warning", "healing":
		return in.still(e, now, policy)
	case "ok":
		return in.recovered(e)
	case "parked":
		return in.heal(*heal("nginx", dialtone.HealParked).Heal, now, policy)
	case "healed":
		return in.heal(*heal("nginx", dialtone.Healed).Heal, now, policy)
	case "ack":
		return in.ack("ada", now)
	case "mute":
		return in.mute(now.Add(time.Hour))
	case "unmute":
		return in.unmute(now, policy)
	case "escalate":
		return in.escalate(now, policy)
	case "node down":
		return in.nodeDown("n")
	case "node back":
		return in.nodeBack(now, policy)
	}
	return in.tick(now, policy)
}

func check(t *rapid.T, what string, before, in *incident, out outcome, now time.Time) {
	alarm := len(out.tell) > 0 && out.tell[0].Kind != dialtone.NoticeResolved
	switch {
	case alarm && in.silent(now):
		t.Fatalf("%s: an alarm while muted or held: %+v", what, in)
	case alarm && in.State != dialtone.IncidentTriggered:
		t.Fatalf("%s: an alarm in state %s", what, in.State)
	case alarm && before.State == dialtone.IncidentAcked && what == "tick":
		t.Fatalf("an alarm by itself after the ack")
	case what == "ok" && before.State.Open() && len(out.tell) != 1:
		t.Fatalf("a recovery that tells nobody")
	case in.State == dialtone.IncidentHealing && in.HoldUntil.After(now.Add(policy.Grace)):
		t.Fatalf("held until %s, longer than the grace", in.HoldUntil)
	case in.State == dialtone.IncidentTriggered && !in.silent(now) && in.nextDeadline().IsZero() && in.MutedUntil.IsZero():
		t.Fatalf("%s: nobody will ever be reminded: %+v", what, in)
	}
	if in.State.Open() && in.HeldBy == "" && in.State != dialtone.IncidentAcked {
		for range 4 { // second line, reminder, end of a mute, end of the grace
			in2 := *in
			in2.tick(now, policy)
			if !in2.dueAt(now, policy) {
				return
			}
			*in = in2
		}
		t.Fatalf("%s: ticking does not come to rest: %+v", what, in)
	}
}

func TestStampsSortAndNeverRepeat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &Desk{}
		last := ""
		for _, ms := range rapid.SliceOf(rapid.Int64Range(0, 1<<44)).Draw(t, "clock") {
			stamp := d.stamp(time.UnixMilli(ms))
			if len(stamp) != 9 || stamp <= last || parseStamp(stamp) != d.last {
				t.Fatalf("%q after %q", stamp, last)
			}
			last = stamp
		}
	})
	if parseStamp("desk/0!") != 0 {
		t.Error("read a stamp where there is none")
	}
}

func TestBackoffStaysInItsBounds(t *testing.T) {
	for attempt := range 100 {
		for _, longest := range []time.Duration{wayPause, rowPause} {
			if d := backoff(attempt, longest); d < firstPause*4/5 || d > longest {
				t.Errorf("attempt %d: %s", attempt, d)
			}
		}
	}
}
