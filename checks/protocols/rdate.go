package protocols

import (
	"context"
	"encoding/binary"
	"net"
	"time"
)

func init() {
	register(Protocol{
		Name: "rdate", UDPToo: true, Speak: speakRdate,
		Doc: "A time server sends the time as four bytes, within a day of this machine's own (RFC 868).",
	})
}

// rdateEpoch is from 1900 to 1970 in seconds.
const rdateEpoch = 2208988800

// rdateTolerance tells a clock from noise; how well clocks agree is not this test's matter.
const rdateTolerance = 24 * time.Hour

func speakRdate(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "the time protocol")
	if t.network == "udp" {
		if err := k.send(""); err != nil { // an empty datagram is the question
			return err
		}
	}
	bytes, err := k.read(4)
	if err != nil {
		return err
	}
	if more := k.r.Buffered(); more > 0 {
		said, _ := k.r.Peek(more)
		return k.stranger(append(bytes, said...))
	}
	now := time.Now()
	ours := uint32(now.Unix() + rdateEpoch)                                        //nolint:gosec // it wraps in 2036, as theirs does
	off := time.Duration(int32(binary.BigEndian.Uint32(bytes)-ours)) * time.Second //nolint:gosec // the way that is shorter
	if off.Abs() > rdateTolerance {
		return tell("%s says it is %s, which is not within a day of this machine's clock", t, now.Add(off).UTC().Format(time.DateTime))
	}
	return nil
}
