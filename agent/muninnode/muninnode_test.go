package muninnode

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/dialtone/dialtone/checks/munin"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves the plugins of a folder until the test ends.
func start(t *testing.T, c Config) *Server {
	t.Helper()
	if c.Settings == nil {
		c.Settings = &control.MuninServer{Address: "127.0.0.1:0"}
	}
	c.Version = "test"
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s, err := Listen(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// pluginsOf are those of a house, whatever their names.
func pluginsOf(h *testkit.MuninHouse) []munin.Plugin {
	files, _ := filepath.Glob(filepath.Join(h.Plugins, "*"))
	var all []munin.Plugin
	for _, path := range files {
		all = append(all, munin.Plugin{Path: path, ConfDir: h.Conf, StateDir: h.State})
	}
	return all
}

// converse sends questions, and returns everything that comes until the far side closes.
func converse(t *testing.T, address, questions string) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, questions); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%v after %q", err, text)
	}
	return string(text)
}

const severalGraphs = `if [ "$1" = config ]; then echo 'multigraph a
graph_title A
x.label x
multigraph a.b
graph_title B
y.label y'; if [ "$MUNIN_CAP_DIRTYCONFIG" = 1 ]; then echo y.value 7; fi; exit 0; fi
echo multigraph a
echo x.value 1
echo
echo 'junk line'
echo multigraph a.b
echo y.value 2
`

const ofAnotherNode = `[ "$1" = config ] && echo 'host_name else.where
graph_title O
z.label z' && exit
echo "ip=$MUNIN_MASTER_IP dirty=$MUNIN_CAP_DIRTYCONFIG multi=$MUNIN_CAP_MULTIGRAPH file=${MUNIN_STATEFILE##*/}"
echo z.value 3
`

// TestAnswersAsMuninNode asks the same of the real munin-node and of ours, line by line.
func TestAnswersAsMuninNode(t *testing.T) {
	h := testkit.Munin(t)
	h.Link(t, "memory", "memory")
	h.Link(t, "if_lo", "if_")
	h.Write(t, "constant", `[ "$1" = config ] && printf 'graph_title C\r\nv.label v\r\n' && exit
echo v.value 42`)
	h.Write(t, "several", severalGraphs)
	h.Write(t, "other", ofAnotherNode)
	h.Write(t, "of_settings", `[ "$1" = config ] && echo 'graph_title O' && exit
echo "$FQDN"`)
	h.Write(t, "fails", `[ "$1" = config ] && echo 'graph_title O' && exit
echo oops >&2
exit 3`)
	h.Set(t, "hosts", "[of_settings]\nhost_name set.example\n")
	ours := start(t, Config{Host: h.Host, Plugins: func() []munin.Plugin { return pluginsOf(h) }})
	theirs := h.Node(t)
	for _, questions := range []string{
		"list\n", "list node.example\n", "list else.where\n", "list set.example\n", "list nosuch\n", "nodes\n",
		"config constant\n", "fetch constant\n", "config memory\n", "config if_lo\n", "config several\n", "fetch several\n", "fetch other\n", "fetch of_settings\n", "config other\n",
		"fetch fails\n", "fetch nosuch\n", "fetch\n", "config\n", "fetch ../../../etc/passwd\n", "foo\n", "\n", "help\n", "QUIT\n", "Fetch constant\n", "fetch constant\r\n",
		"cap multigraph dirtyconfig foo\nlist\nconfig several\nfetch other\n", "cap multigraph\nlist\nconfig several\n", "cap dirtyconfig\nlist\nconfig several\n", "cap\nlist\n",
		"fetch constant\nfetch constant\n.\nfetch constant\n",
	} {
		got, want := sortedList(converse(t, ours.Address(), questions+"quit\n")), sortedList(converse(t, theirs, questions+"quit\n"))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-munin-node +here):\n%s", questions, diff)
		}
	}
	if got := converse(t, ours.Address(), "version\nquit\n"); got != "# munin node at node.example\nmunins node on node.example version: test (dialtone)\n" {
		t.Errorf("version: %q", got)
	}
}

