package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	register(source{
		name:     "network protocols",
		families: netstatFamilies(),
		start: func(cfg Config) collector {
			n := &netstat{names: newMemo(netstatName)}
			for _, name := range []string{"net/netstat", "net/snmp", "net/snmp6"} {
				n.files = append(n.files, proc.NewFile(filepath.Join(cfg.Proc, name)))
			}
			return n
		},
	})
}

// netstatWanted is node_exporter's choice out of some three hundred counters.
var netstatWanted = regexp.MustCompile(`^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$`)

// netstatFields are those of them that kernels up to 6.18 have.
const netstatFields = "Icmp6_InErrors Icmp6_InMsgs Icmp6_OutMsgs Icmp_InErrors Icmp_InMsgs Icmp_OutMsgs Ip6_InOctets Ip6_OutOctets IpExt_InOctets IpExt_OutOctets Ip_Forwarding " +
	"TcpExt_ListenDrops TcpExt_ListenOverflows TcpExt_SyncookiesFailed TcpExt_SyncookiesRecv TcpExt_SyncookiesSent TcpExt_TCPOFOQueue TcpExt_TCPRcvQDrop TcpExt_TCPSynRetrans TcpExt_TCPTimeouts " +
	"Tcp_ActiveOpens Tcp_CurrEstab Tcp_InErrs Tcp_InSegs Tcp_OutRsts Tcp_OutSegs Tcp_PassiveOpens Tcp_RetransSegs " +
	"Udp6_InDatagrams Udp6_InErrors Udp6_NoPorts Udp6_OutDatagrams Udp6_RcvbufErrors Udp6_SndbufErrors UdpLite6_InErrors UdpLite_InErrors " +
	"Udp_InDatagrams Udp_InErrors Udp_NoPorts Udp_OutDatagrams Udp_RcvbufErrors Udp_SndbufErrors"

func netstatFamilies() []dialtone.Metric {
	var all []dialtone.Metric
	for field := range strings.FieldsSeq(netstatFields) {
		protocol, what, _ := strings.Cut(field, "_")
		help := "Statistic " + what + " of " + protocol + "."
		if field == "Tcp_CurrEstab" || field == "Ip_Forwarding" {
			all = append(all, gauge("node_netstat_"+field, "", help))
			continue
		}
		all = append(all, counter("node_netstat_"+field, "", help))
	}
	return all
}

// netstat reads the kernel's counters of IP, TCP, UDP and ICMP (RFC 1213, 4113, 4293 and the kernel's own).
type netstat struct {
	files []*proc.File
	names *memo[string] // empty for a field that nobody wants
}

func netstatName(field string) string {
	if !netstatWanted.MatchString(field) {
		return ""
	}
	return "node_netstat_" + field
}

func (n *netstat) collect(_ context.Context, b *batch) error {
	var failed []error
	for i, file := range n.files {
		text, err := file.Read()
		switch {
		case errors.Is(err, fs.ErrNotExist): // no IPv6, for one
		case err != nil:
			failed = append(failed, err)
		case i < 2:
			n.parsePairs(text, b)
		default:
			n.parseSNMP6(text, b)
		}
	}
	return errors.Join(failed...)
}

// parsePairs reads pairs of lines: `Tcp: names…`, `Tcp: numbers…`.
func (n *netstat) parsePairs(text []byte, b *batch) {
	for len(text) > 0 {
		var heads, values []byte
		heads, text, _ = bytes.Cut(text, []byte{'\n'})
		values, text, _ = bytes.Cut(text, []byte{'\n'})
		protocol, heads := cutField(heads)
		same, values := cutField(values)
		if len(protocol) < 2 || !bytes.Equal(protocol, same) {
			return
		}
		n.parsePair(protocol[:len(protocol)-1], heads, values, b)
	}
}

func (n *netstat) parsePair(protocol, heads, values []byte, b *batch) {
	var key [96]byte
	for {
		var head, value []byte
		head, heads = cutField(heads)
		value, values = cutField(values)
		if len(head) == 0 || len(value) == 0 {
			return
		}
		name := n.names.of(append(append(append(key[:0], protocol...), '_'), head...))
		if name == "" {
			continue
		}
		if v, ok := number(value); ok {
			b.add(name, nil, v)
		}
	}
}

// parseSNMP6 reads lines of one counter each: `Udp6InDatagrams 12`. The protocol ends with the 6.
func (n *netstat) parseSNMP6(text []byte, b *batch) {
	var key [96]byte
	for line := range bytes.Lines(text) {
		field, rest := cutField(line)
		six := bytes.IndexByte(field, '6')
		if six < 0 {
			continue
		}
		name := n.names.of(append(append(append(key[:0], field[:six+1]...), '_'), field[six+1:]...))
		if name == "" {
			continue
		}
		if v, ok := number(bytes.TrimSpace(rest)); ok {
			b.add(name, nil, v)
		}
	}
}
