package protocols

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // one of MySQL's ways to log in
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestMySQL asks a real MariaDB.
func TestMySQL(t *testing.T) {
	t.Parallel()
	port, pair := mariadb(t)
	desk := control.Connection{Username: "desk", Password: "two words", Database: "mysql"}
	fourCases(t, withProtocol(desk, "mysql"), func(_ *testing.T, c *control.Connection) { c.Port = port })
	t.Run("mysqls", func(t *testing.T) {
		secure := withProtocol(desk, "mysqls")
		secure.Port, secure.TLS = port, &control.TLS{CAFile: pair.CertFile}
		wantSaid(t, try1(t, &secure), "")
		secure.TLS = nil
		wantSaid(t, try1(t, &secure), "is not valid")
	})
	for name, test := range map[string]struct {
		c    control.Connection
		want string
	}{
		"nobody":                   {},
		"nobody, TLS":              {c: control.Connection{TLS: &control.TLS{CAFile: pair.CertFile}}},
		"another password":         {c: control.Connection{Username: "desk", Password: "guess"}, want: `answered with error 1045: "Access denied for user 'desk'@`},
		"TLS on":                   {c: control.Connection{Username: "desk", Password: "two words", TLS: &control.TLS{On: true, CAFile: pair.CertFile}}},
		"a user without password":  {c: control.Connection{Username: "open"}},
		"Ed25519":                  {c: control.Connection{Username: "edward", Password: "two words"}},
		"Ed25519, another":         {c: control.Connection{Username: "edward", Password: "guess"}, want: "error 1045"},
		"no such database":         {c: control.Connection{Username: "desk", Password: "two words", Database: "nowhere"}, want: "error 1049"},
		"a user who must have TLS": {c: control.Connection{Username: "secret", Password: "two words"}, want: "error 1045"},
	} {
		t.Run(name, func(t *testing.T) {
			test.c.Protocol, test.c.Port, test.c.Timeout = "mysql", port, 20*time.Second
			wantSaid(t, try1(t, &test.c), test.want)
		})
	}
}

func withProtocol(c control.Connection, name string) control.Connection {
	c.Protocol = name
	return c
}

// mariadb starts a server with users of several kinds. What it knows at first is made by its own bootstrap.
func mariadb(t *testing.T) (port int, pair testkit.KeyPair) {
	t.Helper()
	bin, dir := testkit.Program(t, "mariadb", "mariadbd"), t.TempDir()
	port, pair = testkit.FreePort(t), testkit.Certificate(t)
	share, data := filepath.Join(bin.Root, "usr/share/mysql"), filepath.Join(dir, "data")
	common := []string{
		"--no-defaults", "--datadir=" + data, "--lc-messages-dir=" + share, "--character-sets-dir=" + filepath.Join(share, "charsets"),
		"--plugin-dir=" + filepath.Join(bin.Root, "usr/lib/mysql/plugin"), "--tmpdir=" + dir, "--innodb-buffer-pool-size=8M",
		"--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=0", "--innodb-use-native-aio=0", "--aria-pagecache-buffer-size=1M", "--key-buffer-size=1M", "--performance-schema=off",
	}
	if os.Geteuid() == 0 {
		common = append(common, "--user=root")
	}
	writeText(t, filepath.Join(data, "mysql", "db.opt"), "")
	bootstrap := bin.Spec(append(common, "--bootstrap", "--plugin-load-add=auth_ed25519")...)
	bootstrap.Input = "use mysql;\nset @auth_root_socket=NULL;\n"
	for _, name := range []string{"mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql"} {
		text, err := os.ReadFile(filepath.Join(share, name))
		if err != nil {
			t.Fatal(err)
		}
		bootstrap.Input += string(text) + "\n"
	}
	run(t, bootstrap)
	users := filepath.Join(dir, "users.sql")
	writeText(t, users, "CREATE USER desk@'127.0.0.1' IDENTIFIED BY 'two words';\nGRANT SELECT ON *.* TO desk@'127.0.0.1';\nCREATE USER open@'127.0.0.1';\n"+
		"CREATE USER edward@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('two words');\nCREATE USER secret@'127.0.0.1' IDENTIFIED BY 'two words' REQUIRE SSL;\n")
	testkit.Serve(t, loopback(port), bin, append(common, "--bind-address=127.0.0.1", "--port="+strconv.Itoa(port), "--socket="+filepath.Join(dir, "s"),
		"--skip-name-resolve", "--plugin-load-add=auth_ed25519", "--init-file="+users, "--ssl-cert="+pair.CertFile, "--ssl-key="+pair.KeyFile)...)
	return port, pair
}

