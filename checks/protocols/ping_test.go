package protocols

import (
	"errors"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dialtone/dialtone/control"
)

// inNetwork runs a test in a network of its own, which has a loopback and nothing else and whose switches belong to it.
func inNetwork(t *testing.T, run func(t *testing.T)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may make a network namespace")
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Errorf("needs a network namespace: %v", err)
			return
		}
		if err := loopbackUp(); err != nil {
			t.Errorf("raising the loopback: %v", err)
			return
		}
		run(t)
	}()
	<-ended
}

func loopbackUp() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(socket) }()
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}

func setKernel(t *testing.T, name, value string) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0); err != nil {
		t.Errorf("%v", err)
	}
}

func TestPing(t *testing.T) {
	inNetwork(t, func(t *testing.T) {
		t.Helper()
		for _, groups := range []string{"1 0", "0 0"} { // raw sockets, then those of datagrams
			setKernel(t, "ping_group_range", groups)
			for _, test := range []struct {
				host string
				ping control.Ping
				want string
			}{
				{host: "127.0.0.1"},
				{host: "::1"},
				{host: "::1", ping: control.Ping{Family: "ipv6", Size: 1400, Count: 1}},
				{host: "127.0.0.1", ping: control.Ping{Size: 1, Source: "127.0.0.5"}},
				{host: "127.0.0.1", ping: control.Ping{Source: "192.0.2.1"}, want: "cannot be pinged from the address 192.0.2.1, which the machine does not have"},
				{host: "127.0.0.1", ping: control.Ping{Source: "::1"}, want: "127.0.0.1 has no address that ::1 can ping"},
				{host: "127.0.0.1", ping: control.Ping{Family: "ipv6"}, want: "127.0.0.1 has no such address to ping"},
				{host: "192.0.2.7", want: "192.0.2.7 cannot be pinged: no route to it"},
				{host: "127.0.0.1", ping: control.Ping{ResponseOp: control.Less, Response: time.Hour}, want: "127.0.0.1 answered ping in "},
				{host: "127.0.0.1", ping: control.Ping{ResponseOp: control.Greater, Response: time.Hour}},
			} {
				_, err := Ping(t.Context(), &test.ping, test.host)
				wantSaid(t, err, test.want)
			}
		}
	})
}

// TestPingSilent: a host that does not answer fails when its last request has waited long enough, and not later.
func TestPingSilent(t *testing.T) {
	inNetwork(t, func(t *testing.T) {
		t.Helper()
		setKernel(t, "icmp_echo_ignore_all", "1")
		began := time.Now()
		_, err := Ping(t.Context(), &control.Ping{Timeout: silentTimeout, Count: 2}, "127.0.0.1")
		wantSaid(t, err, "127.0.0.1 answered none of 2 ping requests within 200ms each")
		if took := time.Since(began); took < 2*silentTimeout || took > 2*silentTimeout+lateness {
			t.Errorf("the error came after %v", took)
		}
	})
}

// TestPingLater: one answer is enough, also when the first request was lost.
func TestPingLater(t *testing.T) {
	inNetwork(t, func(t *testing.T) {
		t.Helper()
		setKernel(t, "icmp_echo_ignore_all", "1")
		conn, err := icmp.ListenPacket("ip4:icmp", "127.0.0.1")
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		go answerSecond(conn)
		took, err := Ping(t.Context(), &control.Ping{}, "127.0.0.1")
		wantSaid(t, err, "")
		if took >= pingInterval {
			t.Errorf("the answer took %v: that is since the first request", took)
		}
	})
}

// answerSecond is a host that loses the first request, and answers with somebody else's data before it answers the second.
func answerSecond(conn *icmp.PacketConn) {
	for buf := make([]byte, 1500); ; {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		m, err := icmp.ParseMessage(icmp4, buf[:n])
		if err != nil || m.Type != ipv4.ICMPTypeEcho {
			continue
		}
		echo, is := m.Body.(*icmp.Echo)
		if !is || echo.Seq == 0 {
			continue
		}
		for _, data := range [][]byte{[]byte("not yours"), echo.Data} {
			answer := icmp.Message{Type: ipv4.ICMPTypeEchoReply, Body: &icmp.Echo{ID: echo.ID, Seq: echo.Seq, Data: data}}
			packet, _ := answer.Marshal(nil)
			_, _ = conn.WriteTo(packet, from)
		}
	}
}

// TestPingForbidden: where neither kind of socket may be opened, nobody was asked, which is no failure of the host.
func TestPingForbidden(t *testing.T) {
	inNetwork(t, func(t *testing.T) {
		t.Helper()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil { // of this thread, which ends
			t.Errorf("giving up root's rights: %v", err)
			return
		}
		if _, err := Ping(t.Context(), &control.Ping{}, "127.0.0.1"); !errors.Is(err, ErrNoICMP) {
			t.Errorf("said %v", err)
		}
	})
}

func TestValidatePing(t *testing.T) {
	for _, p := range []control.Ping{{Size: pingMost + 1}, {Source: "here"}} {
		if ValidatePing(&p) == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
}

func FuzzPingAnswer(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 2, 'a'})
	f.Fuzz(func(_ *testing.T, packet []byte) {
		p := &pinger{protocol: icmp4, reply: ipv4.ICMPTypeEchoReply, data: []byte("a"), to: &net.UDPAddr{}}
		_, _ = p.ours(packet)
	})
}
