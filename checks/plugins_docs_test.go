package checks

import (
	"os"
	"strings"
	"testing"

	"github.com/dialtone/dialtone/control"
)

// TestExamplesOfPlugins parses the statements that docs/munin-nagios.md shows.
func TestExamplesOfPlugins(t *testing.T) {
	text, err := os.ReadFile("../docs/munin-nagios.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for i, block := range strings.Split(string(text), "```") {
		if i%2 == 0 || !strings.HasPrefix(block, "\ncheck ") && !strings.HasPrefix(block, "\nset ") {
			continue
		}
		examples++
		file, err := control.Parse("docs/munin-nagios.md", []byte(block), Vocabulary())
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, s := range file.Services {
			if _, err := New(s); err != nil {
				t.Error(err)
			}
		}
	}
	if examples != 3 {
		t.Errorf("%d examples", examples)
	}
}

func TestRulesOfPlugins(t *testing.T) {
	const text = `
check munin disk with plugin /etc/munin/plugins/diskstats config /etc/x state "/var/lib/a b" with timeout 20 seconds
    if field diskstats_latency.sda_avgwait > 0.1 for 3 cycles then alert
    if field "up" < 1000 then alert
    if criticals > 0 then exec "/bin/true"
    if unknowns > 2 then alert
    if duration > 5 seconds then alert
check nagios ping with command "/usr/lib/nagios/plugins/check_ping -H 127.0.0.1" as uid nobody with timeout 20 seconds
    if perfdata "it's C:\ %" > 5 then alert
    if perfdata rta > 0.5 then alert severity warning
    if status != 0 for 3 cycles then alert
    if content = "nonsense" then alert
`
	file, err := control.Parse("test", []byte(text), Vocabulary())
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, s := range file.Services {
		for _, r := range s.Rules {
			if c, is := r.Test.(*control.Compare); is {
				values = append(values, c.Value)
			}
		}
	}
	want := `field/diskstats_latency.sda_avgwait field/up criticals unknowns took_seconds perfdata/it's C:\ % perfdata/rta status`
	if got := strings.Join(values, " "); got != want {
		t.Errorf("values %s\nwant   %s", got, want)
	}
	c := file.Services[0]
	if p := MuninPlugin(c); p.Path != "/etc/munin/plugins/diskstats" || p.ConfDir != "/etc/x" || p.StateDir != "/var/lib/a b" || p.Timeout.Seconds() != 20 {
		t.Errorf("%+v", p)
	}
	if n := file.Services[1].Program; n.UID != "nobody" || n.Timeout.Seconds() != 20 || len(n.Argv) != 3 {
		t.Errorf("%+v", n)
	}
}
