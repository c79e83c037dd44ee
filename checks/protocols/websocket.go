package protocols

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what RFC 6455 asks for
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Protocol{
		Name: "websocket",
		Doc: "The far side opens a WebSocket: it answers 101 with the key that only a WebSocket server makes of ours (RFC 6455), and is told goodbye. " +
			"request, host, origin and version stand in the handshake, and http headers where a server wants a subprotocol.",
		Validate: validateWebSocket,
		Speak:    speakWebSocket,
	})
}

const (
	webSocketVersion = 13
	webSocketGUID    = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455, section 1.3
)

func validateWebSocket(c *control.Connection) error {
	switch {
	case c.HTTP.Method != "" && c.HTTP.Method != http.MethodGet:
		return errors.New("a WebSocket opens with method get")
	case strings.ContainsAny(c.HTTP.Origin, "\r\n\x00"):
		return fmt.Errorf("origin %q cannot be sent", c.HTTP.Origin)
	}
	return validateHTTP(c)
}

func speakWebSocket(ctx context.Context, conn net.Conn, t Target) error {
	req, err := request(ctx, t)
	if err != nil {
		return tell("the request to %s cannot be written: %v", t, err)
	}
	key, err := webSocketKey()
	if err != nil {
		return err
	}
	req.Close = false // its Connection header is for the upgrade
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	req.Header.Set("Sec-WebSocket-Key", key)
	req.Header.Set("Sec-WebSocket-Version", strconv.Itoa(cmp.Or(t.HTTP.Version, webSocketVersion)))
	if t.HTTP.Origin != "" {
		req.Header.Set("Origin", t.HTTP.Origin)
	}
	answer, err := exchange(conn, req, t)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if err := judgeUpgrade(answer, key, t); err != nil {
		return err
	}
	_, _ = conn.Write(goodbye()) // the handshake was the proof; a server that hangs up first is as well
	return nil
}

// judgeUpgrade is RFC 6455, section 4.1: what a client must check.
func judgeUpgrade(answer *http.Response, key string, t Target) error {
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return tell("%s answered HTTP status %s to %s instead of a WebSocket", t, quote([]byte(answer.Status)), answer.Request.URL.Path)
	}
	if !token(answer.Header, "Upgrade", "websocket") || !token(answer.Header, "Connection", "upgrade") {
		return tell("%s switches to %s, which is not a WebSocket", t, quote([]byte(answer.Header.Get("Upgrade"))))
	}
	if got := answer.Header.Get("Sec-WebSocket-Accept"); got != webSocketAccept(key) {
		return tell("%s answered with the key %s, which is not made of ours: a cache or proxy answers in its place", t, quote([]byte(got)))
	}
	return nil
}

// token says whether a header's comma-separated list holds a word, in any case.
func token(h http.Header, name, word string) bool {
	return slices.ContainsFunc(strings.Split(strings.Join(h.Values(name), ","), ","), func(s string) bool {
		return strings.EqualFold(strings.TrimSpace(s), word)
	})
}

func webSocketKey() (string, error) {
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("making a key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(nonce), nil
}

func webSocketAccept(key string) string {
	sum := sha1.Sum([]byte(key + webSocketGUID)) //nolint:gosec // as above
	return base64.StdEncoding.EncodeToString(sum[:])
}

// goodbye is a close frame with status 1000, a normal end. A client's frames are masked: section 5.3.
func goodbye() []byte {
	const final, closing, masked = 0x80, 0x8, 0x80
	mask := make([]byte, 4)
	_, _ = rand.Read(mask)
	status := []byte{1000 >> 8, 1000 & 0xff}
	return append([]byte{final | closing, masked | byte(len(status))}, append(mask, status[0]^mask[0], status[1]^mask[1])...)
}
