package protocols

import (
	"context"
	"fmt"
	"net"

	"github.com/dialtone/dialtone/control"
)

func init() {
	const doc = "MySQL or MariaDB lets the user log in (mysql_native_password, caching_sha2_password or ed25519) and answers a ping. Without a user, that it denies access is a sign of life; a server that has blocked this machine or is full fails."
	register(Protocol{
		Name:      "mysql",
		Doc:       doc + " TLS begins after the greeting.",
		TLSWithin: true,
		Validate:  validateMySQL,
		Speak: func(ctx context.Context, conn net.Conn, t Target) error {
			return speakMySQL(ctx, conn, t, t.TLS != nil)
		},
	})
	register(Protocol{
		Name:      "mysqls",
		Doc:       doc + " It must offer TLS, which begins after the greeting.",
		TLS:       true,
		TLSWithin: true,
		Validate:  validateMySQL,
		Speak:     func(ctx context.Context, conn net.Conn, t Target) error { return speakMySQL(ctx, conn, t, true) },
	})
}

func validateMySQL(c *control.Connection) error {
	if c.RSAKey != "" && hashOf(c.RSAKey) == nil {
		return fmt.Errorf("rsakey checksum %q is none of MD5, SHA-1 and SHA-256 (32, 40 or 64 hexadecimal digits)", c.RSAKey)
	}
	return nil
}

// Commands and the first bytes of answers (MySQL's source documentation, "Client/Server Protocol").
const (
	mysqlQuit       = 0x01
	mysqlPing       = 0x0e
	mysqlOK         = 0x00
	mysqlMore       = 0x01
	mysqlAuthSwitch = 0xfe
	mysqlError      = 0xff
)

func speakMySQL(ctx context.Context, conn net.Conn, t Target, secure bool) error {
	m := &mysql{talk: converse(conn, t, "MySQL")}
	greeting, err := m.greeting()
	if err != nil {
		return err
	}
	m.plugin, m.nonce = greeting.plugin, greeting.nonce
	if secure {
		if err := m.startTLS(ctx, greeting); err != nil {
			return err
		}
	}
	if err := m.write(m.login()); err != nil {
		return err
	}
	alive, err := m.logIn()
	if err != nil || alive {
		return err
	}
	return m.ping()
}

// ping asks the server that now serves the user, and leaves.
func (m *mysql) ping() error {
	m.sequence = 0
	if err := m.write([]byte{mysqlPing}); err != nil {
		return err
	}
	answer, err := m.readPacket()
	if err != nil {
		return err
	}
	if answer[0] != mysqlOK {
		return tell("%s answered %s to a ping", m.t, quote(answer))
	}
	m.sequence = 0
	_ = m.write([]byte{mysqlQuit})
	return nil
}
