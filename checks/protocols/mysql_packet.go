package protocols

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
)

// Bounds and capabilities.
const (
	mysqlLongest = 16 << 10 // bytes of one packet; a key has 450, an error 512
	mysqlUTF8    = 45       // utf8mb4_general_ci

	mysqlLongPassword = 0x1
	mysqlWithDatabase = 0x8
	mysqlProtocol41   = 0x200
	mysqlTLS          = 0x800
	mysqlTransactions = 0x2000
	mysqlSecure       = 0x8000
	mysqlPluginAuth   = 0x80000
)

// mysql is a conversation with a server.
type mysql struct {
	*talk
	sequence byte   // of the next packet
	plugin   string // how the server wants the user to prove the password
	nonce    []byte // 20 bytes that go into the proof
	secure   bool   // over TLS now
}

// readPacket reads one packet, which is never empty. Its header is looked at before its bytes are taken: what greets with a line of
// text is told apart by it.
func (m *mysql) readPacket() ([]byte, error) {
	header, err := m.r.Peek(4)
	if err != nil {
		said, _ := m.r.Peek(m.r.Buffered())
		if broken(err) && len(said) > 0 {
			return nil, m.stranger(said)
		}
		return nil, err
	}
	size := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if size == 0 || size > mysqlLongest || header[3] != m.sequence && !m.startsWithError() {
		said, _ := m.r.Peek(min(m.r.Buffered(), 64))
		return nil, m.stranger(said)
	}
	m.sequence = header[3] + 1
	if _, err := m.r.Discard(4); err != nil {
		return nil, err
	}
	return m.read(size)
}

// startsWithError: errors may have any number, for the server sends some before it has read what was asked.
func (m *mysql) startsWithError() bool {
	said, err := m.r.Peek(5)
	return err == nil && said[4] == mysqlError
}

func (m *mysql) write(payload []byte) error {
	size := len(payload)
	packet := append([]byte{byte(size), byte(size >> 8), byte(size >> 16), m.sequence}, payload...)
	m.sequence++
	return m.send(string(packet))
}

// mysqlGreeting is what the server says first (protocol version 10).
type mysqlGreeting struct {
	capabilities uint32
	nonce        []byte
	plugin       string
}

func (m *mysql) greeting() (mysqlGreeting, error) {
	packet, err := m.readPacket()
	if err != nil {
		return mysqlGreeting{}, err
	}
	if packet[0] == mysqlError {
		return mysqlGreeting{}, m.refusal(packet)
	}
	greeting, is := parseGreeting(packet)
	if !is {
		return mysqlGreeting{}, m.stranger(packet)
	}
	return greeting, nil
}

// parseGreeting reads: version 10; the server's version up to a zero; 4 bytes connection; 8 bytes nonce; a zero; 2 bytes capabilities;
// charset; 2 bytes status; 2 bytes capabilities; length of the nonce; 10 reserved; 12 bytes nonce; a zero; the plugin up to a zero.
func parseGreeting(packet []byte) (g mysqlGreeting, is bool) {
	_, rest, found := bytes.Cut(packet, []byte{0})
	const fixed = 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10 + 12 + 1
	if packet[0] != 10 || !found || len(rest) < fixed {
		return g, false
	}
	low, high := binary.LittleEndian.Uint16(rest[13:]), binary.LittleEndian.Uint16(rest[18:])
	g.capabilities = uint32(high)<<16 | uint32(low)
	g.nonce = slices.Concat(rest[4:12], rest[31:43])
	plugin, _, _ := bytes.Cut(rest[fixed:], []byte{0})
	g.plugin = string(plugin)
	if g.plugin == "" {
		g.plugin = nativePassword
	}
	return g, g.capabilities&mysqlProtocol41 != 0
}

// startTLS sends the first half of a login, which holds no secret.
func (m *mysql) startTLS(ctx context.Context, g mysqlGreeting) error {
	if g.capabilities&mysqlTLS == 0 {
		return tell("%s does not offer TLS", m.t)
	}
	m.secure = true
	if err := m.write(m.loginHead()); err != nil {
		return err
	}
	return m.upgrade(ctx)
}

// loginHead is: 4 bytes capabilities, 4 bytes longest packet, charset, 23 zeros.
func (m *mysql) loginHead() []byte {
	capabilities := uint32(mysqlLongPassword | mysqlProtocol41 | mysqlTransactions | mysqlSecure | mysqlPluginAuth)
	if m.t.Database != "" {
		capabilities |= mysqlWithDatabase
	}
	if m.secure {
		capabilities |= mysqlTLS
	}
	head := binary.LittleEndian.AppendUint32(nil, capabilities)
	head = binary.LittleEndian.AppendUint32(head, mysqlLongest)
	return append(append(head, mysqlUTF8), make([]byte, 23)...)
}

// login answers the greeting: the head, user, proof, database and plugin. A plugin that is not known here gets an empty proof of the
// usual one; the server then asks for the one it wants.
func (m *mysql) login() []byte {
	proof, known := m.proof()
	if !known {
		m.plugin = nativePassword
		proof, _ = m.proof()
	}
	login := append(m.loginHead(), m.t.Username...)
	login = append(login, 0, byte(len(proof)))
	login = append(login, proof...)
	if m.t.Database != "" {
		login = append(append(login, m.t.Database...), 0)
	}
	return append(append(login, m.plugin...), 0)
}

// mysqlFault is an error of the server.
type mysqlFault struct {
	number  uint16
	message []byte
}

// parseMySQLError reads: 0xff; 2 bytes number; # and 5 bytes SQLSTATE, which early errors lack; the message.
func parseMySQLError(packet []byte) mysqlFault {
	if len(packet) < 3 {
		return mysqlFault{}
	}
	message := packet[3:]
	if len(message) >= 6 && message[0] == '#' {
		message = message[6:]
	}
	return mysqlFault{number: binary.LittleEndian.Uint16(packet[1:]), message: message}
}

func (m *mysql) refusal(packet []byte) error {
	fault := parseMySQLError(packet)
	return tell("%s answered with error %d: %s", m.t, fault.number, quote(fault.message))
}
