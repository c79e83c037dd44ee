package checks

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// netCount is what the kernel counts of one interface.
type netCount struct{ received, sent direction }

// direction is one half of a line of /proc/net/dev.
type direction struct{ bytes, packets, errors uint64 }

// The columns of /proc/net/dev (proc_pid_net(5)): eight of what was received, then eight of what was sent.
const (
	columnBytes   = 0
	columnPackets = 1
	columnErrors  = 2
	columnsEach   = 8
)

// parseNetDev finds the line of an interface; false where there is none.
func parseNetDev(text []byte, name string) (c netCount, found bool) {
	for line := range bytes.Lines(text) {
		colon := bytes.LastIndexByte(line, ':')
		if colon < 1 || string(bytes.TrimSpace(line[:colon])) != name {
			continue
		}
		fields := bytes.Fields(line[colon+1:])
		if len(fields) < 2*columnsEach {
			return netCount{}, false
		}
		var err error
		if c.received, err = parseDirection(fields); err == nil {
			c.sent, err = parseDirection(fields[columnsEach:])
		}
		return c, err == nil
	}
	return netCount{}, false
}

func parseDirection(fields [][]byte) (d direction, err error) {
	for column, into := range map[int]*uint64{columnBytes: &d.bytes, columnPackets: &d.packets, columnErrors: &d.errors} {
		if *into, err = strconv.ParseUint(string(fields[column]), 10, 64); err != nil {
			return d, fmt.Errorf("reading counters: %w", err)
		}
	}
	return d, nil
}

// link is the state of an interface as /sys/class/net/NAME says it (Linux: Documentation/ABI/testing/sysfs-class-net).
type link struct {
	state  string  // operstate: up, down, lowerlayerdown, dormant, notpresent, unknown …
	flags  uint64  // netdevice(7)
	speed  float64 // bits per second; 0 where the driver does not say
	duplex string  // full, half, or unknown
}

const flagUp = 1 // IFF_UP: somebody has switched it on

// readLink reads what there is of a link: most files are missing or cannot be read of a virtual interface, or of one that is down.
func readLink(sys, name string) link {
	read := func(file string) string {
		text, err := os.ReadFile(filepath.Join(sys, name, file))
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(text))
	}
	l := link{state: read("operstate"), duplex: read("duplex")}
	if flags, err := strconv.ParseUint(read("flags"), 0, 64); err == nil {
		l.flags = flags
	}
	if megabits, err := strconv.ParseInt(read("speed"), 10, 32); err == nil && megabits > 0 {
		l.speed = float64(megabits) * 1e6
	}
	return l
}

// up: drivers that do not watch their link (loopback, tunnels) say unknown for ever; then it is up when it is switched on (RFC 2863 calls
// both operational).
func (l link) up() bool { return l.state == "up" || l.state == "unknown" && l.flags&flagUp != 0 }

func (l link) report(r *Report, name string) {
	r.Value("link_up", 0)
	switch {
	case l.up():
		r.Value("link_up", 1)
	case l.flags&flagUp == 0:
		r.Why = fmt.Sprintf("interface %s is switched off", name)
	default:
		r.Why = fmt.Sprintf("interface %s has no link (%s)", name, l.state)
	}
	if l.speed > 0 {
		r.Value("link_speed_bits_per_second", l.speed)
		r.Text("link_capacity", fmt.Sprintf("%.0f Mb/s %s duplex", l.speed/1e6, l.duplex))
	}
}
