package agentcmd

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
)

func example() (dialtone.NodeStatus, time.Time) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return dialtone.NodeStatus{
		Node: dialtone.Node{Name: "pbx1"}, AgentVersion: "1.2.3", Platform: "Debian GNU/Linux 12 (bookworm), Linux 6.1.0",
		Trouble: "nothing is healed: there is no journal to write the intent to",
		Started: now.Add(-26 * time.Hour), ControlFile: "/etc/dialtone/dialtone.conf",
		Services: []dialtone.ServiceStatus{
			{
				Name: "asterisk", Kind: "process", State: dialtone.OK, Since: now.Add(-26 * time.Hour), Checked: now.Add(-2 * time.Second), Monitored: true, PID: 4711,
				Groups: []string{"telephony"}, DependsOn: []string{"sounds"}, Source: "/etc/dialtone/dialtone.conf:12",
				Values: []dialtone.NamedValue{
					{Name: "pid", Unit: "count", Value: 4711},
					{Name: "cpu_percent", Unit: "percent", Value: 12.345},
					{Name: "memory_bytes", Unit: "bytes", Value: 300 << 20},
					{Name: "read_bytes", Unit: "bytes_per_second", Value: 1500},
					{Name: "threads", Unit: "count", Value: 41},
					{Name: "uptime_seconds", Unit: "seconds", Value: 93784},
				},
			},
			{Name: "nginx", Kind: "process", State: dialtone.Critical, Why: "process is not running", Since: now.Add(-90 * time.Second), Monitored: true, Healing: true},
			{
				Name: "a-service-with-a-very-long-name", Kind: "host", State: dialtone.Critical, Since: now.Add(-3 * time.Hour), Monitored: true, Parked: true,
				Why: "connection to db.example port 5432: connection refused\x1b[31m and more words than fit",
			},
			{Name: "backup", Kind: "program", State: dialtone.Unknown, Since: now, Unmonitored: "unmonitored by root"},
			{Name: "fresh", Kind: "file", Since: now.Add(time.Second), Monitored: true},
		},
	}, now
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestSummaryFitsATerminal(t *testing.T) {
	status, now := example()
	var out bytes.Buffer
	printSummary(&out, status, now)
	golden(t, "summary.txt", out.Bytes())
	for line := range bytes.SplitSeq(out.Bytes(), []byte("\n")) {
		if n := utf8.RuneCount(line); n > width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestStatusShowsEverything(t *testing.T) {
	status, now := example()
	status.ConfigError = "/etc/dialtone/dialtone.conf:3:7: no word \"procces\""
	var out bytes.Buffer
	printStatus(&out, status, now)
	golden(t, "status.txt", out.Bytes())
}

func TestDurations(t *testing.T) {
	tests := map[time.Duration]string{
		-time.Second: "0s", 0: "0ms", 250 * time.Millisecond: "250ms", 42 * time.Second: "42s", 61 * time.Second: "1m01s",
		3*time.Hour + 5*time.Minute: "3h05m", 50 * time.Hour: "2d02h",
	}
	for d, want := range tests {
		if got := dialtone.Span(d); got != want {
			t.Errorf("%s reads %s, want %s", d, got, want)
		}
	}
}

func TestMachine(t *testing.T) {
	if got := prettyName([]byte("NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n")); got != "Debian GNU/Linux 12 (bookworm)" {
		t.Errorf("platform %q", got)
	}
	if got := prettyName(nil); got != "Linux" {
		t.Errorf("platform %q", got)
	}
	if got := bootTime([]byte("cpu  1 2 3\nbtime 1767225600\nprocesses 1\n")); !got.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("booted %s", got)
	}
	if got := bootTime([]byte("btime soon\n")); !got.IsZero() {
		t.Errorf("booted %s", got)
	}
}
