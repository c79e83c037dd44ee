package checks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	register(Kind{
		Name: "network",
		Doc: "A network interface of this machine, by its name or by an address that it has: whether its link is up, how much goes through it, and how near " +
			"that is to what the link can carry. Totals are counted from the start of the agent, by the minute, over at most 24 hours. A link that is " +
			"down, and packets with errors, are told without a rule.",
		Example: `check network uplink with interface eth0
    start program = "/usr/sbin/ifup eth0"
    stop program = "/usr/sbin/ifdown eth0"
    if link down then restart
    if saturation > 80% for 5 cycles then alert
    if total uploaded > 100 GB in last 24 hours then alert
`,
		Values: networkValues(),
		New:    func(s *control.Service) Check { return newNetwork(s) },
	})
}

func networkValues() []Value {
	return []Value{
		{Name: "link_up", Unit: "boolean", Type: dialtone.Gauge, Help: "1 when the interface can carry packets, else 0; `if link down` and `if link up` look at it."},
		{Name: "link_errors", Phrases: []string{"link errors"}, Unit: "count", Type: dialtone.Gauge, Help: "Packets received or sent with an error since the last look."},
		{Name: "link_speed_bits_per_second", Unit: "bits_per_second", Type: dialtone.Gauge, Help: "What the link can carry in each direction; missing where the driver does not say, as of most virtual ones."},
		{Name: "link_capacity", Help: "Speed and duplex mode of the link: `1000 Mb/s full duplex`."},
		{Name: "saturation_percent", Phrases: []string{"saturation"}, Unit: "percent", Type: dialtone.Gauge, Help: "Traffic as a share of what the link can carry: of a full duplex link the busier direction, else both together."},
		{Name: "upload_bytes_per_second", Phrases: []string{"upload"}, Unit: "bytes_per_second", Type: dialtone.Gauge, Help: "Bytes sent since the last look."},
		{Name: "download_bytes_per_second", Phrases: []string{"download"}, Unit: "bytes_per_second", Type: dialtone.Gauge, Help: "Bytes received since the last look."},
		{Name: "upload_packets_per_second", Phrases: []string{"upload"}, Unit: "packets_per_second", Type: dialtone.Gauge, Help: "Packets sent since the last look."},
		{Name: "download_packets_per_second", Phrases: []string{"download"}, Unit: "packets_per_second", Type: dialtone.Gauge, Help: "Packets received since the last look."},
		{Name: "total_upload_bytes", Phrases: []string{"total upload", "total uploaded"}, Unit: "bytes", Argument: "over", Span: true, Type: dialtone.Gauge, Help: "Bytes sent in the last minutes or hours."},
		{Name: "total_download_bytes", Phrases: []string{"total download", "total downloaded"}, Unit: "bytes", Argument: "over", Span: true, Type: dialtone.Gauge, Help: "Bytes received in the last minutes or hours."},
		{Name: "total_upload_packets", Phrases: []string{"total upload", "total uploaded"}, Unit: "packets", Argument: "over", Span: true, Type: dialtone.Gauge, Help: "Packets sent in the last minutes or hours."},
		{Name: "total_download_packets", Phrases: []string{"total download", "total downloaded"}, Unit: "packets", Argument: "over", Span: true, Type: dialtone.Gauge, Help: "Packets received in the last minutes or hours."},
	}
}

const sysRoot = "/sys"

// network watches one interface.
type network struct {
	spec   *control.Service
	counts *proc.File // /proc/net/dev
	sys    string     // /sys/class/net
	owner  func(address netip.Addr) (string, error)

	rates  rates
	totals totals
	errors errorCount
}

// errorCount remembers how many packets had errors at the look before.
type errorCount struct {
	known  bool
	before uint64
}

func newNetwork(s *control.Service) *network {
	return &network{
		spec: s, counts: proc.NewFile(filepath.Join(procRoot, "self/net/dev")), sys: filepath.Join(sysRoot, "class/net"), owner: interfaceOf,
		rates: rates{}, totals: newTotals(s),
	}
}

// Validate wants an interface or an address, and spans that are kept.
func (n *network) Validate() error {
	if (n.spec.Interface == "") == (n.spec.Address == "") {
		return errors.New("a network is named by exactly one of: with interface NAME, with address ADDRESS")
	}
	if n.spec.Address != "" {
		if _, err := netip.ParseAddr(n.spec.Address); err != nil {
			return fmt.Errorf("%q is no IP address", n.spec.Address)
		}
	}
	for _, rule := range n.spec.Rules {
		if test, is := rule.Test.(*control.Compare); is && test.Over > longestSpan {
			return fmt.Errorf("totals are kept for %s, and the rule at %s asks for %s", longestSpan, rule.Pos, test.Over)
		}
	}
	return nil
}

// Run finds the interface, and reads its link and its counters. One that is not there is absent, which is a link that is down.
func (n *network) Run(_ context.Context, r *Report) error {
	name, why, err := n.find()
	if err != nil {
		return err
	}
	if why != "" {
		r.Existence, r.Why = Absent, why
		n.errors = errorCount{}
		return nil
	}
	text, err := n.counts.Read()
	if err != nil {
		return fmt.Errorf("reading the counters of %s: %w", name, err)
	}
	counted, found := parseNetDev(text, name)
	if !found {
		r.Existence, r.Why = Absent, fmt.Sprintf("there is no interface %s", name)
		return nil
	}
	r.Existence = Present
	link := readLink(n.sys, name)
	link.report(r, name)
	n.measure(counted, link, r, time.Now())
	return nil
}

// find returns the interface's name, or why there is none.
func (n *network) find() (name, why string, err error) {
	if n.spec.Interface != "" {
		return n.spec.Interface, "", nil
	}
	address, err := netip.ParseAddr(n.spec.Address)
	if err != nil {
		return "", "", fmt.Errorf("%q is no IP address", n.spec.Address)
	}
	name, err = n.owner(address)
	if err == nil && name == "" {
		why = fmt.Sprintf("no interface has the address %s", address)
	}
	return name, why, err
}

// interfaceOf returns the interface that has an address; empty where none has.
func interfaceOf(address netip.Addr) (string, error) {
	all, err := net.Interfaces()
	if err != nil {
		return "", fmt.Errorf("listing interfaces: %w", err)
	}
	for _, i := range all {
		own, err := i.Addrs()
		if err != nil {
			continue // it has gone since it was listed
		}
		for _, a := range own {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr() == address.Unmap().WithZone("") {
				return i.Name, nil
			}
		}
	}
	return "", nil
}

// measure turns counters into rates, totals and saturation.
func (n *network) measure(c netCount, l link, r *Report, now time.Time) {
	n.rates.report(r, now, map[string]uint64{
		"upload_bytes_per_second": c.sent.bytes, "download_bytes_per_second": c.received.bytes,
		"upload_packets_per_second": c.sent.packets, "download_packets_per_second": c.received.packets,
	})
	faults := c.sent.errors + c.received.errors
	if n.errors.known {
		r.Value("link_errors", float64(faults-min(n.errors.before, faults)))
	}
	n.errors = errorCount{known: true, before: faults}
	n.totals.add(now, c)
	n.totals.report(r, now)
	up, known := r.Values["upload_bytes_per_second"]
	if l.speed <= 0 || !known {
		return
	}
	down := r.Values["download_bytes_per_second"]
	busy := max(up, down)
	if l.duplex == "half" {
		busy = up + down
	}
	r.Value("saturation_percent", 100*8*busy/l.speed)
}
