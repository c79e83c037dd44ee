package protocols

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // one of MySQL's ways to log in
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"slices"
)

// The ways to log in that are known here.
const (
	nativePassword = "mysql_native_password"
	cachingSHA2    = "caching_sha2_password"
)

const (
	mysqlRounds = 8 // packets of a login; four are usual

	sha2WantsKey  = 0x02 // asks for the server's key
	sha2Known     = 0x03 // the server remembers the user
	sha2WantsFull = 0x04 // the server wants the password itself
)

// lifeOfMySQL are the errors that a stranger gets of a server that serves others: access denied (1044, 1045, 1698), and an old
// client (1251).
var lifeOfMySQL = []uint16{1044, 1045, 1698, 1251}

// logIn answers until the server has taken the user. Alive without an error means that it has not, and serves others.
func (m *mysql) logIn() (alive bool, err error) {
	for range mysqlRounds {
		packet, err := m.readPacket()
		if err != nil {
			return false, err
		}
		switch packet[0] {
		case mysqlOK:
			return false, nil
		case mysqlError:
			if m.t.Username == "" && slices.Contains(lifeOfMySQL, parseMySQLError(packet).number) {
				return true, nil
			}
			return false, m.refusal(packet)
		case mysqlAuthSwitch:
			alive, err = m.changePlugin(packet[1:])
		case mysqlMore:
			err = m.continueSHA2(packet[1:])
		default:
			err = m.stranger(packet)
		}
		if err != nil || alive {
			return alive, err
		}
	}
	return false, tell("%s wants a login without end", m.t)
}

// changePlugin proves the password in the way that this user's account wants it.
func (m *mysql) changePlugin(data []byte) (alive bool, err error) {
	plugin, nonce, _ := bytes.Cut(data, []byte{0})
	m.plugin, m.nonce = string(plugin), bytes.TrimSuffix(nonce, []byte{0})
	proof, known := m.proof()
	switch {
	case !known && m.t.Username == "":
		return true, nil
	case !known:
		return false, tell("%s wants the user %s to log in with %s, which is not done here", m.t, m.t.Username, quote(plugin))
	}
	return false, m.write(proof)
}

// proof is what shows that the password is known, without it; an empty password has an empty proof.
func (m *mysql) proof() (proof []byte, known bool) {
	password := []byte(m.t.Password.Reveal())
	switch {
	case m.plugin == clientEd25519:
		proof, err := proveEd25519(password, m.nonce)
		return proof, err == nil
	case m.plugin != nativePassword && m.plugin != cachingSHA2:
		return nil, false
	case len(password) == 0:
		return nil, true
	case m.plugin == nativePassword:
		return proveNative(password, m.nonce), true
	}
	return proveSHA2(password, m.nonce), true
}

// proveNative is SHA1(password) XOR SHA1(nonce, SHA1(SHA1(password))).
func proveNative(password, nonce []byte) []byte {
	once := sha1.Sum(password)
	twice := sha1.Sum(once[:])
	mask := sha1.Sum(slices.Concat(nonce, twice[:]))
	return xor(once[:], mask[:])
}

// proveSHA2 is SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce).
func proveSHA2(password, nonce []byte) []byte {
	once := sha256.Sum256(password)
	twice := sha256.Sum256(once[:])
	mask := sha256.Sum256(slices.Concat(twice[:], nonce))
	return xor(once[:], mask[:])
}

// xor covers b with mask, again and again where b is longer. An empty mask leaves it as it is.
func xor(b, mask []byte) []byte {
	covered := bytes.Clone(b)
	for i := range covered {
		if len(mask) > 0 {
			covered[i] ^= mask[i%len(mask)]
		}
	}
	return covered
}

// continueSHA2 goes on where the server does not remember the user: over TLS or a Unix socket it gets the password, otherwise the
// password under its own key.
func (m *mysql) continueSHA2(data []byte) error {
	switch {
	case m.plugin != cachingSHA2 || len(data) == 0:
		return m.stranger(data)
	case data[0] == sha2Known:
		return nil // an OK follows
	case data[0] == sha2WantsFull && (m.secure || m.t.UnixSocket != ""):
		return m.write(append([]byte(m.t.Password.Reveal()), 0))
	case data[0] == sha2WantsFull:
		return m.write([]byte{sha2WantsKey})
	}
	return m.sendSealed(data)
}

func (m *mysql) sendSealed(key []byte) error {
	block, _ := pem.Decode(key)
	if block == nil || len(m.nonce) == 0 {
		return m.stranger(key)
	}
	if err := m.judgeKey(key, block.Bytes); err != nil {
		return err
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	public, is := parsed.(*rsa.PublicKey)
	if err != nil || !is {
		return tell("%s sent a key that is not one of RSA", m.t)
	}
	password := append([]byte(m.t.Password.Reveal()), 0)
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, xor(password, m.nonce), nil)
	if err != nil {
		return tell("the key that %s sent cannot be used: %v", m.t, err)
	}
	return m.write(sealed)
}

// judgeKey is `rsakey checksum SUM`: of the key as the server's file has it (md5sum public_key.pem), with its last line's end or
// without, or of what is in that file.
func (m *mysql) judgeKey(text, key []byte) error {
	if m.t.RSAKey == "" {
		return nil
	}
	for _, form := range [][]byte{text, bytes.TrimSpace(text), append(bytes.TrimSpace(text), '\n'), key} {
		if digest(m.t.RSAKey, form) == m.t.RSAKey {
			return nil
		}
	}
	return tell("%s has another RSA key: its checksum is %s, wanted %s", m.t, digest(m.t.RSAKey, text), m.t.RSAKey)
}
