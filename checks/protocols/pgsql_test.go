package protocols

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
	"github.com/jackc/pgx/v5/pgproto3"
)

// TestPostgres asks a real server, whose users log in in every way that it knows.
func TestPostgres(t *testing.T) {
	t.Parallel()
	server := postgresql(t)
	fourCases(t, control.Connection{Protocol: "pgsql", Username: "scram", Password: "pässword 1", Database: "postgres"}, func(_ *testing.T, c *control.Connection) {
		c.Port = server.port
	})
	verified := &control.TLS{CAFile: server.certificate.CertFile}
	for name, test := range map[string]struct {
		c    control.Connection
		want string
	}{
		"nobody":                  {},
		"nobody, TLS":             {c: control.Connection{TLS: verified}},
		"SCRAM, TLS":              {c: control.Connection{Username: "scram", Password: "pässword 1", Database: "postgres", TLS: verified}},
		"SCRAM, TLS on":           {c: control.Connection{Username: "scram", Password: "pässword 1", Database: "postgres", TLS: &control.TLS{On: true, VerifyOff: true}}},
		"an unknown CA":           {c: control.Connection{TLS: &control.TLS{}}, want: "is not valid"},
		"SCRAM, another password": {c: control.Connection{Username: "scram", Password: "guess", Database: "postgres"}, want: `answered "password authentication failed for user \"scram\"" (SQLSTATE "28P01")`},
		"MD5":                     {c: control.Connection{Username: "md5", Password: "two words", Database: "postgres"}},
		"MD5, another password":   {c: control.Connection{Username: "md5", Password: "guess", Database: "postgres"}, want: "password authentication failed"},
		"clear text":              {c: control.Connection{Username: "clear", Password: "two words", Database: "postgres"}},
		"clear, another password": {c: control.Connection{Username: "clear", Password: "guess", Database: "postgres"}, want: "password authentication failed"},
		"trust":                   {c: control.Connection{Username: "trusty", Database: "postgres"}},
		"no such database":        {c: control.Connection{Username: "trusty", Database: "nowhere"}, want: `answered "database \"nowhere\" does not exist"`},
		"too many":                {c: control.Connection{Username: "crowd", Database: "postgres"}, want: `too many connections for role`},
	} {
		t.Run(name, func(t *testing.T) {
			test.c.Protocol, test.c.Port, test.c.Timeout = "pgsql", server.port, 20*time.Second
			wantSaid(t, try1(t, &test.c), test.want)
		})
	}
	t.Run("shutting down", func(t *testing.T) { tryShutdown(t, server) })
}

// tryShutdown: a server that waits for its last client says that it takes no other.
func tryShutdown(t *testing.T, server postgresServer) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", loopback(server.port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	p := &postgres{talk: converse(conn, fuzzTarget, "PostgreSQL"), Frontend: pgproto3.NewFrontend(conn, conn)}
	p.Send(&pgproto3.StartupMessage{ProtocolVersion: protocolThree, Parameters: map[string]string{"user": "trusty", "database": "postgres"}})
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	for ready := false; !ready; {
		message, err := p.Receive()
		if err != nil {
			t.Fatal(err)
		}
		_, ready = message.(*pgproto3.ReadyForQuery)
	}
	if err := server.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	answersSoon(t, server.process, &control.Connection{Protocol: "pgsql", Port: server.port}, "the database system is shutting down")
}

type postgresServer struct {
	port        int
	certificate testkit.KeyPair
	process     *command.Process
}

