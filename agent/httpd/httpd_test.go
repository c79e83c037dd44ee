package httpd

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/agent/statusdoc"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// world is a server in front of two services, and what was ordered of them.
type world struct {
	base   string
	client *http.Client
	mu     sync.Mutex
	orders []string
	fail   error
}

func open(t *testing.T, settings control.HTTPServer) *world {
	t.Helper()
	if settings.Port == 0 && settings.UnixSocket == "" {
		settings.UnixSocket = filepath.Join(t.TempDir(), "s")
	}
	w := &world{base: "http://agent", client: http.DefaultClient}
	s, err := Listen(t.Context(), Config{
		Settings: &settings, Doc: document, Do: w.do, Version: "1.2", Log: slog.New(slog.DiscardHandler),
		Write: Texts{
			Status:  func(w io.Writer, s dialtone.NodeStatus) { fmt.Fprintln(w, "status of", len(s.Services)) },
			Summary: func(w io.Writer, s dialtone.NodeStatus) { fmt.Fprintln(w, "summary of", len(s.Services)) },
			Report:  func(w io.Writer, s dialtone.NodeStatus) { fmt.Fprintln(w, "report of", len(s.Services)) },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	w.client = &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			a := s.Addresses()[0]
			return (&net.Dialer{}).DialContext(ctx, a.Network(), a.String())
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w
}

func (w *world) do(_ context.Context, verb agent.Verb, names []string, who string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.orders = append(w.orders, fmt.Sprintf("%s %s by %s", verb, strings.Join(names, " "), who))
	return w.fail
}

func document() statusdoc.Doc {
	now := time.Unix(1_800_000_000, 0)
	nginx := dialtone.ServiceStatus{
		Name: "nginx", Kind: "process", State: dialtone.Critical, Why: "connection <refused>", Since: now.Add(-time.Minute), Checked: now,
		Monitored: true, Groups: []string{"web"}, Source: "a.conf:3", Values: []dialtone.NamedValue{{Name: "memory_bytes", Unit: "bytes", Value: 1 << 20}},
	}
	root := dialtone.ServiceStatus{Name: "root fs", Kind: "filesystem", State: dialtone.OK, Monitored: true, Checked: now, Since: now}
	test := &control.Connection{Port: 80, Protocol: "http"}
	return statusdoc.Doc{
		ID: "abc", Now: now, Interval: 5 * time.Second,
		Status: dialtone.NodeStatus{Node: dialtone.Node{Name: "web1"}, AgentVersion: "1.2", Started: now.Add(-time.Hour), Services: []dialtone.ServiceStatus{root, nginx}},
		Services: []agent.Snapshot{
			{Status: root, Spec: &control.Service{Name: "root fs", Kind: "filesystem"}},
			{
				Status: nginx, Fails: []control.Test{test},
				Spec: &control.Service{
					Name: "nginx", Kind: "process", Groups: []string{"web"}, Unit: "nginx.service",
					Rules: []*control.Rule{{Text: "if failed port 80 then restart", Test: test}},
				},
				Report: &checks.Report{PID: 7, Values: map[string]float64{"memory_bytes": 1 << 20}, Connections: map[*control.Connection]checks.Probe{test: {Err: errors.New("refused")}}},
			},
		},
	}
}

// ask sends a request and returns the status and the body. auth is NAME:PASSWORD, or empty.
func (w *world) ask(t *testing.T, method, path, auth string, form url.Values) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if name, password, given := strings.Cut(auth, ":"); given {
		r.SetBasicAuth(name, password)
	}
	got, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, string(body)
}

func TestAddresses(t *testing.T) {
	w := open(t, control.HTTPServer{})
	for path, want := range map[string]string{
		"/":                         "1 of 2 services are not well",
		"/nginx":                    "connection &lt;refused&gt;",
		"/root%20fs":                "None but those that every filesystem has.",
		"/_status":                  "status of 2",
		"/_status?service=nginx":    "status of 1",
		"/_summary?group=web":       "summary of 1",
		"/_report":                  "report of 2",
		"/_ping":                    "pong",
		"/_getid":                   "abc",
		"/style.css":                "color-scheme",
		"/_status?format=json":      `"name": "nginx"`,
		"/_status?format=xml":       `<service type="3"><name>nginx</name>`,
		"/_status?format=xml&x=y":   "<status>32</status>",
		"/_status?format=xml&group": "<id>abc</id>",
	} {
		if code, body := w.ask(t, http.MethodGet, path, "", nil); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d without %q:\n%.600s", path, code, want, body)
		}
	}
	for path, want := range map[string]int{"/nobody": 404, "/_status?format=yaml": 400} {
		if code, _ := w.ask(t, http.MethodGet, path, "", nil); code != want {
			t.Errorf("%s: %d, wanted %d", path, code, want)
		}
	}
}

func TestDocumentsAreWellFormed(t *testing.T) {
	w := open(t, control.HTTPServer{})
	_, body := w.ask(t, http.MethodGet, "/_status?format=xml", "", nil)
	for d := xml.NewDecoder(strings.NewReader(body)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in %s", err, body)
		}
	}
	_, body = w.ask(t, http.MethodGet, "/_status?format=json", "", nil)
	if !json.Valid([]byte(body)) {
		t.Errorf("not JSON: %s", body)
	}
}

