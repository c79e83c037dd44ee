package discover

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listener is a TCP socket that accepts connections.
type listener struct {
	address netip.Addr
	port    int
	inode   uint64
}

// stateListen is TCP_LISTEN in /proc/net/tcp.
const stateListen = "0A"

// parseTCP reads the listening sockets out of /proc/net/tcp or tcp6 (proc_pid_net(5)); lines that are none are left out.
func parseTCP(text []byte) []listener {
	var all []listener
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) < 10 || fields[3] != stateListen {
			continue
		}
		address, port, ok := parseEndpoint(fields[1])
		inode, err := strconv.ParseUint(fields[9], 10, 64)
		if ok && err == nil && inode > 0 && port > 0 {
			all = append(all, listener{address, port, inode})
		}
	}
	return all
}

// parseEndpoint reads "0100007F:0050": the address as 32-bit words in the machine's byte order, which is little-endian wherever
// this program is built for, and the port.
func parseEndpoint(text string) (netip.Addr, int, bool) {
	words, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(words)
	if err != nil {
		return netip.Addr{}, 0, false
	}
	for i := 0; i+4 <= len(raw); i += 4 {
		raw[i], raw[i+1], raw[i+2], raw[i+3] = raw[i+3], raw[i+2], raw[i+1], raw[i]
	}
	address, ok := netip.AddrFromSlice(raw)
	number, err := strconv.ParseUint(port, 16, 16)
	return address.Unmap(), int(number), ok && err == nil
}

// listeners reads the listening sockets of the machine by inode.
func (e *explorer) listeners() map[uint64]listener {
	all := map[uint64]listener{}
	for _, name := range []string{"net/tcp", "net/tcp6"} {
		text, err := os.ReadFile(filepath.Join(e.proc, name))
		if err != nil {
			continue // no IPv6, for one
		}
		for _, l := range parseTCP(text) {
			all[l.inode] = l
		}
	}
	return all
}

// sockets returns the inodes of the sockets that a process holds; ok is false where that may not be seen.
func (e *explorer) sockets(pid int) (inodes []uint64, ok bool) {
	dir := filepath.Join(e.proc, strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, !os.IsPermission(err)
	}
	for _, entry := range entries {
		to, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err != nil {
			continue
		}
		number, is := strings.CutPrefix(to, "socket:[")
		inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
		if is && err == nil {
			inodes = append(inodes, inode)
		}
	}
	return inodes, true
}

// ephemeral returns the first port that the kernel gives out by itself: what listens there listens elsewhere after a restart.
func (e *explorer) ephemeral() int {
	text, err := os.ReadFile(filepath.Join(e.proc, "sys/net/ipv4/ip_local_port_range"))
	if err == nil {
		if fields := strings.Fields(string(text)); len(fields) == 2 {
			if first, err := strconv.Atoi(fields[0]); err == nil {
				return first
			}
		}
	}
	return 32768
}