// TestMySQLProofs checks the proofs against those that other clients make of the same nonce and password.
func TestMySQLProofs(t *testing.T) {
	nonce := []byte{90, 105, 74, 126, 30, 48, 37, 56, 3, 23, 115, 127, 69, 22, 41, 84, 32, 123, 43, 118}
	if got, want := hex.EncodeToString(proveSHA2([]byte("secret"), nonce)), "66200523"+"8fa18cf1abe8388b2b0e6bc4f9aa933cdccc78b2d60fb8961a3d39eb"; got != want {
		t.Errorf("caching_sha2_password: %s, wanted %s", got, want)
	}
}

// greetingOf builds a greeting of MySQL 8.
func greetingOf(plugin string, nonce []byte) []byte {
	packet := append([]byte{10}, "8.0.36\x00\x0b\x00\x00\x00"...)
	packet = append(packet, nonce[:8]...)
	packet = append(packet, 0, 0xff, 0xff, 0xff, 2, 0, 0xff, 0xdf, 21)
	packet = append(packet, make([]byte, 10)...)
	packet = append(packet, nonce[8:20]...)
	return append(append(packet, 0), plugin+"\x00"...)
}

func framed(sequence byte, payload []byte) []byte {
	return append([]byte{byte(len(payload)), byte(len(payload) >> 8), 0, sequence}, payload...)
}

func mysqlErrorPacket(number int, text string) []byte {
	return append([]byte{0xff, byte(number), byte(number >> 8)}, text...)
}

// TestMySQLAnswers judges what servers say that serve nobody, and what none says.
func TestMySQLAnswers(t *testing.T) {
	t.Parallel()
	greeting := framed(0, greetingOf(nativePassword, []byte("abcdefghijklmnopqrst")))
	oldClient := bytes.Replace(greeting, []byte{0xff, 0xff, 0xff}, []byte{0xff, 0xfd, 0xff}, 1)
	for name, test := range map[string]struct {
		greeting, answer []byte
		user, want       string
	}{
		"full":                 {greeting: framed(0, mysqlErrorPacket(1040, "Too many connections")), want: `error 1040: "Too many connections"`},
		"blocked":              {greeting: framed(0, mysqlErrorPacket(1129, "Host 'a' is blocked")), want: "error 1129"},
		"not allowed":          {greeting: framed(0, mysqlErrorPacket(1130, "Host 'a' is not allowed to connect")), want: "error 1130"},
		"denied":               {greeting: greeting, answer: framed(2, mysqlErrorPacket(1045, "#28000Access denied"))},
		"denied, a user":       {greeting: greeting, answer: framed(2, mysqlErrorPacket(1045, "#28000Access denied")), user: "desk", want: `error 1045: "Access denied"`},
		"full after the login": {greeting: greeting, answer: framed(2, mysqlErrorPacket(1040, "#08004Too many connections")), want: "error 1040"},
		"another plugin":       {greeting: greeting, answer: framed(2, []byte("\xfeauth_gssapi\x00x")), user: "desk", want: `with "auth_gssapi", which is not done here`},
		"another plugin, all":  {greeting: greeting, answer: framed(2, []byte("\xfeauth_gssapi\x00x"))},
		"another sequence":     {greeting: greeting, answer: framed(9, []byte{0}), want: "is not MySQL"},
		"an old protocol":      {greeting: oldClient, want: "is not MySQL"},
		"a short greeting":     {greeting: framed(0, greeting[4:30]), want: "is not MySQL"},
		"a key too early":      {greeting: greeting, answer: framed(2, []byte("\x01----")), want: "is not MySQL"},
		"an empty packet":      {greeting: []byte{0, 0, 0, 0}, want: "is not MySQL"},
		"a banner":             {greeting: []byte("SSH-2.0-OpenSSH_9.2p1\r\n"), want: `answered "SSH-2.0-OpenSSH_9.2p1\r\n", which is not MySQL`},
	} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(conn net.Conn) {
				_, _ = conn.Write(test.greeting)
				_, _ = conn.Read(make([]byte, 512))
				_, _ = conn.Write(test.answer)
				silence(conn)
			})
			c := &control.Connection{Protocol: "mysql", Port: port, Username: test.user, Password: "s3cret", Timeout: 20 * time.Second}
			wantSaid(t, try1(t, c), test.want)
		})
	}
	t.Run("no TLS", func(t *testing.T) {
		bare := bytes.Replace(greeting, []byte{0xff, 0xff, 0xff}, []byte{0xff, 0xf7, 0xff}, 1)
		port := serve(t, func(conn net.Conn) { _, _ = conn.Write(bare); silence(conn) })
		wantSaid(t, try1(t, &control.Connection{Protocol: "mysqls", Port: port, Timeout: 20 * time.Second}), "does not offer TLS")
	})
}

// sha2Server logs one user in as MySQL 8 does, which Debian has not: with a fast proof, or with the password under its key.
type sha2Server struct {
	key   *rsa.PrivateKey
	nonce []byte
	full  bool
}