// sortedList puts the plugins of a list, and nodes, in order: those of munin-node come in none.
func sortedList(text string) string {
	lines := strings.Split(text, "\n")
	if slices.Contains(lines, "else.where") {
		slices.Sort(lines)
	}
	for i, line := range lines {
		if words := strings.Fields(line); slices.Contains(words, "constant") {
			slices.Sort(words)
			lines[i] = strings.Join(words, " ")
		}
	}
	return strings.Join(lines, "\n")
}

// TestARealMasterIsContent lets munin-update ask ours once.
func TestARealMasterIsContent(t *testing.T) {
	h := testkit.Munin(t)
	h.Link(t, "load", "load")
	h.Link(t, "if_lo", "if_")
	h.Write(t, "several", severalGraphs)
	s := start(t, Config{Host: h.Host, Plugins: func() []munin.Plugin { return pluginsOf(h) }})
	datafile, rrd := h.Update(t, s.Address())
	want := []string{"node.example-a-b-y-g.rrd", "node.example-a-x-g.rrd", "node.example-if_lo-down-d.rrd", "node.example-if_lo-up-d.rrd", "node.example-load-load-g.rrd"}
	if diff := cmp.Diff(want, rrd); diff != "" {
		t.Errorf("what it keeps values of (-want +got):\n%s", diff)
	}
	for _, line := range []string{"load.load.label load", "if_lo.up.negative down", "a.b.graph_title B"} {
		if !slices.Contains(datafile, line) {
			t.Errorf("it did not learn %q: %q", line, datafile)
		}
	}
}

func TestStrangersAreTurnedAway(t *testing.T) {
	s := start(t, Config{
		Settings: &control.MuninServer{Address: "127.0.0.1:0", Allow: []string{"10.0.0.0/8"}}, Host: "n", Plugins: func() []munin.Plugin { return nil },
	})
	if got := converse(t, s.Address(), ""); got != "" {
		t.Errorf("a stranger is told %q", got)
	}
}

func TestAdmit(t *testing.T) {
	for _, test := range []struct {
		allow []string
		from  string
		may   bool
	}{
		{nil, "127.0.0.1:1", true},
		{nil, "[::1]:1", true},
		{nil, "192.0.2.1:1", false},
		{[]string{"192.0.2.0/24"}, "192.0.2.9:1", true},
		{[]string{"192.0.2.0/24"}, "[::ffff:192.0.2.9]:1", true},
		{[]string{"192.0.2.0/24"}, "127.0.0.1:1", false},
		{[]string{"192.0.2.7", "2001:db8::/32"}, "[2001:db8::5]:1", true},
		{[]string{"192.0.2.7"}, "192.0.2.8:1", false},
	} {
		var s Server
		for _, text := range test.allow {
			network, err := prefix(text)
			if err != nil {
				t.Fatal(err)
			}
			s.allowed = append(s.allowed, network)
		}
		if _, may := s.admit(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(test.from))); may != test.may {
			t.Errorf("%s with %v: %v", test.from, test.allow, may)
		}
	}
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	at := control.Position{File: "dialtone.conf", Line: 3}
	for want, settings := range map[string]*control.MuninServer{
		`dialtone.conf:3: set munin: "everybody" is no address and no network like 10.0.0.0/8`: {Pos: at, Address: "127.0.0.1:0", Allow: []string{"everybody"}},
		"dialtone.conf:3: set munin: listen tcp: address 127.0.0.1: missing port in address":   {Pos: at, Address: "127.0.0.1"},
	} {
		if _, err := Listen(t.Context(), Config{Settings: settings}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestALineWithoutEnd ends its connection and nothing else.
func TestALineWithoutEnd(t *testing.T) {
	s := start(t, Config{Host: "n", Plugins: func() []munin.Plugin { return nil }})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(conn, strings.Repeat("x", 10*mostLine))
	if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
	if got := converse(t, s.Address(), "list\nquit\n"); got != "# munin node at n\n\n" {
		t.Errorf("then %q", got)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"list\n", "cap multigraph\n", "fetch x y\n", "CONFIG \x00\n"} {
		f.Add(seed)
	}
	s := &Server{config: Config{Host: "n", Plugins: func() []munin.Plugin { return nil }, Log: slog.New(slog.DiscardHandler)}}
	f.Fuzz(func(t *testing.T, line string) {
		answer, more := (&talk{server: s}).answer(t.Context(), line)
		if more && !strings.HasSuffix(answer, "\n") {
			t.Errorf("%q is answered with %q", line, answer)
		}
	})
}
