package mmonit

import (
	"compress/gzip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/agent/statusdoc"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	pageSecret  = "the-page's-own-password"
	monitSecret = "p:a@s?s"
)

// posted is what M/Monit reads of a document.
type posted struct {
	XMLName xml.Name `xml:"monit"`
	ID      string   `xml:"id,attr"`
	Version string   `xml:"version,attr"`
	Server  struct {
		Host        string    `xml:"localhostname"`
		Poll        int       `xml:"poll"`
		Credentials *struct{} `xml:"credentials"`
	} `xml:"server"`
	HostGroups []string `xml:"hostgroups>name"`
	Services   []struct {
		Name   string `xml:"name,attr"`
		Type   int    `xml:"type"`
		Status int    `xml:"status"`
	} `xml:"services>service"`
	Event *told `xml:"event"`
}

type told struct {
	Service string `xml:"service"`
	Type    int    `xml:"type"`
	ID      uint   `xml:"id"`
	State   int    `xml:"state"`
	Action  int    `xml:"action"`
	Message string `xml:"message"`
}

// collector is an M/Monit that takes nothing but what M/Monit takes.
type collector struct {
	*httptest.Server

	t      *testing.T
	header string // Server

	mu     sync.Mutex
	answer int // instead of its own judgment; 0: none
	docs   []posted
	gzips  int
	tries  int
}

func newCollector(t *testing.T, encrypted bool) *collector {
	t.Helper()
	c := &collector{t: t, header: "mmonit/3.7.14"}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /collector", c.serve)
	c.Server = httptest.NewUnstartedServer(mux)
	if encrypted {
		c.StartTLS()
	} else {
		c.Start()
	}
	t.Cleanup(c.Close)
	return c
}

