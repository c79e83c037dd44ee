package protocols

import (
	"context"
	"net"
	"strings"
)

func init() {
	register(Protocol{
		Name: "rsync", Speak: speakRsync,
		Doc: "An rsync daemon greets with @RSYNCD: and its version, takes ours, and lists its modules up to @RSYNCD: EXIT" +
			" (rsyncd's protocol 31). No file is transferred.",
	})
}

const (
	rsyncGreeting = "@RSYNCD: "
	// rsyncVersion is the newest that needs no list of checksums; a daemon of another speaks the older of the two.
	rsyncVersion = "31.0"
)

func speakRsync(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "rsync")
	if _, err := k.expect(rsyncGreeting); err != nil {
		return err
	}
	if err := k.send(rsyncGreeting + rsyncVersion + "\n#list\n"); err != nil {
		return err
	}
	for range mostLines {
		line, err := k.readLine()
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(line, "@ERROR"):
			return k.refused("#list", line)
		case line == rsyncGreeting+"EXIT":
			return nil
		}
	}
	return tell("%s lists modules without end", t)
}
