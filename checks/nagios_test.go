package checks

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// askNagios runs one command as a check would.
func askNagios(t *testing.T, argv ...string) (*Report, error) {
	t.Helper()
	c, err := New(&control.Service{Kind: "nagios", Name: "under_test", Program: &control.Command{Argv: argv, Timeout: 30 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	r := &Report{}
	err = c.Run(t.Context(), r)
	return r, err
}

func TestNagiosReport(t *testing.T) {
	r, err := askNagios(t, "/bin/sh", "-c", `echo noise >&2; echo "PING WARNING - 12 ms | 'rta'=12.0ms;10;20;0 pl=50%;20;40"; echo "more text | size=1KB"; exit 1`)
	if err != nil {
		t.Fatal(err)
	}
	delete(r.Values, "took_seconds")
	want := &Report{
		Existence: Present, Why: "PING WARNING - 12 ms",
		Lines:  []string{"PING WARNING - 12 ms | 'rta'=12.0ms;10;20;0 pl=50%;20;40", "more text | size=1KB"},
		Values: map[string]float64{"status": 1, "warnings": 1, "criticals": 1, "perfdata/rta": 0.012, "perfdata/pl": 50, "perfdata/size": 1024},
		Samples: []dialtone.Sample{
			info("perfdata_info", "perfdata", "rta", "unit", "seconds", "warning", "0.01", "critical", "0.02", "min", "0", "max", ""),
			info("perfdata_info", "perfdata", "pl", "unit", "percent", "warning", "20", "critical", "40", "min", "", "max", ""),
			info("perfdata_info", "perfdata", "size", "unit", "bytes", "warning", "", "critical", "", "min", "", "max", ""),
		},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNagiosThatCannotTell: nothing that is not known is said to be wrong.
func TestNagiosThatCannotTell(t *testing.T) {
	tests := []struct{ script, want string }{
		{"echo 'DISK UNKNOWN - no such mount'; exit 3", "sh could not tell: DISK UNKNOWN - no such mount"},
		{"echo broken >&2; exit 3", "sh could not tell: broken"},
		{"exit 3", "sh could not tell, and did not say why"},
		{"nosuchprogram", "sh ended with status 127, which no Nagios plugin has: /bin/sh: 1: nosuchprogram: not found"},
		{"exit 9", "sh ended with status 9, which no Nagios plugin has"},
		{"kill -9 $$", "sh was killed by a signal"},
	}
	for _, test := range tests {
		if _, err := askNagios(t, "/bin/sh", "-c", test.script); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", test.script, err, test.want)
		}
	}
	c := &nagiosPlugin{spec: &control.Service{Program: &control.Command{Argv: []string{"/bin/sleep", "300"}, Timeout: 50 * time.Millisecond}}}
	if err := c.Run(t.Context(), &Report{}); err == nil || err.Error() != "sleep did not end within 50ms and was killed" {
		t.Errorf("%v", err)
	}
	if _, err := New(&control.Service{Kind: "nagios"}); err == nil {
		t.Error("a check without a command is made")
	}
}

// TestRealNagiosPlugins runs Debian's plugins by themselves and as checks: status and text must be the same, and the values those of
// the performance data.
func TestRealNagiosPlugins(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready") }))
	defer server.Close()
	host, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	closed := strconv.Itoa(testkit.FreePort(t))
	tests := []struct {
		plugin, args string
		status       int // 3: cannot tell
		values       []string
	}{
		{"check_load", "-w 1000,1000,1000 -c 2000,2000,2000", 0, []string{"perfdata/load1", "perfdata/load5", "perfdata/load15"}},
		{"check_load", "-w 0,0,0 -c 2000,2000,2000", 1, []string{"perfdata/load1"}},
		{"check_disk", "-w 1% -c 1% -p /", 0, []string{"perfdata//"}},
		{"check_disk", "-w 100% -c 100% -p /", 2, []string{"perfdata//"}},
		{"check_disk", "-w 1% -c 1% -p /no/such", 2, nil},
		{"check_procs", "-w 1:100000", 0, []string{"perfdata/procs"}},
		{"check_procs", "-c 1:1 -C sh --metric=PROCS", 2, nil},
		{"check_swap", "-w 0 -c 0", -1, nil},
		{"check_users", "-w 1000 -c 2000", 0, []string{"perfdata/users"}},
		{"check_tcp", "-H " + host + " -p " + port, 0, []string{"perfdata/time"}},
		{"check_tcp", "-H " + host + " -p " + closed, 2, nil},
		{"check_http", "-H " + host + " -p " + port + " -s ready", 0, []string{"perfdata/time", "perfdata/size"}},
		{"check_http", "-H " + host + " -p " + port + " -s absent", 2, []string{"perfdata/time"}},
		{"check_dummy", "1 fine", 1, nil},
		{"check_dummy", "3 what", 3, nil},
		{"check_file_age", "-f /etc/passwd -w 1 -c 2", -1, nil},
	}
	for _, test := range tests {
		t.Run(test.plugin+" "+test.args, func(t *testing.T) {
			argv := testkit.Program(t, "plugins", test.plugin).Argv(strings.Fields(test.args)...)
			alone, err := command.Run(context.Background(), command.Spec{Argv: argv, Timeout: 30 * time.Second, Apart: true})
			if err != nil {
				t.Fatal(err)
			}
			if test.status >= 0 && alone.ExitCode != test.status {
				t.Fatalf("the plugin by itself ends with %d: %s%s", alone.ExitCode, alone.Output, alone.Errors)
			}
			r, err := askNagios(t, argv...)
			if alone.ExitCode == 3 {
				if err == nil {
					t.Errorf("it could not tell: %+v", r)
				}
				return
			}
			if err != nil || r.Values["status"] != float64(alone.ExitCode) {
				t.Errorf("status %g, error %v; by itself %d", r.Values["status"], err, alone.ExitCode)
			}
			if text, _, _ := strings.Cut(alone.Output, "|"); undigit(r.Why) != undigit(firstLine(text)) {
				t.Errorf("said %q, by itself %q", r.Why, text)
			}
			for _, name := range test.values {
				if _, has := r.Values[name]; !has {
					t.Errorf("no value %s: %v of %s", name, r.Values, alone.Output)
				}
			}
		})
	}
}

// undigit takes the figures out of a sentence: they differ from run to run.
func undigit(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' {
			return -1
		}
		return r
	}, s))
}
