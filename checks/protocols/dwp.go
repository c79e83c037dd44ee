package protocols

import (
	"context"
	"net"
	"regexp"
	"strconv"
)

func init() {
	register(Protocol{
		Name: "dwp", Speak: speakDWP,
		Doc: "A server of the Database Wire Protocol answers HEAD / with a status below 400, after DWP or HTTP and a version. It is a relative of" +
			" HTTP that was never published; the request is the one that Monit makes.",
	})
}

// What is said, recorded from Monit 5.33, and the answer.
const dwpRequest = "HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n"

var dwpStatus = regexp.MustCompile(`^(?:DWP|HTTP)/\d+\.\d+ (\d{3})( |$)`)

func speakDWP(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "DWP")
	if err := k.send(dwpRequest); err != nil {
		return err
	}
	line, err := k.readLine()
	if err != nil {
		return err
	}
	parts := dwpStatus.FindStringSubmatch(line)
	if parts == nil {
		return k.stranger([]byte(line))
	}
	if status, _ := strconv.Atoi(parts[1]); status >= 400 {
		return k.refused("HEAD /", line)
	}
	return nil
}
