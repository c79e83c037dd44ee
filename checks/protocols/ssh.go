package protocols

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
)

func init() {
	register(Protocol{
		Name: "ssh", Speak: speakSSH,
		Doc: "A secure shell server greets with its version, SSH-2.0 or SSH-1.99, takes ours and offers its keys (SSH_MSG_KEXINIT;" +
			" RFC 4253 sections 4.2 and 7.1). It ends with SSH_MSG_DISCONNECT, before anything is encrypted.",
	})
}

// Numbers of RFC 4253: messages of section 12, bounds of sections 4.2 and 6.1.
const (
	sshDisconnect    = 1
	sshKexinit       = 20
	sshByApplication = 11
	sshMostBefore    = 50 // lines of text before the version; the RFC names no bound
	sshMostPacket    = 35000
)

func speakSSH(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "SSH")
	if err := versionOfSSH(k); err != nil {
		return err
	}
	if err := k.send("SSH-2.0-dialtone\r\n"); err != nil {
		return err
	}
	if err := keysOfSSH(k); err != nil {
		return err
	}
	_ = k.send(string(disconnectSSH("done")))
	return nil
}

// versionOfSSH reads the server's version. A server may write lines before it, and one that is busy writes nothing else.
func versionOfSSH(k *talk) error {
	first := ""
	for range sshMostBefore {
		line, err := k.readLine()
		switch {
		case err != nil && first != "" && broken(err):
			return k.stranger([]byte(first))
		case err != nil:
			return err
		case strings.HasPrefix(line, "SSH-2.0-"), strings.HasPrefix(line, "SSH-1.99-"):
			return nil
		case strings.HasPrefix(line, "SSH-"):
			return tell("%s speaks an old SSH, %s: wanted 2.0", k.t, quote([]byte(line)))
		}
		first += line
	}
	return k.stranger([]byte(first))
}

// keysOfSSH reads the first packet: length, length of padding, message.
func keysOfSSH(k *talk) error {
	head, err := k.read(6)
	if err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(head)
	if length < 2 || length > sshMostPacket || head[5] != sshKexinit {
		return k.refused("our SSH version", string(head))
	}
	_, err = k.read(int(length) - 2)
	return err
}

// disconnectSSH is a packet without encryption that ends a session (RFC 4253 sections 6 and 11.1).
func disconnectSSH(why string) []byte {
	payload := []byte{sshDisconnect}
	payload = binary.BigEndian.AppendUint32(payload, sshByApplication)
	payload = binary.BigEndian.AppendUint32(payload, uint32(len(why))) //nolint:gosec // a few letters
	payload = append(payload, why...)
	payload = binary.BigEndian.AppendUint32(payload, 0) // language tag
	const block, least = 8, 4
	padding := block - (5+len(payload))%block
	if padding < least {
		padding += block
	}
	packet := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding)) //nolint:gosec // a few letters
	packet = append(packet, byte(padding))
	return append(append(packet, payload...), make([]byte, padding)...)
}
