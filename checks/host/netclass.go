package host

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	register(source{
		name: "state of network interfaces",
		families: []dialtone.Metric{
			gauge("node_network_up", "", "1 when the interface is in state up, else 0.", "device"),
			gauge("node_network_carrier", "", "1 when the interface has a carrier, else 0.", "device"),
			counter("node_network_carrier_changes_total", "", "How often the carrier came or went.", "device"),
			gauge("node_network_mtu_bytes", "bytes", "Largest packet.", "device"),
			gauge("node_network_speed_bytes", "bytes", "Bytes a second that the link was set to.", "device"),
			gauge("node_network_info", "", "Always 1; the labels say what the interface is.", "address", "broadcast", "device", "duplex", "ifalias", "operstate"),
		},
		start: func(cfg Config) collector {
			return &netclass{dir: filepath.Join(cfg.Sys, "class/net"), devices: map[string]*netDevice{}}
		},
	})
}

// Reading what an interface is takes locks in the kernel and in some drivers. Its state is read in each sample, the rest now and then.
const (
	netclassRefresh = time.Minute
	maxDevices      = 256 // of more interfaces (a host of containers) the state is not sampled
)

// netclass reads /sys/class/net (Linux: Documentation/ABI/testing/sysfs-class-net).
type netclass struct {
	dir     string
	devices map[string]*netDevice
	listed  time.Time
}

type netDevice struct {
	dir     string
	state   *proc.File
	labels  []dialtone.Label
	info    []dialtone.Label
	numbers []namedNumber
}

type namedNumber struct {
	name  string
	value float64
}

// netNumbers are the files with one number each, and the factor that makes it a base unit. A link that is down has no speed: -1.
var netNumbers = []struct {
	file, name string
	factor     float64
}{
	{"carrier", "node_network_carrier", 1},
	{"carrier_changes", "node_network_carrier_changes_total", 1},
	{"mtu", "node_network_mtu_bytes", 1},
	{"speed", "node_network_speed_bytes", 1e6 / 8},
}

func (n *netclass) collect(_ context.Context, b *batch) error {
	if since := b.at.Sub(n.listed); n.listed.IsZero() || since < 0 || since >= netclassRefresh {
		if err := n.list(); err != nil {
			return err
		}
		n.listed = b.at
	}
	for name, d := range n.devices {
		text, err := d.state.Read()
		if err != nil {
			d.state.Close()
			delete(n.devices, name)
			continue
		}
		d.add(string(bytes.TrimSpace(text)), b)
	}
	return nil
}

func (n *netclass) list() error {
	entries, err := os.ReadDir(n.dir)
	if err != nil {
		return err
	}
	for _, d := range n.devices {
		d.state.Close()
	}
	clear(n.devices)
	for _, entry := range entries[:min(len(entries), maxDevices)] {
		dir := filepath.Join(n.dir, entry.Name())
		if entry.Name() == "bonding_masters" {
			continue
		}
		n.devices[entry.Name()] = newNetDevice(entry.Name(), dir)
	}
	return nil
}

func newNetDevice(name, dir string) *netDevice {
	d := &netDevice{
		dir: dir, state: proc.NewFile(filepath.Join(dir, "operstate")),
		labels: []dialtone.Label{{Name: "device", Value: name}},
		info: []dialtone.Label{
			{Name: "address", Value: word(dir, "address")},
			{Name: "broadcast", Value: word(dir, "broadcast")},
			{Name: "device", Value: name},
			{Name: "duplex", Value: word(dir, "duplex")},
			{Name: "ifalias", Value: word(dir, "ifalias")},
			{Name: "operstate", Value: word(dir, "operstate")},
		},
	}
	for _, of := range netNumbers {
		if value, ok := number([]byte(word(dir, of.file))); ok && value >= 0 {
			d.numbers = append(d.numbers, namedNumber{of.name, value * of.factor})
		}
	}
	return d
}

// word reads a file of one word; one that is not there, or has no answer now, is empty.
func word(dir, name string) string {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(text))
}

// add gives the state as it is now and the rest as it was last read. The labels of the info line follow the state.
func (d *netDevice) add(state string, b *batch) {
	up := 0.0
	if state == "up" {
		up = 1
	}
	b.add("node_network_up", d.labels, up)
	last := len(d.info) - 1
	if d.info[last].Value != state {
		d.info = append([]dialtone.Label(nil), d.info...) // samples that were given away keep theirs
		d.info[last].Value = state
	}
	b.add("node_network_info", d.info, 1)
	for _, n := range d.numbers {
		b.add(n.name, d.labels, n.value)
	}
}
