package protocols

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// verdict is one test of one server, whether it passes here, and whether it passes in Monit where that is another opinion.
type verdict struct {
	options    string // of the control file, after `protocol`
	connection control.Connection
	passes     bool
	differs    string // why Monit says the opposite; empty: it agrees
}

// TestMonitAgrees asks the same servers with Monit 5.33: a control file that was written for it must see the same failures, but for
// those in which Monit is wrong.
func TestMonitAgrees(t *testing.T) {
	t.Parallel()
	verdicts := databaseVerdicts(t)
	maps.Copy(verdicts, memoryVerdicts(t))
	maps.Copy(verdicts, networkVerdicts(t))
	said := askMonit(t, verdicts)
	for name, v := range verdicts {
		_, err := Probe(t.Context(), &v.connection, "127.0.0.1")
		if passed := err == nil; passed != v.passes {
			t.Errorf("%s: passes here is %v: %v", name, passed, err)
		}
		if passed := said[name] == ""; passed != (v.passes == (v.differs == "")) {
			t.Errorf("%s: passes in Monit is %v: %s", name, passed, said[name])
		}
	}
}

func databaseVerdicts(t *testing.T) map[string]verdict {
	t.Helper()
	mysql, _ := mariadb(t)
	pgsql := postgresql(t).port
	user := func(protocol string, port int, name, password, database string) (string, control.Connection) {
		options := fmt.Sprintf("%s username %q password %q", protocol, name, password)
		if database != "" {
			options += fmt.Sprintf(" database %q", database)
		}
		return options, control.Connection{Port: port, Protocol: protocol, Username: name, Password: control.Secret(password), Database: database}
	}
	verdicts := map[string]verdict{
		"pgsql-nobody": {"pgsql", control.Connection{Port: pgsql, Protocol: "pgsql"}, true, ""},
		"mysql-nobody": {"mysql", control.Connection{Port: mysql, Protocol: "mysql"}, true, ""},
	}
	for name, login := range map[string]struct {
		protocol, user, password, database string
		port                               int
		passes                             bool
		differs                            string
	}{
		"pgsql-md5":         {"pgsql", "md5", "two words", "postgres", pgsql, true, ""},
		"pgsql-md5-guess":   {"pgsql", "md5", "guess", "postgres", pgsql, false, ""},
		"pgsql-clear":       {"pgsql", "clear", "two words", "postgres", pgsql, true, ""},
		"pgsql-scram-guess": {"pgsql", "scram", "guess", "postgres", pgsql, false, "it does not try the password"},
		"pgsql-nowhere":     {"pgsql", "trusty", "any", "nowhere", pgsql, false, ""},
		"mysql-login":       {"mysql", "desk", "two words", "", mysql, true, ""},
		"mysql-guess":       {"mysql", "desk", "guess", "", mysql, false, ""},
		"mysql-ed25519":     {"mysql", "edward", "two words", "", mysql, true, "it does not know this way to log in"},
	} {
		options, connection := user(login.protocol, login.port, login.user, login.password, login.database)
		verdicts[name] = verdict{options, connection, login.passes, login.differs}
	}
	return verdicts
}

func memoryVerdicts(t *testing.T) map[string]verdict {
	t.Helper()
	redisAt := func(port int) control.Connection { return control.Connection{Port: port, Protocol: "redis"} }
	memcacheAt := func(port int) control.Connection { return control.Connection{Port: port, Protocol: "memcache"} }
	return map[string]verdict{
		"redis":           {"redis", redisAt(redis(t)), true, ""},
		"redis-password":  {"redis", redisAt(redis(t, "--requirepass", "night bell")), true, ""},
		"redis-replica":   {"redis", redisAt(redis(t, "--replicaof", "127.0.0.1 1", "--replica-serve-stale-data", "no")), false, ""},
		"memcache":        {"memcache", memcacheAt(memcached(t)), true, ""},
		"memcache-binary": {"memcache", memcacheAt(memcached(t, "-B", "binary")), true, ""},
		"memcache-text":   {"memcache", memcacheAt(memcached(t, "-B", "ascii")), true, "it speaks the binary protocol alone"},
	}
}