func (c *collector) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", c.header)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries++
	if c.answer != 0 {
		w.WriteHeader(c.answer)
		return
	}
	if user, password, _ := r.BasicAuth(); user != "monit" || password != monitSecret {
		w.Header().Set("WWW-Authenticate", `Basic realm="mmonit"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	doc, err := c.read(r)
	if err != nil {
		c.t.Errorf("what no M/Monit takes: %v", err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.docs = append(c.docs, doc)
}

func (c *collector) read(r *http.Request) (doc posted, err error) {
	var body io.Reader = http.MaxBytesReader(nil, r.Body, 4<<20)
	if r.Header.Get("Content-Encoding") == "gzip" {
		c.gzips++
		if body, err = gzip.NewReader(body); err != nil {
			return doc, err
		}
	}
	text, err := io.ReadAll(body)
	switch {
	case err != nil:
		return doc, err
	case r.Header.Get("Content-Type") != "text/xml":
		return doc, fmt.Errorf("content type %q", r.Header.Get("Content-Type"))
	case strings.Contains(string(text), pageSecret) || strings.Contains(string(text), monitSecret) || strings.Contains(string(text), "password"):
		return doc, errors.New("a password is in the document")
	}
	err = xml.Unmarshal(text, &doc)
	if err == nil && (doc.ID == "" || doc.Version == "" || doc.Server.Host == "" || doc.Server.Credentials != nil) {
		err = fmt.Errorf("incomplete, or with credentials: %s", text)
	}
	return doc, err
}

func (c *collector) set(answer int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

// events are those that have arrived.
func (c *collector) events() (all []told) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.docs {
		if d.Event != nil {
			all = append(all, *d.Event)
		}
	}
	return all
}

func (c *collector) count() (docs, gzips, tries int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.docs), c.gzips, c.tries
}

// statement is the `set mmonit` of a collector.
func (c *collector) statement() *control.MMonit {
	return &control.MMonit{URL: c.URL + "/collector", Username: "monit", Password: monitSecret, Timeout: 2 * time.Second, HostGroups: []string{"web", "R&D"}}
}

// house is one node that posts.
type house struct {
	t    *testing.T
	file *control.File
	db   *bbolt.DB
	n    int
}

func newHouse(t *testing.T, to ...*control.MMonit) *house {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "state.db"), 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	h := &house{t: t, db: db, file: &control.File{Path: "/etc/dialtone.conf"}}
	h.file.Settings = control.Settings{Interval: 20 * time.Millisecond, MMonit: to, HTTP: &control.HTTPServer{
		Address: "127.0.0.1", Port: 2812, Allow: []control.Allow{{User: "admin", Password: pageSecret}},
	}}
	h.file.Services = []*control.Service{{Kind: "process", Name: "nginx"}, {Kind: "system", Name: "web1"}}
	return h
}

func (h *house) doc() statusdoc.Doc {
	d := statusdoc.Doc{
		ID: "agent-1", Interval: h.file.Settings.Interval, HTTP: h.file.Settings.HTTP, Now: time.Now(),
		Status: dialtone.NodeStatus{Node: dialtone.Node{Name: "web1"}, ControlFile: h.file.Path, Started: time.Now().Add(-time.Hour)},
	}
	for _, s := range h.file.Services {
		d.Services = append(d.Services, agent.Snapshot{Spec: s, Status: dialtone.ServiceStatus{Name: s.Name, Kind: s.Kind, Monitored: true}})
	}
	return d
}

// run starts to post, and returns what ends it.
func (h *house) run() (p *Poster, end func()) {
	h.t.Helper()
	p, err := New(Config{File: func() *control.File { return h.file }, Doc: h.doc, DB: h.db, Version: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return p, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
}

func (h *house) breaks() dialtone.Event {
	h.n++
	return dialtone.Event{
		ID: fmt.Sprint(h.n), At: time.Now(), Kind: dialtone.EventState, Service: "nginx", ServiceKind: "process", From: dialtone.OK, To: dialtone.Critical,
		Turns: []dialtone.Turn{{Type: "nonexist", Failed: true, Why: fmt.Sprint("process is not running <", h.n, ">"), Action: "restart"}},
	}
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, func() error {
		if !cond() {
			return errors.New("never: " + what)
		}
		return nil
	})
}

func TestStatusEachCycleAndEventsAsTheyCome(t *testing.T) {
	c := newCollector(t, false)
	h := newHouse(t, c.statement())
	p, end := h.run()
	defer end()
	eventually(t, "three documents", func() bool { docs, _, _ := c.count(); return docs >= 3 })
	p.Events(h.breaks(), dialtone.Event{At: time.Now(), Kind: dialtone.EventAgent, Why: "the agent started"})
	p.Events(dialtone.Event{At: time.Now(), Kind: dialtone.EventChange, Service: "passwd", ServiceKind: "file", Turns: []dialtone.Turn{{Type: "checksum", Failed: true, Why: "changed", Action: "alert"}}})
	p.Events(dialtone.Event{At: time.Now(), Kind: dialtone.EventHeal, Service: "nginx", Heal: &dialtone.Heal{Outcome: dialtone.HealRunning}}) // Monit tells none
	eventually(t, "three events", func() bool { return len(c.events()) >= 3 })
	want := []told{
		{Service: "nginx", Type: 3, ID: 0x200, State: 1, Action: 2, Message: "process is not running <1>"},
		{Service: "Monit", Type: 5, ID: 0x10000, State: 2, Action: 6, Message: "the agent started"},
		{Service: "passwd", Type: 2, ID: 1, State: 2, Action: 1, Message: "changed"},
	}
	if diff := cmp.Diff(want, c.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	first := c.docs[0]
	if diff := cmp.Diff([]string{"web", "R&D"}, first.HostGroups); diff != "" || len(first.Services) != 2 || first.Services[0].Name != "nginx" {
		t.Errorf("%+v", first)
	}
	if docs, gzips, _ := c.count(); gzips < docs-2 {
		t.Errorf("%d of %d documents were packed for one that reads gzip", gzips, docs)
	}
}

func TestEventsWaitForOneThatIsAway(t *testing.T) {
	c := newCollector(t, false)
	c.set(http.StatusServiceUnavailable)
	h := newHouse(t, c.statement())
	p, end := h.run()
	for range 5 {
		p.Events(h.breaks())
	}
	eventually(t, "a try", func() bool { _, _, tries := c.count(); return tries > 1 })
	eventually(t, "five that wait", func() bool { return p.Waiting() == 5 })
	end() // and the agent ends
	c.set(0)
	p, end = h.run()
	defer end()
	eventually(t, "all", func() bool { return len(c.events()) == 5 && p.Waiting() == 0 })
	for i, e := range c.events() {
		if e.Message != fmt.Sprintf("process is not running <%d>", i+1) {
			t.Errorf("event %d is %q", i, e.Message)
		}
	}
}

func TestAFullQueueDropsTheOldest(t *testing.T) {
	c := newCollector(t, false)
	c.set(http.StatusServiceUnavailable)
	h := newHouse(t, c.statement())
	h.file.Settings.EventQueue.Slots = 2
	p, end := h.run()
	defer end()
	for range 4 {
		p.Events(h.breaks())
	}
	eventually(t, "two that wait", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.Waiting() == 2 && len(p.fresh) == 0 })
	c.set(0)
	eventually(t, "both", func() bool { return len(c.events()) == 2 })
	if e := c.events()[0]; !strings.HasSuffix(e.Message, "<3>") {
		t.Errorf("the first is %q", e.Message)
	}
}

func TestOneOfSeveralIsEnough(t *testing.T) {
	dead := &control.MMonit{URL: fmt.Sprintf("http://127.0.0.1:%d/collector", testkit.FreePort(t)), Timeout: time.Second}
	one, two := newCollector(t, false), newCollector(t, false)
	h := newHouse(t, dead, one.statement(), two.statement())
	p, end := h.run()
	defer end()
	p.Events(h.breaks())
	eventually(t, "both have it", func() bool { return len(one.events()) == 1 && len(two.events()) == 1 && p.Waiting() == 0 })
}

func TestWhoDoesNotTakeIt(t *testing.T) {
	c := newCollector(t, true)
	good := c.statement()
	good.TLS = &control.TLS{VerifyOff: true}
	wrong := *good
	wrong.Password = "guess"
	stranger := *good
	stranger.TLS = nil
	deaf, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	for _, s := range []struct {
		to   control.MMonit
		want string
	}{
		{wrong, "user name and password"},
		{stranger, "certificate"},
		{control.MMonit{URL: "http://" + deaf.Addr().String() + "/collector", Timeout: 200 * time.Millisecond}, "does not answer in time"},
		{control.MMonit{URL: c.URL + "/elsewhere", TLS: good.TLS}, "404"},
		{*good, ""},
	} {
		h := newHouse(t, &s.to)
		p, err := New(Config{File: func() *control.File { return h.file }, Doc: h.doc, DB: h.db})
		if err != nil {
			t.Fatal(err)
		}
		err = p.send(t.Context(), nil)
		for _, client := range p.clients {
			client.close()
		}
		if s.want == "" && err != nil || s.want != "" && (err == nil || !strings.Contains(err.Error(), s.want)) {
			t.Errorf("%s: %v, want %q", s.to.URL, err, s.want)
		}
		if err != nil && (strings.Contains(err.Error(), monitSecret) || strings.Contains(err.Error(), "guess")) {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestADeafMMonitBlocksNobody(t *testing.T) {
	deaf, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	h := newHouse(t, &control.MMonit{URL: "http://" + deaf.Addr().String() + "/collector", Timeout: time.Minute})
	p, end := h.run()
	began := time.Now()
	for range 100 {
		p.Events(h.breaks())
	}
	eventually(t, "all on disk", func() bool { return p.Waiting() == 100 })
	end()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestWhoReadsGzip(t *testing.T) {
	for server, want := range map[string]bool{
		"mmonit/3.6": true, "mmonit/3.7.14": true, "mmonit/4.0": true, "mmonit/3.5.1": false, "nginx/3.7": false, "": false, "mmonit/x": false, "MMonit/10.0": true,
	} {
		if got := readsGzip(server); got != want {
			t.Errorf("%q: %t", server, got)
		}
	}
}

func TestEachRuleThatTurnedIsAnEvent(t *testing.T) {
	got := toldOf(dialtone.Event{Kind: dialtone.EventState, Service: "nginx", ServiceKind: "process", Why: "all", Turns: []dialtone.Turn{
		{Type: "nonexist", Failed: true, Why: "gone"}, {Type: "resource"},
	}})
	types := make([]string, 0, len(got))
	for _, e := range got {
		types = append(types, fmt.Sprintf("%s %t %s", e.Type, e.Failed, e.Message))
	}
	if !slices.Equal(types, []string{"nonexist true gone", "resource false all"}) {
		t.Errorf("%q", types)
	}
}
