package host

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	register(source{
		name:     "NFS mounts",
		families: mountstatsFamilies(),
		start: func(cfg Config) collector {
			return &mountstats{file: proc.NewFile(filepath.Join(cfg.Proc, "self/mountstats")), labels: newMemo(labelMount), ops: newMemo(labelOperation)}
		},
	})
}

const mountstatsPrefix = "node_mountstats_nfs_"

// nfsBytes are the columns of the bytes: line, nfsOps those of a line of per-op statistics (Linux: net/sunrpc/stats.c, fs/nfs/super.c);
// times are milliseconds.
var (
	nfsBytes = []dialtone.Metric{
		nfsCounter("read_bytes_total", "bytes", "Bytes that programs read."),
		nfsCounter("write_bytes_total", "bytes", "Bytes that programs wrote."),
		nfsCounter("direct_read_bytes_total", "bytes", "Bytes that programs read past the cache (O_DIRECT)."),
		nfsCounter("direct_write_bytes_total", "bytes", "Bytes that programs wrote past the cache (O_DIRECT)."),
		nfsCounter("total_read_bytes_total", "bytes", "Bytes read from the server."),
		nfsCounter("total_write_bytes_total", "bytes", "Bytes written to the server."),
		nfsCounter("read_pages_total", "", "Pages read."),
		nfsCounter("write_pages_total", "", "Pages written."),
	}
	nfsOps = []dialtone.Metric{
		nfsCounter("operations_requests_total", "", "Requests of an operation.", "operation"),
		nfsCounter("operations_transmissions_total", "", "How often requests were sent; more than requests means that some were lost.", "operation"),
		nfsCounter("operations_major_timeouts_total", "", "Requests that had no answer in their whole time.", "operation"),
		nfsCounter("operations_sent_bytes_total", "bytes", "Bytes sent for an operation.", "operation"),
		nfsCounter("operations_received_bytes_total", "bytes", "Bytes received for an operation.", "operation"),
		nfsCounter("operations_queue_time_seconds_total", "seconds", "Seconds that requests waited before they were sent.", "operation"),
		nfsCounter("operations_response_time_seconds_total", "seconds", "Seconds from sending requests to their answers.", "operation"),
		nfsCounter("operations_request_time_seconds_total", "seconds", "Seconds that requests took in all.", "operation"),
	}
	nfsAge    = nfsCounter("age_seconds_total", "seconds", "How long the mount is there.")
	nfsFactor = [...]float64{1, 1, 1, 1, 1, 1e-3, 1e-3, 1e-3}
)

func nfsCounter(name, unit, help string, extra ...string) dialtone.Metric {
	return counter(mountstatsPrefix+name, unit, help, append([]string{"export", "mountaddr"}, append(extra, "protocol")...)...)
}

func mountstatsFamilies() []dialtone.Metric {
	all := append([]dialtone.Metric{nfsAge}, nfsBytes...)
	return append(all, nfsOps...)
}

// mountstats reads what the NFS client counts for each mount; gopsutil has nothing of it. Operations that were never used are left
// out: most of some sixty.
type mountstats struct {
	file   *proc.File
	labels *memo[[]dialtone.Label]
	ops    *memo[[]dialtone.Label]
	values []float64
}

// nfsMount is what is known of the mount whose lines are being read.
type nfsMount struct {
	export, protocol, address string
	perOp                     bool
}

func (m nfsMount) key() string { return m.export + "\x00" + m.address + "\x00" + m.protocol }

func labelMount(key string) []dialtone.Label {
	part := strings.SplitN(key, "\x00", 3)
	return []dialtone.Label{{Name: "export", Value: part[0]}, {Name: "mountaddr", Value: part[1]}, {Name: "protocol", Value: part[2]}}
}

func labelOperation(key string) []dialtone.Label {
	part := strings.SplitN(key, "\x00", 4)
	return []dialtone.Label{{Name: "export", Value: part[0]}, {Name: "mountaddr", Value: part[1]}, {Name: "operation", Value: part[3]}, {Name: "protocol", Value: part[2]}}
}

func (m *mountstats) collect(_ context.Context, b *batch) error {
	text, err := m.file.Read()
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte(" with fstype nfs")) {
		return nil
	}
	m.parse(text, b)
	return nil
}

// parse reads `device SERVER:/EXPORT mounted on POINT with fstype nfs4 statvers=1.1` and the lines that follow it. The same export
// mounted twice is counted once, for the series would be the same.
func (m *mountstats) parse(text []byte, b *batch) {
	var at nfsMount
	seen := map[string]bool{}
	for line := range bytes.Lines(text) {
		first, rest := cutField(line)
		switch string(first) {
		case "device":
			at = parseDevice(string(line))
		case "opts:":
			at.protocol, at.address = option(rest, "proto="), option(rest, "mountaddr=")
			if at.address == "" {
				at.address = option(rest, "addr=")
			}
			if seen[at.key()] {
				at.export = ""
			}
			seen[at.key()] = true
		case "per-op":
			at.perOp = true
		default:
			if at.export != "" {
				m.line(first, rest, at, b)
			}
		}
	}
}

func parseDevice(line string) nfsMount {
	fields := strings.Fields(line)
	if len(fields) < 8 || fields[6] != "fstype" || !strings.HasPrefix(fields[7], "nfs") || strings.HasPrefix(fields[7], "nfsd") {
		return nfsMount{}
	}
	return nfsMount{export: fields[1]}
}

func option(list []byte, name string) string {
	for word := range bytes.SplitSeq(bytes.TrimSpace(list), []byte{','}) {
		if value, found := bytes.CutPrefix(word, []byte(name)); found {
			return string(bytes.ToValidUTF8(value, nil))
		}
	}
	return ""
}

func (m *mountstats) line(first, rest []byte, at nfsMount, b *batch) {
	m.values = numbers(m.values, rest)
	switch {
	case len(m.values) == 0:
	case string(first) == "age:":
		b.add(nfsAge.Name, m.labels.of([]byte(at.key())), m.values[0])
	case string(first) == "bytes:":
		for i, value := range m.values[:min(len(m.values), len(nfsBytes))] {
			b.add(nfsBytes[i].Name, m.labels.of([]byte(at.key())), value)
		}
	case at.perOp && m.values[0] > 0 && bytes.HasSuffix(first, []byte{':'}):
		operation := bytes.ToValidUTF8(first[:len(first)-1], nil)
		labels := m.ops.of([]byte(at.key() + "\x00" + string(operation)))
		for i, value := range m.values[:min(len(m.values), len(nfsOps))] {
			b.add(nfsOps[i].Name, labels, value*nfsFactor[i])
		}
	}
}