func networkVerdicts(t *testing.T) map[string]verdict {
	t.Helper()
	open, closed := slapd(t, "allow bind_v2", testkit.KeyPair{}).port, slapd(t, "disallow bind_anon", testkit.KeyPair{}).port
	radius := freeradius(t)
	verdicts := map[string]verdict{
		"mqtt":         {"mqtt", control.Connection{Port: broker(t, "allow_anonymous true\n")}, true, ""},
		"mqtt-closed":  {"mqtt", control.Connection{Port: broker(t, "allow_anonymous false\n")}, true, "a refusal of strangers is no failure of a server"},
		"ldap2":        {"ldap2", control.Connection{Port: open}, true, ""},
		"ldap2-refuse": {"ldap2", control.Connection{Port: closed}, false, ""},
		"ldap3":        {"ldap3", control.Connection{Port: open}, true, ""},
		"ldap3-closed": {"ldap3", control.Connection{Port: closed}, true, "a refusal of strangers is no failure of a server"},
		"ntp3":         {"ntp3", control.Connection{Port: chrony(t, "local stratum 8", ""), Network: "udp"}, true, ""},
		"ntp3-unset":   {"ntp3", control.Connection{Port: chrony(t, "", "no synchronized clock"), Network: "udp"}, false, ""},
		"radius":       {`radius secret "a secret"`, control.Connection{Port: radius, Network: "udp", Secret: "a secret"}, true, ""},
		"radius-guess": {`radius secret "guess"`, control.Connection{Port: radius, Network: "udp", Secret: "guess"}, false, ""},
	}
	resolver := unbound(t, "local-zone: \".\" static\n local-data: \". 60 IN NS ns.example.\"\n")
	lost := unbound(t, "do-not-query-address: 0.0.0.0/0\n do-not-query-address: ::/0\n")
	authority := nsd(t)
	for _, network := range []string{"tcp", "udp"} {
		verdicts["dns-resolver-"+network] = verdict{"dns", control.Connection{Port: resolver, Network: network}, true, ""}
		verdicts["dns-lost-"+network] = verdict{"dns", control.Connection{Port: lost, Network: network}, false, ""}
		verdicts["dns-authority-"+network] = verdict{"dns", control.Connection{Port: authority, Network: network}, true, ""}
	}
	for name, v := range verdicts {
		v.connection.Protocol, _, _ = strings.Cut(v.options, " ")
		verdicts[name] = v
	}
	return verdicts
}

var monitFailure = regexp.MustCompile(`(?m)'([a-z0-9-]+)' (failed .*)$`)

// askMonit lets Monit look once at all, and returns what it says of those that fail.
func askMonit(t *testing.T, verdicts map[string]verdict) map[string]string {
	t.Helper()
	bin, dir := testkit.Program(t, "monit", "monit"), t.TempDir()
	var text strings.Builder
	fmt.Fprintf(&text, "set log %[1]s/log\nset pidfile %[1]s/pid\nset idfile %[1]s/id\nset statefile %[1]s/state\n", dir)
	for _, name := range slices.Sorted(maps.Keys(verdicts)) {
		v := verdicts[name]
		v.connection.Timeout = 5 * time.Second
		verdicts[name] = v
		network := ""
		if v.connection.Network == "udp" {
			network = " type udp"
		}
		fmt.Fprintf(&text, "check host %s with address 127.0.0.1\n  if failed port %d%s protocol %s with timeout 5 seconds then alert\n",
			name, v.connection.Port, network, v.options)
	}
	conf := filepath.Join(dir, "monitrc")
	writeText(t, conf, text.String())
	run(t, command.Spec{Argv: []string{"/bin/chmod", "600", conf}})
	look := bin.Spec("-v", "-c", conf, "validate")
	look.Timeout, look.MaxOutput = startPatience, 1<<20
	r, err := command.Run(t.Context(), look)
	if err != nil || !strings.Contains(r.Output, "succeeded testing protocol") {
		t.Fatalf("Monit did not look: %v\n%s", err, r.Output)
	}
	said := map[string]string{}
	for _, found := range monitFailure.FindAllStringSubmatch(r.Output, -1) {
		said[found[1]] = found[2]
	}
	return said
}
