package protocols

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/testkit"
)

// patient is the time-out of tests against servers that answer, on a machine that does much else.
const patient = 20 * time.Second

// mailUID is the user mail of every Debian.
const mailUID = 8

// dovecotServer is a real dovecot that lets user u with password p log in.
type dovecotServer struct {
	ports       map[string]int // by protocol
	certificate testkit.KeyPair
}

// dovecot starts one that runs until the test ends. It offers passwords in clear text on loopback, as it does by default.
func dovecot(t *testing.T) *dovecotServer {
	t.Helper()
	bin := testkit.Installed(t, "dovecot", "dovecot", "dovecot", "dovenull")
	d := &dovecotServer{ports: map[string]int{}, certificate: testkit.Certificate(t)}
	home := filepath.Join(filepath.Dir(write(t, "home", "")), "mail")
	if err := errors.Join(os.Mkdir(home, 0o700), os.Chown(home, mailUID, mailUID)); err != nil {
		t.Fatal(err)
	}
	replace := []string{"CERT", d.certificate.CertFile, "KEY", d.certificate.KeyFile, "HOME", home}
	for _, name := range []string{"imap", "imaps", "pop", "pops", "lmtp", "sieve"} {
		d.ports[name] = testkit.FreePort(t)
		replace = append(replace, fmt.Sprintf("<%s>", name), fmt.Sprint(d.ports[name]))
	}
	config := write(t, "dovecot.conf", strings.NewReplacer(replace...).Replace(dovecotConf))
	testkit.Serve(t, fmt.Sprintf("127.0.0.1:%d", d.ports["imap"]), bin, "-F", "-c", config)
	return d
}

// write makes a file in a folder that also servers under users of their own may enter.
func write(t *testing.T, name, content string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	for _, err := range []error{
		os.WriteFile(path, []byte(content), 0o644),               //nolint:gosec // others read it
		os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755), //nolint:gosec // others enter it
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// dovecotConf follows the manual of dovecot 2.3.
const dovecotConf = `
base_dir = /run/dovecot/
log_path = /dev/stderr
protocols = imap pop3 lmtp sieve
auth_failure_delay = 0
listen = 127.0.0.1
ssl = yes
ssl_cert = <CERT
ssl_key = <KEY
mail_location = maildir:HOME
first_valid_uid = 1
passdb {
  driver = static
  args = user=u password={PLAIN}p
}
userdb {
  driver = static
  args = uid=mail gid=mail home=HOME
}
service imap-login {
  inet_listener imap {
    port = <imap>
  }
  inet_listener imaps {
    port = <imaps>
  }
}
service pop3-login {
  inet_listener pop3 {
    port = <pop>
  }
  inet_listener pop3s {
    port = <pops>
  }
}
service managesieve-login {
  inet_listener sieve {
    port = <sieve>
  }
}
service lmtp {
  inet_listener lmtp {
    port = <lmtp>
  }
}
`