// postgresql refuses to run as root, so that root runs it in a user namespace in which root is nobody.
func postgresql(t *testing.T) postgresServer {
	t.Helper()
	bin := testkit.Program(t, "postgresql", "pg_ctlcluster")
	dir, port, pair := t.TempDir(), testkit.FreePort(t), testkit.Certificate(t)
	as := nobody(t)
	program := func(name string, arguments ...string) command.Spec {
		argv := append(slices.Clone(as), filepath.Join(bin.Root, "usr/lib/postgresql/15/bin", name))
		return command.Spec{Argv: append(argv, arguments...), Env: bin.Env}
	}
	data := filepath.Join(dir, "data")
	run(t, program("initdb", "--no-sync", "--locale=C", "--encoding=UTF8", "--username=trusty", "--auth=trust", "--pgdata="+data))
	writeText(t, filepath.Join(data, "pg_hba.conf"), "host all scram 127.0.0.1/32 scram-sha-256\nhost all md5 127.0.0.1/32 md5\n"+
		"host all clear 127.0.0.1/32 password\nhost all trusty,crowd 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
	writeText(t, filepath.Join(data, "postgresql.conf"), fmt.Sprintf("port = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\n"+
		"shared_buffers = 8MB\nssl = on\nssl_cert_file = '%s'\nssl_key_file = '%s'\n", port, pair.CertFile, pair.KeyFile))
	server := postgresServer{port: port, certificate: pair, process: start(t, program("postgres", "-D", data))}
	answersSoon(t, server.process, &control.Connection{Protocol: "pgsql", Username: "trusty", Database: "postgres", Port: port}, "")
	run(t, program("psql", "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-U", "trusty", "-d", "postgres", "-v", "ON_ERROR_STOP=1",
		"-c", "CREATE ROLE scram LOGIN PASSWORD 'pässword 1'", "-c", "CREATE ROLE clear LOGIN PASSWORD 'two words'", "-c", "CREATE ROLE crowd LOGIN CONNECTION LIMIT 0",
		"-c", "SET password_encryption = 'md5'", "-c", "CREATE ROLE md5 LOGIN PASSWORD 'two words'"))
	return server
}

// nobody is the start of a line that runs in a namespace in which root is nobody; who is not root needs none.
func nobody(t *testing.T) []string {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	argv := []string{"/usr/bin/unshare", "--user", "--map-user=65534", "--map-group=65534"}
	r, err := command.Run(t.Context(), command.Spec{Argv: append(slices.Clone(argv), "/bin/true")})
	if err != nil || r.ExitCode != 0 {
		t.Skipf("needs a user namespace: %v %s", err, r.Output)
	}
	return argv
}

// TestPostgresAnswers judges what servers say that serve nobody, and what none says.
func TestPostgresAnswers(t *testing.T) {
	t.Parallel()
	fault := func(code, message string) []pgproto3.BackendMessage {
		return []pgproto3.BackendMessage{&pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: message}}
	}
	many := make([]pgproto3.BackendMessage, 300)
	for i := range many {
		many[i] = &pgproto3.ParameterStatus{Name: "a", Value: "b"}
	}
	for name, test := range map[string]struct {
		answers []pgproto3.BackendMessage
		user    string
		want    string
	}{
		"starting up":          {answers: fault("57P03", "the database system is starting up"), want: "the database system is starting up"},
		"too many clients":     {answers: fault("53300", "sorry, too many clients already"), want: "sorry, too many clients already"},
		"no entry":             {answers: fault("28000", "no pg_hba.conf entry for host")},
		"no entry, a user":     {answers: fault("28000", "no pg_hba.conf entry for host"), user: "desk", want: "no pg_hba.conf entry"},
		"no such database":     {answers: fault("3D000", "database does not exist")},
		"a pooler, no user":    {answers: fault("08P01", "no such user: dialtone")},
		"a pooler, no backend": {answers: fault("08P01", "server login failed"), want: "server login failed"},
		"Kerberos":             {answers: []pgproto3.BackendMessage{&pgproto3.AuthenticationGSS{}}, user: "desk", want: "log in with Kerberos"},
		"Kerberos, nobody":     {answers: []pgproto3.BackendMessage{&pgproto3.AuthenticationGSS{}}},
		"another mechanism":    {answers: []pgproto3.BackendMessage{&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"OAUTHBEARER"}}}, user: "desk", want: `the ways to log in "OAUTHBEARER"`},
		"no challenge":         {answers: []pgproto3.BackendMessage{&pgproto3.AuthenticationSASLContinue{Data: []byte("r=x")}}, user: "desk", want: "is not PostgreSQL"},
		"no proof": {
			answers: []pgproto3.BackendMessage{&pgproto3.AuthenticationSASL{AuthMechanisms: []string{scramMechanism}}, &pgproto3.AuthenticationOk{}},
			user:    "desk", want: "could not prove that it knows the password of desk",
		},
		"too many rounds": {
			answers: []pgproto3.BackendMessage{
				&pgproto3.AuthenticationSASL{AuthMechanisms: []string{scramMechanism}},
				&pgproto3.AuthenticationSASLContinue{Data: []byte("r=x,s=QUJD,i=99999999")},
			},
			user: "desk", want: `wants "99999999" rounds of SCRAM`,
		},
		"ready at once":    {answers: []pgproto3.BackendMessage{&pgproto3.ReadyForQuery{TxStatus: 'I'}}, want: "before anybody has logged in"},
		"a query's answer": {answers: []pgproto3.BackendMessage{&pgproto3.DataRow{}}, user: "desk", want: "has no place in a login"},
		"no end":           {answers: many, want: "messages without end"},
		"breaks off":       {answers: []pgproto3.BackendMessage{&pgproto3.AuthenticationOk{}}, want: "closed the connection"},
	} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(conn net.Conn) { playPostgres(conn, test.answers) })
			c := &control.Connection{Protocol: "pgsql", Port: port, Username: test.user, Password: "s3cret", Timeout: 20 * time.Second}
			wantSaid(t, try1(t, c), test.want)
		})
	}
	t.Run("no TLS", func(t *testing.T) {
		port := serve(t, func(conn net.Conn) {
			_, _ = io.ReadFull(conn, make([]byte, 8))
			_, _ = conn.Write([]byte("N"))
			silence(conn)
		})
		wantSaid(t, try1(t, &control.Connection{Protocol: "pgsql", Port: port, TLS: &control.TLS{}, Timeout: 20 * time.Second}), "does not offer TLS")
	})
}

