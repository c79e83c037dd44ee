package protocols

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5" // RADIUS is made of it
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"

	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Protocol{
		Name:     "radius",
		Doc:      "The far side answers Status-Server (RFC 5997) with a reply that is signed with the secret (testing123 where none is written); with a user name and a password it must accept them (Access-Request, RFC 2865). Both carry a Message-Authenticator. Over UDP.",
		UDP:      true,
		Validate: validateRadius,
		Speak:    speakRadius,
	})
}

// Codes and attributes (RFC 2865, 2866, 2869, 5997).
const (
	accessRequest        = 1
	accessAccept         = 2
	accessReject         = 3
	accountingResponse   = 5
	accessChallenge      = 11
	statusServer         = 12
	userName             = 1
	userPassword         = 2
	nasIdentifier        = 32
	messageAuthenticator = 80

	radiusHeader    = 20
	longestPassword = 128
	usualSecret     = "testing123" // what FreeRADIUS ships for clients on the same machine, and Monit assumes
)

func validateRadius(c *control.Connection) error {
	switch {
	case len(c.Username) > 253:
		return errors.New("a RADIUS user name has at most 253 bytes")
	case len(c.Password) > longestPassword:
		return errors.New("a RADIUS password has at most 128 bytes")
	}
	return nil
}

func speakRadius(ctx context.Context, conn net.Conn, t Target) error {
	secret := []byte(t.Secret.Reveal())
	if len(secret) == 0 {
		secret = []byte(usualSecret)
	}
	request, err := radiusRequest(t, secret)
	if err != nil {
		return err
	}
	return inquire(ctx, conn, request, func(answer []byte) error { return judgeRadius(answer, request, secret, t) })
}

// radiusRequest puts the Message-Authenticator first, as the remedy for CVE-2024-3596 asks.
func radiusRequest(t Target, secret []byte) ([]byte, error) {
	packet := make([]byte, radiusHeader, longestDatagram)
	if _, err := rand.Read(packet[1:radiusHeader]); err != nil {
		return nil, err
	}
	packet[0] = statusServer
	packet = appendAttribute(packet, messageAuthenticator, make([]byte, md5.Size))
	packet = appendAttribute(packet, nasIdentifier, []byte("dialtone"))
	if t.Username != "" {
		packet[0] = accessRequest
		packet = appendAttribute(packet, userName, []byte(t.Username))
		packet = appendAttribute(packet, userPassword, hidePassword([]byte(t.Password.Reveal()), packet[4:radiusHeader], secret))
	}
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	copy(packet[radiusHeader+2:], sign(packet, secret))
	return packet, nil
}

func appendAttribute(packet []byte, kind byte, value []byte) []byte {
	return append(append(packet, kind, byte(2+len(value))), value...)
}

// hidePassword is RFC 2865, 5.2.
func hidePassword(password, authenticator, secret []byte) []byte {
	hidden := make([]byte, max(1, (len(password)+md5.Size-1)/md5.Size)*md5.Size)
	copy(hidden, password)
	for before, i := authenticator, 0; i < len(hidden); i += md5.Size {
		key := md5.Sum(append(bytes.Clone(secret), before...))
		for j := range key {
			hidden[i+j] ^= key[j]
		}
		before = hidden[i : i+md5.Size]
	}
	return hidden
}

// sign computes a Message-Authenticator (RFC 3579, 3.2) of a packet in which it is zero.
func sign(packet, secret []byte) []byte {
	mac := hmac.New(md5.New, secret)
	mac.Write(packet)
	return mac.Sum(nil)
}

func judgeRadius(answer, request, secret []byte, t Target) error {
	length := 0
	if len(answer) >= radiusHeader {
		length = int(binary.BigEndian.Uint16(answer[2:]))
	}
	if length < radiusHeader || length > len(answer) {
		return tell("%s answered %s, which is not RADIUS", t, quote(answer))
	}
	answer = answer[:length] // what follows is padding (RFC 2865, 3)
	if answer[1] != request[1] {
		return notOurs("%s answered a request that was not made (its identifier is not ours)", t)
	}
	if !genuine(answer, request, secret) {
		return notOurs("%s answers with a signature that is wrong: is the secret the same there and here?", t)
	}
	return judgeRadiusCode(answer[0], t)
}

func judgeRadiusCode(code byte, t Target) error {
	switch {
	case code == accessReject && t.Username != "":
		return tell("%s refuses the user %s or the password (Access-Reject)", t, t.Username)
	case code == accessChallenge && t.Username != "":
		return tell("%s wants more of the user %s than a password (Access-Challenge)", t, t.Username)
	case code == accessAccept, code == accountingResponse && t.Username == "":
		return nil
	}
	return tell("%s answered with code %d", t, code)
}

// genuine checks the response authenticator (RFC 2865, 3) and, where there is one, the Message-Authenticator.
func genuine(answer, request, secret []byte) bool {
	signed := append(bytes.Clone(answer), secret...)
	copy(signed[4:radiusHeader], request[4:radiusHeader])
	sum := md5.Sum(signed)
	if !hmac.Equal(sum[:], answer[4:radiusHeader]) {
		return false
	}
	signed = signed[:len(answer)]
	for at := radiusHeader; at < len(answer); {
		if at+2 > len(answer) || answer[at+1] < 2 || at+int(answer[at+1]) > len(answer) {
			return false
		}
		value := answer[at+2 : at+int(answer[at+1])]
		if answer[at] == messageAuthenticator {
			clear(signed[at+2 : at+2+len(value)])
			return hmac.Equal(value, sign(signed, secret))
		}
		at += int(answer[at+1])
	}
	return true
}
