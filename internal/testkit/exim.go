package testkit

import (
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

// EximServer is a real exim that takes mail for anybody, over STARTTLS and with AUTH PLAIN only, into one mailbox.
type EximServer struct {
	Address        string // host:port; connect to the host it names, which its certificate covers
	Host           string
	Port           int
	SecurePort     int // TLS from the first byte
	User, Password string
	Certificate    KeyPair

	dir string
}

// eximUID is who exim believes to be. It refuses to run as root, so root runs it in a user namespace in which root has this
// number; its user database is a file of the test's folder, for a bare machine knows no user of exim's.
const eximUID = 1000

// Exim starts a mail server that runs until the test ends.
func Exim(t testing.TB) *EximServer {
	t.Helper()
	bin := Program(t, "exim", "exim4")
	e := &EximServer{
		Host: "127.0.0.1", Port: FreePort(t), SecurePort: FreePort(t), User: "dialtone", Password: "a b\"c%d", // nothing that needs no care
		Certificate: Certificate(t), dir: t.TempDir(),
	}
	e.Address = fmt.Sprintf("%s:%d", e.Host, e.Port)
	e.Answer(t, 250)
	e.write(t, "password", e.Password)
	e.write(t, "exim.conf", e.configuration())

	id, argv := os.Getuid(), []string{bin.Path, "-C", filepath.Join(e.dir, "exim.conf"), "-bdf"}
	if id == 0 {
		id = eximUID
		argv = append(userNamespace(t), argv...)
	}
	e.write(t, "passwd", fmt.Sprintf("Debian-exim:x:%d:%d::/:/bin/false\n", id, id))
	e.write(t, "group", fmt.Sprintf("Debian-exim:x:%d:\n", id))
	startServer(t, e.Address, command.Spec{Argv: argv, Env: e.environment(t, bin)})
	return e
}

// userNamespace returns the start of a line that runs as eximUID; where the kernel or a container forbids it, the test is skipped.
func userNamespace(t testing.TB) []string {
	t.Helper()
	number := strconv.Itoa(eximUID)
	argv := []string{"/usr/bin/unshare", "--user", "--map-user=" + number, "--map-group=" + number}
	r, err := command.Run(t.Context(), command.Spec{Argv: append(argv, "/bin/true")})
	if err != nil || r.ExitCode != 0 {
		t.Skipf("needs a user namespace: %v %s", err, r.Output)
	}
	return argv
}

// Answer sets what the server says to each recipient from now on: 250, 451 (try again later) or 550 (no such mailbox).
func (e *EximServer) Answer(t testing.TB, code int) {
	t.Helper()
	e.write(t, "answer.new", strconv.Itoa(code))
	if err := os.Rename(filepath.Join(e.dir, "answer.new"), filepath.Join(e.dir, "answer")); err != nil {
		t.Fatalf("%v", err)
	}
}

// Messages returns the mail that arrived so far, oldest first, as it was sent: headers, an empty line, the body.
func (e *EximServer) Messages(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(e.dir, "mail", "new", "*"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	slices.Sort(files) // names begin with the time
	var all []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("reading the mailbox: %v", err)
		}
		all = append(all, string(text))
	}
	return all
}

// Wait returns the mail, parsed, once there are n; the test fails when that takes longer than within.
func (e *EximServer) Wait(t testing.TB, n int, within time.Duration) []*mail.Message {
	t.Helper()
	Eventually(t, within, func() error {
		if got := len(e.Messages(t)); got < n {
			return fmt.Errorf("%d of %d messages arrived", got, n)
		}
		return nil
	})
	var parsed []*mail.Message
	for _, text := range e.Messages(t) {
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatalf("parsing a message: %v\n%s", err, text)
		}
		parsed = append(parsed, m)
	}
	return parsed
}

func (e *EximServer) write(t testing.TB, name, text string) {
	t.Helper()
	writeFile(t, filepath.Join(e.dir, name), []byte(text))
}

func (e *EximServer) environment(t testing.TB, bin Binary) map[string]string {
	t.Helper()
	wrappers, err := filepath.Glob(filepath.Join(bin.Root, "usr/lib/*/libnss_wrapper.so"))
	if err != nil || len(wrappers) != 1 {
		t.Fatalf("no libnss_wrapper.so in %s", bin.Root)
	}
	return map[string]string{
		"LD_LIBRARY_PATH":    bin.Env["LD_LIBRARY_PATH"],
		"LD_PRELOAD":         wrappers[0],
		"NSS_WRAPPER_PASSWD": filepath.Join(e.dir, "passwd"),
		"NSS_WRAPPER_GROUP":  filepath.Join(e.dir, "group"),
	}
}

// configuration follows the Exim specification for version 4.96.
func (e *EximServer) configuration() string {
	return strings.NewReplacer(
		"DIR", e.dir, "PORT", strconv.Itoa(e.Port), "SECURE", strconv.Itoa(e.SecurePort), "CERT", e.Certificate.CertFile, "KEY", e.Certificate.KeyFile, "USER", e.User,
	).Replace(`
spool_directory = DIR/spool
log_file_path = DIR/log/%slog
pid_file_path = DIR/exim.pid
primary_hostname = localhost
local_interfaces = 127.0.0.1
daemon_smtp_ports = PORT : SECURE
tls_on_connect_ports = SECURE
keep_environment =
rfc1413_query_timeout = 0s
host_lookup =
deliver_drop_privilege = true
message_size_limit = 20M
tls_advertise_hosts = *
tls_certificate = CERT
tls_privatekey = KEY
auth_advertise_hosts = ${if def:tls_in_cipher{*}{}}
acl_smtp_rcpt = recipient

begin acl
recipient:
  deny  !authenticated = *
        message = authentication required
  defer condition = ${if eq{${readfile{DIR/answer}{}}}{451}}
        message = 451 try again later
  deny  condition = ${if eq{${readfile{DIR/answer}{}}}{550}}
        message = 550 no such mailbox
  accept

begin routers
everybody:
  driver = accept
  transport = mailbox

begin transports
mailbox:
  driver = appendfile
  maildir_format
  directory = DIR/mail
  create_directory
  envelope_to_add
  return_path_add

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if and{{eq{$auth2}{USER}}{eq{$auth3}{${readfile{DIR/password}{}}}}}}
  server_set_id = $auth2
`)
}
