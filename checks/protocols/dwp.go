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
		Doc: "A server of the Database Wire Protocol answers HEAD / with a status below 400. It is a relative of HTTP that Monit has words for;" +
			" no packaged server speaks it.",
	})
}

var dwpStatus = regexp.MustCompile(`^DWP/\d+\.\d+ (\d{3})( |$)`)

func speakDWP(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "DWP")
	if err := k.send("HEAD / DWP/1.1\r\n\r\n"); err != nil {
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
