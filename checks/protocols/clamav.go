package protocols

import (
	"context"
	"net"
)

func init() {
	register(Protocol{
		Name: "clamav", Speak: speakClamAV,
		Doc: "The virus scanner's daemon answers PING with PONG (clamd(8)).",
	})
}

func speakClamAV(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "ClamAV")
	if err := k.send("nPING\n"); err != nil { // n: the command ends with a line feed, and so does the answer
		return err
	}
	line, err := k.readLine()
	if err == nil && line != "PONG" {
		return k.stranger([]byte(line))
	}
	return err
}
