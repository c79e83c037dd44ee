package protocols

import (
	"slices"
	"strings"
	"testing"

	"github.com/dialtone/dialtone/control"
)

// monits are the protocols of Monit's manual, and two that its control file takes without saying so.
const monits = `apache-status clamav default dns dwp fail2ban ftp gps http https imap imaps ldap2 ldap3 lmtp memcache mongodb mqtt mysql mysqls
	nntp ntp3 pgsql pop pops postfix-policy radius rdate redis rsync sieve sip smtp smtps spamassassin ssh tns websocket`

// TestEveryProtocolIsSpoken: what the control file takes behind `protocol` can be checked as it is written, and nothing is spoken that
// it does not take but send and expect, which have words of their own.
func TestEveryProtocolIsSpoken(t *testing.T) {
	known := strings.Fields(monits)
	for _, name := range known {
		c := parsed(t, "protocol "+name)
		if c.Protocol != name && name != "default" {
			t.Errorf("protocol %s is read as %q", name, c.Protocol)
		}
		if err := Validate(c); err != nil {
			t.Errorf("protocol %s cannot be checked: %v", name, err)
		}
	}
	for _, p := range All() {
		if !slices.Contains(known, p.Name) && p.Name != "generic" {
			t.Errorf("protocol %s cannot be written", p.Name)
		}
		if len(p.Doc) < 40 || !strings.HasSuffix(p.Doc, ".") {
			t.Errorf("protocol %s says too little of itself: %q", p.Name, p.Doc)
		}
	}
}

// TestScriptIsAProtocol: send and expect need no protocol's name.
func TestScriptIsAProtocol(t *testing.T) {
	c := parsed(t, `send "PING\r\n" expect "PONG"`)
	if p, err := protocolOf(c); err != nil || p.Name != "generic" {
		t.Errorf("%+v is protocol %q, %v", c.Script, p.Name, err)
	}
}

// parsed reads the connection test of a control file with these options, completed as the agent does it.
func parsed(t *testing.T, options string) *control.Connection {
	t.Helper()
	f, err := control.Parse("test.conf", []byte("check host h with address 127.0.0.1\n    if failed port 1000 "+options+" then alert\n"), control.Vocabulary{"host": {Dials: true}})
	if err != nil {
		t.Fatal(err)
	}
	Inherit(f)
	c, is := f.Services[0].Rules[0].Test.(*control.Connection)
	if !is {
		t.Fatalf("%s is no connection test", options)
	}
	return c
}
