package protocols

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

func init() {
	register(Protocol{
		Name:   "default",
		Doc:    "The far side accepts the connection; nothing is said. Over UDP it must not report the port as closed.",
		UDPToo: true,
		Speak:  speakDefault,
	})
}

// udpPatience is how long a closed UDP port has to say so; an open one that has nothing to say stays silent.
const udpPatience = 500 * time.Millisecond

// speakDefault is content with a connection. A UDP port has none: an empty datagram makes a closed one answer with "port
// unreachable" (ICMP, RFC 792), and harms no server.
func speakDefault(_ context.Context, conn net.Conn, t Target) error {
	if t.network != "udp" {
		return nil
	}
	if _, err := conn.Write(nil); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(min(udpPatience, t.timeout))); err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 1)); errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return nil
}
