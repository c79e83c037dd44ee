package protocols

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
)

func init() {
	register(Protocol{
		Name:  "memcache",
		Doc:   "The far side tells its version, in memcached's text protocol or, when it closes the connection at that, in the binary one. That it wants a login first is a sign of life too.",
		Speak: speakMemcache,
	})
}

// askedThrice is longer than a header of the binary protocol: a server that speaks nothing else waits for that many bytes before it
// closes the connection at them.
const askedThrice = "version\r\nversion\r\nversion\r\n"

func speakMemcache(ctx context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "memcached")
	if err := k.send(askedThrice); err != nil {
		return err
	}
	line, err := k.readLine()
	switch {
	case broken(err):
		return speakBinaryMemcache(ctx, t)
	case err != nil:
		return err
	case strings.HasPrefix(line, "VERSION "), line == "CLIENT_ERROR unauthenticated":
		_ = k.send("quit\r\n")
		return nil
	case strings.Contains(line, "ERROR"):
		return k.refused("version", line)
	}
	return k.stranger([]byte(line))
}

// A header of the binary protocol: magic, opcode, 2 bytes key length, extras length, data type, 2 bytes status, 4 bytes body length,
// 4 bytes opaque, 8 bytes CAS.
const (
	memcacheHeader   = 24
	memcacheRequest  = 0x80
	memcacheResponse = 0x81
	memcacheVersion  = 0x0b
	memcacheQuit     = 0x17 // without an answer
	memcacheOK       = 0x00
	memcacheNoAuth   = 0x20
	memcacheOpaque   = 0x64746f6e
)

// speakBinaryMemcache is for servers that log their users in with SASL, which speak nothing else.
func speakBinaryMemcache(ctx context.Context, t Target) error {
	conn, end, err := redial(ctx, t)
	if err != nil {
		return err
	}
	defer end()
	k := converse(conn, t, "memcached")
	request := make([]byte, memcacheHeader)
	request[0], request[1] = memcacheRequest, memcacheVersion
	binary.BigEndian.PutUint32(request[12:], memcacheOpaque)
	if err := k.send(string(request)); err != nil {
		return err
	}
	answer, err := k.read(memcacheHeader)
	if err != nil {
		return err
	}
	if err := judgeBinaryMemcache(k, answer); err != nil {
		return err
	}
	request[1] = memcacheQuit
	_ = k.send(string(request))
	return nil
}

func judgeBinaryMemcache(k *talk, answer []byte) error {
	if answer[0] != memcacheResponse || answer[1] != memcacheVersion || binary.BigEndian.Uint32(answer[12:]) != memcacheOpaque {
		return k.stranger(answer)
	}
	switch status := binary.BigEndian.Uint16(answer[6:]); status {
	case memcacheOK, memcacheNoAuth:
		return nil
	default:
		return tell("%s answered with status 0x%02x", k.t, status)
	}
}
