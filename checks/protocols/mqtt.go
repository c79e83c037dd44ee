package protocols

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"net"
	"strconv"

	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Protocol{
		Name:     "mqtt",
		Doc:      "The far side accepts a client of MQTT 3.1.1, with the user and the password where they are written, and answers its ping. Without a user, \"not authorized\" is a sign of life.",
		Validate: validateMQTT,
		Speak:    speakMQTT,
	})
}

// Control packets (MQTT 3.1.1, 2.2) and flags of CONNECT (3.1.2.3).
const (
	mqttConnect      = 0x10
	mqttConnack      = 0x20
	mqttPing         = 0xc0
	mqttPong         = 0xd0
	mqttDisconnect   = 0xe0
	mqttCleanSession = 0x02
	mqttPassword     = 0x40
	mqttUser         = 0x80
	mqttKeepAlive    = 60 // seconds; longer than any test
)

func validateMQTT(c *control.Connection) error {
	switch {
	case len(c.Username) > math.MaxUint16 || len(c.Password) > math.MaxUint16:
		return errors.New("user name and password of mqtt have at most 65535 bytes")
	case c.Password != "" && c.Username == "":
		return errors.New("mqtt 3.1.1 knows no password without a user name")
	}
	return nil
}

func speakMQTT(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "MQTT")
	if err := k.send(string(connectMQTT(t))); err != nil {
		return err
	}
	accepted, err := readConnack(k)
	if err != nil || !accepted {
		return err
	}
	if err := k.send(string([]byte{mqttPing, 0})); err != nil {
		return err
	}
	pong, err := k.read(2)
	if err != nil {
		return err
	}
	if pong[0] != mqttPong || pong[1] != 0 {
		return k.stranger(pong)
	}
	_ = k.send(string([]byte{mqttDisconnect, 0}))
	return nil
}

// connectMQTT builds CONNECT. The client's name is a new one each time: a broker ends the session of another client of that name.
func connectMQTT(t Target) []byte {
	var flags byte = mqttCleanSession
	payload := appendMQTT(nil, "dialtone"+strconv.FormatUint(rand.Uint64()%1e15, 36))
	if t.Username != "" {
		flags |= mqttUser
		payload = appendMQTT(payload, t.Username)
	}
	if t.Password != "" {
		flags |= mqttPassword
		payload = appendMQTT(payload, t.Password.Reveal())
	}
	body := append(appendMQTT(nil, "MQTT"), 4, flags, 0, mqttKeepAlive)
	body = append(body, payload...)
	return append(binary.AppendUvarint([]byte{mqttConnect}, uint64(len(body))), body...) // remaining length is coded as a varint (2.2.3)
}

func appendMQTT(b []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(text))), text...)
}

// readConnack reads the answer to CONNECT: accepted, or refused in a way that is a sign of life.
func readConnack(k *talk) (accepted bool, err error) {
	first, err := k.read(1)
	if err != nil {
		return false, err
	}
	if first[0] != mqttConnack {
		return false, k.stranger(first)
	}
	rest, err := k.read(3)
	if err != nil {
		return false, err
	}
	if rest[0] != 2 || rest[1] > 1 {
		return false, k.stranger(append(first, rest...))
	}
	return judgeConnack(k, rest[2])
}

func judgeConnack(k *talk, code byte) (accepted bool, err error) {
	switch {
	case code == 0:
		return true, nil
	case (code == 4 || code == 5) && k.t.Username == "":
		return false, nil
	case code == 4 || code == 5:
		return false, tell("%s refuses the user %s or the password (return code %d)", k.t, k.t.Username, code)
	case code == 1:
		return false, tell("%s does not speak MQTT 3.1.1 (return code 1)", k.t)
	case code == 3:
		return false, tell("%s says that its service is unavailable (return code 3)", k.t)
	}
	return false, tell("%s refuses the connection (return code %d)", k.t, code)
}
