package host

import (
	"bytes"
	"context"
	"path/filepath"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	register(source{
		name:     "network interfaces",
		families: networkFamilies,
		start: func(cfg Config) collector {
			return &network{file: proc.NewFile(filepath.Join(cfg.Proc, "net/dev")), labels: labeled("device")}
		},
	})
}

// networkFamilies stand in the order of the columns of /proc/net/dev (proc_pid_net(5)).
var networkFamilies = []dialtone.Metric{
	counter("node_network_receive_bytes_total", "bytes", "Bytes received.", "device"),
	counter("node_network_receive_packets_total", "", "Packets received.", "device"),
	counter("node_network_receive_errs_total", "", "Packets received with an error.", "device"),
	counter("node_network_receive_drop_total", "", "Packets received and dropped.", "device"),
	counter("node_network_receive_fifo_total", "", "Packets lost because the interface's buffer was full.", "device"),
	counter("node_network_receive_frame_total", "", "Packets received with a wrong frame.", "device"),
	counter("node_network_receive_compressed_total", "", "Compressed packets received.", "device"),
	counter("node_network_receive_multicast_total", "", "Multicast packets received.", "device"),
	counter("node_network_transmit_bytes_total", "bytes", "Bytes sent.", "device"),
	counter("node_network_transmit_packets_total", "", "Packets sent.", "device"),
	counter("node_network_transmit_errs_total", "", "Packets that could not be sent for an error.", "device"),
	counter("node_network_transmit_drop_total", "", "Packets dropped before they were sent.", "device"),
	counter("node_network_transmit_fifo_total", "", "Packets not sent because the interface's buffer was empty.", "device"),
	counter("node_network_transmit_colls_total", "", "Collisions.", "device"),
	counter("node_network_transmit_carrier_total", "", "Packets not sent for want of a carrier.", "device"),
	counter("node_network_transmit_compressed_total", "", "Compressed packets sent.", "device"),
}

// network reads /proc/net/dev itself: gopsutil leaves half of its columns out.
type network struct {
	file   *proc.File
	labels *memo[[]dialtone.Label]
	values []float64
}

func (n *network) collect(_ context.Context, b *batch) error {
	text, err := n.file.Read()
	if err != nil {
		return err
	}
	n.parse(text, b)
	return nil
}

// parse reads the lines of interfaces; the two lines of headings have no numbers behind their colon.
func (n *network) parse(text []byte, b *batch) {
	for line := range bytes.Lines(text) {
		colon := bytes.LastIndexByte(line, ':')
		if colon < 1 {
			continue
		}
		n.values = numbers(n.values, line[colon+1:])
		if len(n.values) < len(networkFamilies) {
			continue
		}
		labels := n.labels.of(bytes.TrimSpace(line[:colon]))
		for i, family := range networkFamilies {
			b.add(family.Name, labels, n.values[i])
		}
	}
}
