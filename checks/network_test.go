package checks

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/proc"
	"github.com/google/go-cmp/cmp"
)

// card is an interface eth7 in folders that stand for /proc and /sys.
type card struct{ dir string }

func newCard(t *testing.T) card {
	t.Helper()
	c := card{t.TempDir()}
	if err := os.Mkdir(filepath.Join(c.dir, "eth7"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.counts(t, 0, 0, 0)
	c.link(t, map[string]string{"operstate": "up", "flags": "0x1003", "speed": "1000", "duplex": "full"})
	return c
}

// counts writes the counters: bytes, packets and errors received; sent are twice as many.
func (c card) counts(t *testing.T, bytes, packets, faults int) {
	t.Helper()
	writeFile(t, filepath.Join(c.dir, "dev"), fmt.Sprintf(`Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 11256247   23400    0    0    0     0          0         0 11256247   23400    0    0    0     0       0          0
  eth7: %d %d %d    0    0     0          0         0 %d %d %d    0    0     0       0          0
`, bytes, packets, faults, 2*bytes, 2*packets, 2*faults))
}

func (c card) link(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		writeFile(t, filepath.Join(c.dir, "eth7", name), text+"\n")
	}
}

func (c card) check(t *testing.T, s *control.Service) *network {
	t.Helper()
	n := newCheck(t, "network", s).(*network)
	n.counts, n.sys = proc.NewFile(filepath.Join(c.dir, "dev")), c.dir
	return n
}

func TestNetworkLink(t *testing.T) {
	c := newCard(t)
	n := c.check(t, &control.Service{Interface: "eth7"})
	for _, test := range []struct {
		files    map[string]string
		up       float64
		why      string
		capacity string
	}{
		{nil, 1, "", "1000 Mb/s full duplex"},
		{map[string]string{"speed": "100", "duplex": "half"}, 1, "", "100 Mb/s half duplex"},
		{map[string]string{"operstate": "down", "speed": "-1"}, 0, "interface eth7 has no link (down)", ""},
		{map[string]string{"flags": "0x1002"}, 0, "interface eth7 is switched off", ""},
		{map[string]string{"operstate": "unknown"}, 0, "interface eth7 is switched off", ""},
		{map[string]string{"flags": "0x9"}, 1, "", ""},
		{map[string]string{"operstate": "lowerlayerdown"}, 0, "interface eth7 has no link (lowerlayerdown)", ""},
	} {
		c.link(t, test.files)
		r := run(t, n)
		if r.Values["link_up"] != test.up || r.Why != test.why || r.Texts["link_capacity"] != test.capacity || r.Existence != Present {
			t.Errorf("%v: seen as %+v", test.files, r)
		}
	}
}

func TestNetworkTraffic(t *testing.T) {
	c := newCard(t)
	n := c.check(t, &control.Service{Interface: "eth7", Rules: rules(
		&control.Compare{Value: "total_upload_bytes", Over: time.Hour}, &control.Compare{Value: "total_download_packets", Over: 24 * time.Hour},
	)})
	if r := run(t, n); len(r.Values) != 4 || r.Values["total_upload_bytes/1h0m0s"] != 0 {
		t.Errorf("known from one look: %v", r.Values)
	}
	back(n, 10*time.Second)
	c.counts(t, 50_000_000, 1000, 3)
	r := run(t, n)
	want := map[string]float64{
		"download_bytes_per_second": 5e6, "upload_bytes_per_second": 10e6, "download_packets_per_second": 100, "upload_packets_per_second": 200,
		"saturation_percent": 8, "link_errors": 9, "total_upload_bytes/1h0m0s": 100e6, "total_download_packets/24h0m0s": 1000,
		"link_up": 1, "link_speed_bits_per_second": 1e9,
	}
	near := cmp.Comparer(func(a, b float64) bool { return a == b || a > b*0.9 && a < b*1.1 })
	if diff := cmp.Diff(want, r.Values, near); diff != "" {
		t.Error(diff)
	}
	wantDeclared(t, "network", r)

	c.link(t, map[string]string{"duplex": "half"})
	back(n, 10*time.Second)
	c.counts(t, 100_000_000, 2000, 3)
	if r := run(t, n); r.Values["saturation_percent"] < 11 || r.Values["link_errors"] != 0 {
		t.Errorf("a link that sends or receives: %v", r.Values)
	}
	back(n, 10*time.Second)
	c.counts(t, 1000, 1, 0) // the driver was loaded anew
	if r := run(t, n); r.Values["upload_bytes_per_second"] != 0 || r.Values["link_errors"] != 0 || r.Values["total_upload_bytes/1h0m0s"] != 200e6+2000 {
		t.Errorf("counters that began anew: %v", r.Values)
	}
}

// back puts the last readings of a check's meters into the past.
func back(n *network, by time.Duration) {
	for _, m := range n.rates {
		m.at = m.at.Add(-by)
	}
}

// TestTotalsForget: what is older than the span does not count, nor does what nobody asked for cost anything.
func TestTotalsForget(t *testing.T) {
	total := newTotals(&control.Service{Rules: rules(&control.Compare{Value: "total_upload_bytes", Over: 5 * time.Minute})})
	began := time.Unix(1_700_000_000, 0).Truncate(time.Minute)
	var r Report
	for minute := range 30 {
		now := began.Add(time.Duration(minute) * time.Minute)
		total.add(now, netCount{sent: direction{bytes: uint64(1000 * minute)}})
		r = Report{}
		total.report(&r, now)
		if got, want := r.Values["total_upload_bytes/5m0s"], float64(1000*min(minute, 5)); got != want {
			t.Errorf("in minute %d: %v, wanted %v", minute, got, want)
		}
	}
	total.add(began.Add(2*time.Hour), netCount{sent: direction{bytes: 40_000}})
	total.report(&r, began.Add(2*time.Hour))
	if got := r.Values["total_upload_bytes/5m0s"]; got != 0 {
		t.Errorf("after a sleep it is %v", got)
	}
	if none := newTotals(&control.Service{}); none.ring != nil {
		t.Error("totals that nobody asks for are kept")
	}
	if most := newTotals(&control.Service{Rules: rules(&control.Compare{Value: "total_upload_bytes", Over: longestSpan})}); len(most.ring) > 1442 {
		t.Errorf("%d minutes are kept", len(most.ring))
	}
}

func TestNetworkThatIsNotThere(t *testing.T) {
	c := newCard(t)
	wantExistence(t, run(t, c.check(t, &control.Service{Interface: "eth8"})), "there is no interface eth8")
	n := c.check(t, &control.Service{Address: "192.0.2.1"})
	wantExistence(t, run(t, n), "no interface has the address 192.0.2.1")
	n.owner = func(netip.Addr) (string, error) { return "eth7", nil }
	wantExistence(t, run(t, n), "")
	n.owner = func(netip.Addr) (string, error) { return "", errors.New("no netlink") }
	if err := n.Run(t.Context(), &Report{}); err == nil {
		t.Error("interfaces that cannot be listed make no error")
	}
}

// TestRealNetwork looks at the loopback of this machine, by name and by its addresses.
func TestRealNetwork(t *testing.T) {
	for _, s := range []*control.Service{{Interface: "lo"}, {Address: "127.0.0.1"}} {
		r := run(t, newCheck(t, "network", s))
		if r.Existence != Present || r.Values["link_up"] != 1 {
			t.Errorf("%+v is seen as %+v", s, r)
		}
	}
}

func TestNetworkValidate(t *testing.T) {
	for _, s := range []*control.Service{
		{},
		{Interface: "a", Address: "127.0.0.1"},
		{Address: "localhost"},
		{Interface: "a", Rules: rules(&control.Compare{Value: "total_upload_bytes", Over: 25 * time.Hour})},
	} {
		s.Kind = "network"
		if _, err := New(s); err == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
}

func FuzzParseNetDev(f *testing.F) {
	f.Add([]byte("  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"))
	f.Add([]byte(" face |bytes    packets errs\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, found := parseNetDev(text, "eth0"); found && !strings.Contains(string(text), "eth0") {
			t.Errorf("eth0 is found in %q", text)
		}
	})
}
