package statusdoc

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/agent/rules"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// reading is a report seen by the names of its values. What a look did not bring is left out of the document.
type reading struct{ report *checks.Report }

// part writes one group of elements of a kind.
type part func(x *document, r reading)

// parts are the elements of each kind, in Monit's order.
var parts = map[string][]part{
	"process": {
		whole("pid", "pid", 1), whole("ppid", "ppid", 1), text("uid", "uid"), text("euid", "euid"), text("gid", "gid"),
		whole("uptime", "uptime_seconds", 1), whole("threads", "threads", 1), whole("children", "children", 1),
		group("memory", tenth("percent", "memory_percent"), tenth("percenttotal", "total_memory_percent"),
			whole("kilobyte", "memory_bytes", 1024), whole("kilobytetotal", "total_memory_bytes", 1024)),
		group("cpu", tenth("percent", "cpu_percent"), tenth("percenttotal", "total_cpu_percent")),
		group("filedescriptors", whole("open", "filedescriptors", 1), whole("opentotal", "total_filedescriptors", 1)),
		group("read", group("bytesgeneric", whole("count", "read_bytes_per_second", 1)),
			group("bytes", whole("count", "disk_read_bytes_per_second", 1)), group("operations", whole("count", "read_operations_per_second", 1))),
		group("write", group("bytesgeneric", whole("count", "write_bytes_per_second", 1)),
			group("bytes", whole("count", "disk_write_bytes_per_second", 1)), group("operations", whole("count", "write_operations_per_second", 1))),
	},
	"file":      {text("mode", "permission"), text("uid", "uid"), text("gid", "gid"), timestamps, whole("size", "size_bytes", 1), checksum},
	"directory": {text("mode", "permission"), text("uid", "uid"), text("gid", "gid"), timestamps},
	"fifo":      {text("mode", "permission"), text("uid", "uid"), text("gid", "gid"), timestamps},
	"filesystem": {
		text("fstype", "fstype"), text("fsflags", "fsflags"), text("mode", "permission"), text("uid", "uid"), text("gid", "gid"),
		group("block", tenth("percent", "space_percent"), mebibytes("usage", "space_bytes"), mebibytes("total", "space_total_bytes")),
		group("inode", tenth("percent", "inode_percent"), whole("usage", "inodes", 1)),
		group("read", group("bytes", whole("count", "read_bytes_per_second", 1)), group("operations", whole("count", "read_operations_per_second", 1))),
		group("write", group("bytes", whole("count", "write_bytes_per_second", 1)), group("operations", whole("count", "write_operations_per_second", 1))),
		group("servicetime", number("total", "service_time_seconds", 0.001, 3)),
	},
	"network": {group("link",
		whole("state", "link_up", 1), whole("speed", "link_speed_bits_per_second", 1),
		group("download", group("packets", whole("now", "download_packets_per_second", 1)), group("bytes", whole("now", "download_bytes_per_second", 1))),
		group("upload", group("packets", whole("now", "upload_packets_per_second", 1)), group("bytes", whole("now", "upload_bytes_per_second", 1))))},
	"system": {
		group("filedescriptors", whole("allocated", "filedescriptors", 1)),
		group("system",
			group("load", hundredth("avg01", "load1"), hundredth("avg05", "load5"), hundredth("avg15", "load15")),
			group("cpu", tenth("user", "cpu_user_percent"), tenth("system", "cpu_system_percent"), tenth("nice", "cpu_nice_percent"),
				tenth("wait", "cpu_wait_percent"), tenth("hardirq", "cpu_hardirq_percent"), tenth("softirq", "cpu_softirq_percent"),
				tenth("steal", "cpu_steal_percent"), tenth("guest", "cpu_guest_percent"), tenth("guestnice", "cpu_guestnice_percent")),
			group("memory", tenth("percent", "memory_percent"), whole("kilobyte", "memory_bytes", 1024)),
			group("swap", tenth("percent", "swap_percent"), whole("kilobyte", "swap_bytes", 1024))),
	},
}

// group is an element around others; one that would be empty is left out.
func group(name string, inner ...part) part {
	return func(x *document, r reading) {
		before := x.b.Len()
		x.open(name)
		opened := x.b.Len()
		for _, p := range inner {
			p(x, r)
		}
		if x.b.Len() == opened {
			x.b.Truncate(before)
			return
		}
		x.close(name)
	}
}

