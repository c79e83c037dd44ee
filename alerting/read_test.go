package alerting

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dialtone/dialtone"
	"go.etcd.io/bbolt"
)

func TestEventFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, nil)
		start := time.Now()
		for i := range 10 {
			for _, node := range []string{"web1", "web10"} {
				o.tell(dialtone.Event{
					ID: fmt.Sprintf("%s/%d", node, i), Kind: dialtone.EventAction, Node: node,
					Service: fmt.Sprintf("s%d", i%2), At: start.Add(time.Duration(i) * time.Second),
				})
				o.pass(500 * time.Millisecond)
			}
		}
		for name, c := range map[string]struct {
			filter      EventFilter
			n           int
			first, last string
		}{
			"all":           {EventFilter{}, 20, "web10/9", "web1/0"},
			"node":          {EventFilter{Node: "web1"}, 10, "web1/9", "web1/0"},
			"service":       {EventFilter{Node: "web1", Service: "s1"}, 5, "web1/9", "web1/1"},
			"service alone": {EventFilter{Service: "s0"}, 10, "web10/8", "web1/0"},
			"since":         {EventFilter{Node: "web10", Since: start.Add(7 * time.Second)}, 3, "web10/9", "web10/7"},
			"before":        {EventFilter{Node: "web10", Before: start.Add(2 * time.Second)}, 2, "web10/1", "web10/0"},
			"limit":         {EventFilter{Limit: 3}, 3, "web10/9", "web10/8"},
			"kind":          {EventFilter{Kind: dialtone.EventHeal}, 0, "", ""},
			"incident":      {EventFilter{Incident: "none"}, 0, "", ""},
		} {
			got, err := o.desk.Events(c.filter)
			if err != nil || len(got) != c.n {
				t.Errorf("%s: %d events, want %d (%v)", name, len(got), c.n, err)
				continue
			}
			if c.n > 0 && (got[0].ID != c.first || got[c.n-1].ID != c.last) {
				t.Errorf("%s: from %s to %s, want %s to %s", name, got[0].ID, got[c.n-1].ID, c.first, c.last)
			}
		}
	})
}

func TestIncidentFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, nil)
		o.tell(down("nginx"))
		o.pass(time.Hour)
		o.tell(nginxUp())
		o.pass(time.Hour)
		o.tell(down("memcached"))
		for name, c := range map[string]struct {
			filter IncidentFilter
			n      int
		}{
			"all":          {IncidentFilter{}, 2},
			"open":         {IncidentFilter{Open: true}, 1},
			"node":         {IncidentFilter{Node: "web2"}, 0},
			"service":      {IncidentFilter{Service: "nginx"}, 1},
			"since an end": {IncidentFilter{Since: time.Now().Add(-time.Hour)}, 2},
			"since later":  {IncidentFilter{Since: time.Now().Add(-time.Minute)}, 1},
			"limit":        {IncidentFilter{Limit: 1}, 1},
		} {
			if got, err := o.desk.Incidents(c.filter); err != nil || len(got) != c.n {
				t.Errorf("%s: %d incidents, want %d (%v)", name, len(got), c.n, err)
			}
		}
	})
}

func TestRetentionKeepsTheFileBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(s *Settings) {
			s.RemindEvery = 0
			s.Retention = Retention{Events: 10 * day, MaxEvents: 1500, Incidents: 10 * day, MaxIncidents: 100}
		}, Way{Name: "hook", Notifier: &receiver{}})
		o.tell(down("memcached"))
		o.tell(down("nginx"))
		o.pass(time.Minute)
		o.tell(nginxUp())
		old := o.newest("nginx")
		o.pass(11 * day)
		if _, err := o.desk.Incident(old.ID); !errors.Is(err, ErrNoIncident) {
			t.Errorf("an incident past its retention is still there: %v", err)
		}
		if notices, err := o.desk.Notices(old.ID); err != nil || len(notices) != 0 {
			t.Errorf("its notices are still there: %v %v", notices, err)
		}
		same(t, "an open one stays", o.newest("memcached").State, dialtone.IncidentTriggered)
		var many []dialtone.Event
		for i := range 3000 {
			many = append(many, dialtone.Event{ID: fmt.Sprint("many/", i), Kind: dialtone.EventAgent, Node: "web2"})
		}
		o.tell(many...)
		o.pass(2 * time.Hour)
		if left, err := o.desk.Events(EventFilter{Limit: maxLimit}); err != nil || len(left) != 1500 {
			t.Errorf("%d events are left, want 1500 (%v)", len(left), err)
		}
		o.tell(down("nginx"))
		if again := o.newest("nginx"); again.ID == old.ID {
			t.Error("a deleted incident came back")
		}
		err := o.desk.db.View(func(tx *bbolt.Tx) error {
			for _, name := range [][]byte{bucketEventIDs, bucketByNode, bucketByService} {
				if n, all := tx.Bucket(name).Stats().KeyN, tx.Bucket(bucketEvents).Stats().KeyN; n != all {
					t.Errorf("index %s has %d entries for %d events", name, n, all)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func (o *office) newest(service string) dialtone.Incident {
	o.t.Helper()
	all, err := o.desk.Incidents(IncidentFilter{Service: service, Limit: 1})
	if err != nil || len(all) != 1 {
		o.t.Fatalf("no incident of %s (%v)", service, err)
	}
	return all[0]
}

// TestRefusingDisk takes the file away under the desk: callers hear of it, and what is known stays as it was.
func TestRefusingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &receiver{}
		o := newOffice(t, nil, Way{Name: "hook", Notifier: hook})
		if err := o.desk.db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := o.desk.Accept(t.Context(), []dialtone.Event{down("nginx")}); err == nil {
			t.Error("accepted what cannot be written")
		}
		o.pass(time.Minute)
		same(t, "heard", hook.heard(), []string{})
		same(t, "open", len(o.desk.books.open), 0)
	})
}

func TestSecondDeskOnOneFileIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, nil)
		second, err := Open(o.cfg)
		if err == nil {
			t.Fatalf("opened twice: %v", second.Close())
		}
		want := o.cfg.Path + " is held by another process: a collector runs on this folder already; stop that one, or start this one with another --dir"
		same(t, "error", err.Error(), want)
	})
}

func TestTimesFromAWrongClock(t *testing.T) {
	now := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct{ at, want time.Time }{
		"zero":      {time.Time{}, now},
		"future":    {now.Add(time.Hour), now},
		"1970":      {time.Unix(0, 0), now},
		"yesterday": {now.Add(-day), now.Add(-day)},
	} {
		if got := tidy(dialtone.Event{At: c.at}, now).At; !got.Equal(c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestHostileEventIsBounded(t *testing.T) {
	long := string(make([]byte, 1<<20))
	e := tidy(dialtone.Event{ID: long, Node: "a\x00b", Why: long, Heal: &dialtone.Heal{Output: long, Command: long}}, time.Now())
	if len(e.ID) > maxName || e.Node != "ab" || len(e.Why) > maxWhy || len(e.Heal.Output) > maxOutput || len(e.Heal.Command) > maxWhy {
		t.Errorf("not bounded: %d %q %d %d %d", len(e.ID), e.Node, len(e.Why), len(e.Heal.Output), len(e.Heal.Command))
	}
}

func TestDeadMan(t *testing.T) {
	asked := make(chan string, 8)
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method
		w.WriteHeader(status)
	}))
	defer server.Close()
	client := server.Client()
	defer client.CloseIdleConnections()
	if err := ping(t.Context(), client, server.URL); err != nil || <-asked != http.MethodGet {
		t.Errorf("%v", err)
	}
	status = http.StatusNotFound
	if err := ping(t.Context(), client, server.URL); err == nil {
		t.Error("404 counts as reached")
	}
}