func (s sha2Server) talk(conn net.Conn) {
	_, _ = conn.Write(framed(0, greetingOf(cachingSHA2, s.nonce)))
	login := readFrame(conn)
	proof := proveSHA2([]byte("two words"), s.nonce)
	if !bytes.Contains(login, append([]byte("desk\x00\x20"), proof...)) {
		_, _ = conn.Write(framed(2, mysqlErrorPacket(1045, "#28000Access denied")))
		return
	}
	sequence := byte(2)
	if s.full {
		_, _ = conn.Write(framed(2, []byte{1, 4}))
		sequence = s.readSealed(conn)
	} else {
		_, _ = conn.Write(framed(2, []byte{1, 3}))
		sequence++
	}
	if sequence == 0 {
		_, _ = conn.Write(framed(6, mysqlErrorPacket(1045, "#28000Access denied")))
		return
	}
	_, _ = conn.Write(framed(sequence, []byte{0, 0, 0, 2, 0, 0, 0}))
	if string(readFrame(conn)) == "\x0e" {
		_, _ = conn.Write(framed(1, []byte{0, 0, 0, 2, 0, 0, 0}))
	}
	silence(conn)
}

// pkix is what a file of a public key holds; a key that cannot be written down is no key.
func pkix(key *rsa.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil
	}
	return der
}

func publicKey(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix(&key.PublicKey)})
}

// readSealed returns the number of the next packet, or 0 for another password.
func (s sha2Server) readSealed(conn net.Conn) byte {
	if string(readFrame(conn)) != "\x02" {
		return 0
	}
	_, _ = conn.Write(framed(4, append([]byte{1}, publicKey(s.key)...)))
	covered, err := rsa.DecryptOAEP(sha1.New(), nil, s.key, readFrame(conn), nil)
	if err != nil || string(xor(covered, s.nonce)) != "two words\x00" {
		return 0
	}
	return 6
}

func readFrame(conn net.Conn) []byte {
	header := make([]byte, 4)
	if _, err := io.ReadFull(conn, header); err != nil {
		return nil
	}
	payload := make([]byte, int(header[0])|int(header[1])<<8)
	_, _ = io.ReadFull(conn, payload)
	return payload
}

func TestMySQLCachingSHA2(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, full := range []bool{false, true} {
		t.Run(fmt.Sprintf("full %v", full), func(t *testing.T) {
			server := sha2Server{key: key, nonce: []byte("abcdefghijklmnopqrst"), full: full}
			port := serve(t, server.talk)
			c := &control.Connection{Protocol: "mysql", Port: port, Username: "desk", Password: "two words", Timeout: 20 * time.Second}
			wantSaid(t, try1(t, c), "")
			c.Password = "guess"
			wantSaid(t, try1(t, c), "error 1045")
		})
	}
	for name, test := range map[string]struct{ sum, want string }{
		"the file":    {sum: fmt.Sprintf("%x", md5.Sum(publicKey(key)))},
		"its content": {sum: fmt.Sprintf("%x", sha256.Sum256(pkix(&key.PublicKey)))},
		"another key": {sum: strings.Repeat("0", 40), want: "has another RSA key: its checksum is"},
	} {
		t.Run(name, func(t *testing.T) {
			server := sha2Server{key: key, nonce: []byte("abcdefghijklmnopqrst"), full: true}
			c := &control.Connection{Protocol: "mysql", Port: serve(t, server.talk), Username: "desk", Password: "two words", RSAKey: test.sum, Timeout: 20 * time.Second}
			wantSaid(t, try1(t, c), test.want)
		})
	}
}

func FuzzMySQLAnswer(f *testing.F) {
	greeting := framed(0, greetingOf(cachingSHA2, []byte("abcdefghijklmnopqrst")))
	f.Add(string(greeting), string(framed(2, []byte{1, 4})))
	f.Add(string(greeting), string(framed(2, []byte("\xfemysql_native_password\x00abcdefghijklmnopqrst\x00"))))
	f.Add(string(greeting), string(framed(2, []byte{0}))+string(framed(1, []byte{0})))
	f.Add(string(framed(0, mysqlErrorPacket(1040, "Too many connections"))), "")
	f.Fuzz(func(t *testing.T, greeting, answer string) {
		near, far := net.Pipe()
		go func() {
			go silence(far)
			_, _ = io.Copy(far, strings.NewReader(greeting+answer))
			_ = far.Close()
		}()
		err := speakMySQL(t.Context(), near, fuzzTarget, false)
		_ = near.Close()
		if least := 60; err == nil && len(greeting+answer) < least {
			t.Errorf("%q is taken for a login", greeting+answer)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") && !strings.Contains(greeting+answer, "s3cret") {
			t.Errorf("the password is printed: %v", err)
		}
	})
}

func TestMySQLValidate(t *testing.T) {
	err := Validate(&control.Connection{Protocol: "mysql", Port: 3306, RSAKey: "guess"})
	wantSaid(t, err, `rsakey checksum "guess" is none of MD5, SHA-1 and SHA-256`)
}