func TestOrders(t *testing.T) {
	w := open(t, control.HTTPServer{Allow: []control.Allow{{User: "admin", Password: "monit"}}})
	code, _ := w.ask(t, http.MethodPost, "/nginx", "admin:monit", url.Values{"action": {"restart"}})
	if code != http.StatusSeeOther {
		t.Errorf("a button: %d", code)
	}
	code, body := w.ask(t, http.MethodPost, "/_doaction", "admin:monit", url.Values{"action": {"stop"}, "service": {"nginx", "root fs"}})
	if code != 200 {
		t.Errorf("a script: %d %s", code, body)
	}
	want := []string{"restart nginx by admin (status page)", "stop nginx root fs by admin (status page)"}
	if diff := cmp.Diff(want, w.orders); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
	w.fail = agent.ErrNoService
	if code, _ := w.ask(t, http.MethodPost, "/nobody", "admin:monit", url.Values{"action": {"stop"}}); code != 404 {
		t.Errorf("a service that is not there: %d", code)
	}
	if code, _ := w.ask(t, http.MethodPost, "/nginx", "admin:monit", url.Values{"action": {"explode"}}); code != 400 {
		t.Errorf("a verb that is none: %d", code)
	}
}

// TestForeignPagesCannotOrder: a browser says where a form comes from, and forms of other sites are refused.
func TestForeignPagesCannotOrder(t *testing.T) {
	w := open(t, control.HTTPServer{})
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base+"/nginx", strings.NewReader("action=stop"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	got, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = got.Body.Close()
	if got.StatusCode != http.StatusForbidden || len(w.orders) > 0 {
		t.Errorf("%d, orders %q", got.StatusCode, w.orders)
	}
}

func TestReadOnly(t *testing.T) {
	all := open(t, control.HTTPServer{ReadOnly: true})
	if code, _ := all.ask(t, http.MethodPost, "/nginx", "", url.Values{"action": {"stop"}}); code != http.StatusForbidden {
		t.Errorf("read-only page: %d", code)
	}
	w := open(t, control.HTTPServer{Allow: []control.Allow{{User: "guest", Password: "g", ReadOnly: true}, {User: "admin", Password: "a"}}})
	if code, body := w.ask(t, http.MethodGet, "/nginx", "guest:g", nil); code != 200 || strings.Contains(body, "<button") {
		t.Errorf("a guest sees %d, buttons %v", code, strings.Contains(body, "<button"))
	}
	if code, _ := w.ask(t, http.MethodPost, "/nginx", "guest:g", url.Values{"action": {"stop"}}); code != http.StatusForbidden {
		t.Errorf("a guest ordered: %d", code)
	}
	if code, body := w.ask(t, http.MethodGet, "/nginx", "admin:a", nil); code != 200 || !strings.Contains(body, "<button") {
		t.Errorf("an admin sees %d", code)
	}
	for _, auth := range []string{"", "admin:wrong", "nobody:a"} {
		if code, _ := w.ask(t, http.MethodGet, "/", auth, nil); code != http.StatusUnauthorized {
			t.Errorf("%q: %d", auth, code)
		}
	}
}

func TestGate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "htpasswd")
	// of "secret": cleartext, apr1 and crypt's SHA-512
	text := "plain:secret\napr:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n" +
		"sha:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const away, home = "192.0.2.7:1000", "127.0.0.1:1000"
	for _, test := range []struct {
		name     string
		rules    []control.Allow
		from     string
		who, pwd string
		want     right
	}{
		{name: "no rule, from here", from: home, want: read},
		{name: "no rule, from elsewhere", from: away, want: none},
		{name: "no rule, over the socket", from: "", want: act},
		{name: "a network", rules: []control.Allow{{Network: "192.0.2.0/24"}}, from: away, want: act},
		{name: "an address", rules: []control.Allow{{Network: "192.0.2.7"}}, from: away, want: act},
		{name: "another network", rules: []control.Allow{{Network: "198.51.100.0/24"}}, from: away, want: none},
		{name: "a network that may read", rules: []control.Allow{{Network: "192.0.2.0/24", ReadOnly: true}}, from: away, want: read},
		{name: "a name", rules: []control.Allow{{Host: "known.example"}}, from: away, want: act},
		{name: "a name that does not resolve", rules: []control.Allow{{Host: "unknown.example"}}, from: away, want: none},
		{name: "an IPv4 address on an IPv6 socket", rules: []control.Allow{{Network: "192.0.2.7"}}, from: "[::ffff:192.0.2.7]:1", want: act},
		{name: "user from the wrong place", rules: []control.Allow{{Network: "198.51.100.1"}, {User: "a", Password: "b"}}, from: away, who: "a", pwd: "b", want: none},
		{name: "cleartext file", rules: []control.Allow{{File: file, Crypt: "cleartext"}}, from: away, who: "plain", pwd: "secret", want: act},
		{name: "cleartext where md5 is said", rules: []control.Allow{{File: file, Crypt: "md5"}}, from: away, who: "plain", pwd: "secret", want: none},
		{name: "apr1", rules: []control.Allow{{File: file, Crypt: "md5"}}, from: away, who: "apr", pwd: "secret", want: act},
		{name: "apr1, wrong", rules: []control.Allow{{File: file, Crypt: "md5"}}, from: away, who: "apr", pwd: "Secret", want: none},
		{name: "SHA-512", rules: []control.Allow{{File: file, Crypt: "crypt"}}, from: away, who: "sha", pwd: "secret", want: act},
		{name: "only some users of a file", rules: []control.Allow{{File: file, Crypt: "cleartext", Users: []string{"other"}}}, from: away, who: "plain", pwd: "secret", want: none},
		{name: "a file that is not there", rules: []control.Allow{{File: file + "x", Crypt: "md5"}}, from: away, who: "plain", pwd: "secret", want: none},
		{name: "a group", rules: []control.Allow{{Group: "root"}}, from: away, who: "root", pwd: "system", want: act},
		{name: "a group's wrong password", rules: []control.Allow{{Group: "root"}}, from: away, who: "root", pwd: "x", want: none},
		{name: "not in the group", rules: []control.Allow{{Group: "daemon"}}, from: away, who: "root", pwd: "system", want: none},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGate(test.rules, slog.New(slog.DiscardHandler))
			g.resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
				if host == "known.example" {
					return []netip.Addr{netip.MustParseAddr("192.0.2.7")}, nil
				}
				return nil, errors.New("no such host")
			}
			g.password = func(_ context.Context, _, password string) error {
				if password != "system" {
					return errors.New("wrong")
				}
				return nil
			}
			if got, _ := g.enter(t.Context(), test.from, test.who, test.pwd, test.who != ""); got != test.want {
				t.Errorf("may %d, wanted %d", got, test.want)
			}
		})
	}
}

func TestUnixSocketHasItsMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Listen(t.Context(), Config{Settings: &control.HTTPServer{UnixSocket: path}, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		t.Error("a file was taken for a dead socket")
	}
	w := open(t, control.HTTPServer{UnixSocket: path + "2", SocketMode: 0o660})
	if info, err := os.Stat(path + "2"); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
	w.ask(t, http.MethodGet, "/_ping", "", nil)
}