func number(name, value string, divisor float64, digits int) part {
	return func(x *document, r reading) {
		if v, known := r.report.Values[value]; known {
			x.float(name, v/divisor, digits)
		}
	}
}

func whole(name, value string, divisor float64) part { return number(name, value, divisor, 0) }

func tenth(name, value string) part { return number(name, value, 1, 1) }

func hundredth(name, value string) part { return number(name, value, 1, 2) }

func mebibytes(name, value string) part { return number(name, value, 1<<20, 1) }

func text(name, value string) part {
	return func(x *document, r reading) {
		if v, known := r.report.Texts[value]; known {
			x.text(name, v)
		}
	}
}

// timestamps turns ages into instants, as Monit writes them.
func timestamps(x *document, r reading) {
	group("timestamps", instant("access", "access_age_seconds"), instant("change", "change_age_seconds"), instant("modify", "age_seconds"))(x, r)
}

func instant(name, age string) part {
	return func(x *document, r reading) {
		if v, known := r.report.Values[age]; known {
			x.text(name, unixSeconds(time.Now().Add(-time.Duration(v*float64(time.Second)))))
		}
	}
}

func checksum(x *document, r reading) {
	sum, known := r.report.Texts["checksum"]
	if !known {
		return
	}
	algorithm := map[int]string{32: "MD5", 40: "SHA1", 64: "SHA256"}[len(sum)]
	x.open("checksum", "type", algorithm)
	x.escaped(sum)
	x.close("checksum")
}

// statusBits is the sum of what stands failed.
func statusBits(s agent.Snapshot) uint32 {
	var sum uint32
	for _, test := range s.Fails {
		sum |= eventBits[rules.EventType(s.Spec, test)]
	}
	return sum
}

// pings writes the ping tests of a service, in the order written.
func (x *document) pings(s agent.Snapshot) {
	for _, rule := range s.Spec.Rules {
		p, is := rule.Test.(*control.Ping)
		if !is {
			continue
		}
		if probe, tried := s.Report.Pings[p]; tried {
			x.open("icmp")
			x.text("type", "Ping")
			x.text("responsetime", responseTime(probe.Took, probe.Err))
			x.close("icmp")
		}
	}
}

// ports writes the connection tests of a service, in the order written.
func (x *document) ports(s agent.Snapshot) {
	for _, rule := range s.Spec.Rules {
		c, is := rule.Test.(*control.Connection)
		if !is {
			continue
		}
		probe, tried := s.Report.Connections[c]
		if !tried {
			continue
		}
		if c.UnixSocket != "" {
			x.open("unix")
			x.text("path", c.UnixSocket)
			x.text("protocol", protocolName(c))
			x.text("responsetime", responseTime(probe.Took, probe.Err))
			x.close("unix")
			continue
		}
		x.port(s.Spec, c, probe)
	}
}

func (x *document) port(s *control.Service, c *control.Connection, probe checks.Probe) {
	x.open("port")
	x.text("hostname", firstOf(c.Host, s.Address, "localhost"))
	x.number("portnumber", c.Port)
	x.text("request", c.HTTP.Request)
	x.text("protocol", protocolName(c))
	x.text("type", strings.ToUpper(firstOf(c.Network, "tcp")))
	x.text("responsetime", responseTime(probe.Took, probe.Err))
	x.close("port")
}

func protocolName(c *control.Connection) string {
	return strings.ToUpper(firstOf(c.Protocol, "default"))
}

func firstOf(words ...string) string {
	if i := slices.IndexFunc(words, func(w string) bool { return w != "" }); i >= 0 {
		return words[i]
	}
	return ""
}

// programOutput bounds what a document shows of a program's output.
const programOutput = 4 << 10

func (x *document) program(s agent.Snapshot) {
	x.open("program")
	x.text("started", collected(s.Status.Checked.Add(-s.Took)))
	x.text("status", strconv.Itoa(int(s.Report.Values["status"])))
	output := strings.Join(s.Report.Lines, "\n")
	x.text("output", output[:min(len(output), programOutput)])
	x.close("program")
}