// playPostgres sends all answers after the startup message, and hangs up when the client has read them.
func playPostgres(conn net.Conn, answers []pgproto3.BackendMessage) {
	_, _ = conn.Read(make([]byte, 4096))
	var bytes []byte
	for _, answer := range answers {
		encoded, err := answer.Encode(bytes)
		if err != nil {
			return
		}
		bytes = encoded
	}
	_, _ = conn.Write(bytes)
	if half, is := conn.(*net.TCPConn); is {
		_ = half.CloseWrite()
	}
	silence(conn)
}

func FuzzPostgresAnswer(f *testing.F) {
	for _, m := range []pgproto3.BackendMessage{
		&pgproto3.AuthenticationSASL{AuthMechanisms: []string{scramMechanism}}, &pgproto3.AuthenticationSASLContinue{Data: []byte("r=x,s=QUJD,i=4096")},
		&pgproto3.AuthenticationOk{}, &pgproto3.ErrorResponse{Code: "57P03", Message: "the database system is starting up"},
		&pgproto3.AuthenticationMD5Password{Salt: [4]byte{1, 2, 3, 4}}, &pgproto3.NegotiateProtocolVersion{},
	} {
		encoded, err := m.Encode(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(encoded))
	}
	f.Fuzz(func(t *testing.T, answer string) {
		near, far := net.Pipe()
		go func() {
			_, _ = far.Read(make([]byte, 512))
			go silence(far)
			_, _ = io.Copy(far, strings.NewReader(answer))
			_ = far.Close()
		}()
		err := speakPostgres(t.Context(), near, fuzzTarget)
		_ = near.Close()
		if err == nil && !strings.Contains(answer, "R") {
			t.Errorf("%q is taken for a login", answer)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") && !strings.Contains(answer, "s3cret") {
			t.Errorf("%q: the password is printed: %v", answer, err)
		}
	})
}
