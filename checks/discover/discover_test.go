package discover

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/proc"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// process is one of a machine of the test's own.
type process struct {
	proc.Stat
	cmdline, cgroup string
	sockets         []int
}

const (
	base    = 1 << 30 // no real process has such a number
	tcpHead = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
)

// telephony is a machine as the platform has them: a web server with workers, an exchange, a database, people and plumbing.
var telephony = []process{
	{Stat: proc.Stat{PID: 1, Comm: "systemd", Start: 1}, cmdline: "/sbin/init", sockets: []int{900}},
	{Stat: proc.Stat{PID: 2, Comm: "kthreadd", Start: 1, Flags: 0x00200000}},
	{Stat: proc.Stat{PID: base + 10, Comm: "nginx", PPID: 1, Start: 100}, cmdline: "nginx: master process /usr/sbin/nginx", cgroup: "0::/system.slice/nginx.service\n", sockets: []int{800}},
	{Stat: proc.Stat{PID: base + 11, Comm: "nginx", PPID: base + 10, Start: 101}, cmdline: "nginx: worker process", cgroup: "0::/system.slice/nginx.service\n", sockets: []int{800, 801}},
	{Stat: proc.Stat{PID: base + 20, Comm: "asterisk", PPID: 1, Start: 110}, cmdline: "/usr/sbin/asterisk -f -U asterisk", sockets: []int{810, 811}},
	{Stat: proc.Stat{PID: base + 30, Comm: "mariadbd", PPID: 1, Start: 120}, cmdline: "/usr/sbin/mariadbd --user=mysql", sockets: []int{820}},
	{Stat: proc.Stat{PID: base + 40, Comm: "python3", PPID: 1, Start: 130}, cmdline: "/usr/bin/python3 /srv/rooms/serve.py --port 8000", sockets: []int{830}},
	{Stat: proc.Stat{PID: base + 41, Comm: "python3", PPID: 1, Start: 131}, cmdline: "/usr/bin/python3 /srv/rooms/other.py"},
	{Stat: proc.Stat{PID: base + 50, Comm: "bash", PPID: 1, Start: 140, TTY: 34816}, cmdline: "-bash"},
	{Stat: proc.Stat{PID: base + 51, Comm: "myserver", PPID: base + 50, Start: 141, TTY: 34816}, cmdline: "./myserver", sockets: []int{840}},
	{Stat: proc.Stat{PID: base + 60, Comm: "dialtone", PPID: 1, Start: 150}, cmdline: "dialtone up", sockets: []int{850}},
	{Stat: proc.Stat{PID: base + 70, Comm: "cron", PPID: 1, Start: 160}, cmdline: "/usr/sbin/cron -f"},
}

// ports are the listening sockets by inode; 45000 is a port that changes with each start.
var ports = map[int]string{
	800: "00000000:0050", 801: "00000000:01BB", 810: "0100007F:13AE", 811: "00000000:AFC8", 820: "0100007F:0CEA",
	830: "0A0200C0:1F40", 840: "00000000:2328", 850: "0100007F:20E4", 900: "00000000:006F",
}

func build(t *testing.T, systemd bool) *explorer {
	t.Helper()
	root, run := filepath.Join(t.TempDir(), "proc"), t.TempDir()
	for _, p := range telephony {
		dir := filepath.Join(root, strconv.Itoa(p.PID))
		mkdir(t, filepath.Join(dir, "fd"))
		p.State = 'S'
		write(t, filepath.Join(dir, "stat"), p.String())
		write(t, filepath.Join(dir, "cmdline"), strings.ReplaceAll(p.cmdline, " ", "\x00"))
		write(t, filepath.Join(dir, "cgroup"), p.cgroup)
		for i, inode := range p.sockets {
			if err := os.Symlink(fmt.Sprintf("socket:[%d]", inode), filepath.Join(dir, "fd", strconv.Itoa(i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	mkdir(t, filepath.Join(root, "net"))
	mkdir(t, filepath.Join(root, "self"))
	write(t, filepath.Join(root, "net/tcp"), tcpText())
	write(t, filepath.Join(root, "self/mountinfo"), mountinfo)
	mkdir(t, filepath.Join(run, "asterisk"))
	write(t, filepath.Join(run, "asterisk/asterisk.pid"), strconv.Itoa(base+20))
	write(t, filepath.Join(run, "gone.pid"), strconv.Itoa(base+99))
	e := &explorer{proc: root, run: run, systemd: filepath.Join(run, "systemd-runs"), self: base + 1, table: proc.NewTable(root)}
	if systemd {
		mkdir(t, e.systemd)
	}
	e.folder = func(path string) bool { return path != "/etc/hosts" }
	e.try = func(_ context.Context, c *control.Connection) error {
		if c.Protocol == "http" && c.Port != 80 && c.Port != 8000 {
			return errors.New("it does not speak HTTP")
		}
		return nil
	}
	return e
}

func tcpText() string {
	var b strings.Builder
	b.WriteString(tcpHead)
	for inode, address := range ports {
		fmt.Fprintf(&b, "   0: %s 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 %d 1 0 100 0 0 10 0\n", address, inode)
	}
	b.WriteString("   9: 0100007F:0050 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 999 1 0 20 4 30 10 -1\n")
	return b.String()
}

const mountinfo = `22 1 254:0 / / rw,relatime - overlay overlay rw
25 22 0:5 / /proc rw - proc proc rw
26 22 8:1 / /var/lib/mysql rw - xfs /dev/sdb1 rw
27 22 8:1 /x /srv/bound rw - xfs /dev/sdb1 rw
28 22 254:1 / /etc/hosts rw - ext4 /dev/vdc rw
29 22 7:0 / /snap/core ro - squashfs /dev/loop0 ro
31 22 0:40 / /sounds rw - nfs4 files.example:/sounds rw
`

func TestControlFile(t *testing.T) {
	for name, systemd := range map[string]bool{"systemd": true, "container": false} {
		t.Run(name, func(t *testing.T) {
			e := build(t, systemd)
			m, err := e.look(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			m.Host, m.Cores = "pbx1", 4
			text := written(t, m, Settings{StateFile: "/var/lib/dialtone/state", CollectorURL: "https://collector.example:8420", TokenFile: "/etc/dialtone/token", CAFile: "/etc/dialtone/ca.pem"})
			golden(t, "testdata/"+name+".conf", strings.ReplaceAll(text, e.run, "/run"))
		})
	}
}

// written writes the file and parses it: what is written is always right.
func written(t *testing.T, m *Machine, s Settings) string {
	t.Helper()
	var b bytes.Buffer
	if err := m.WriteControlFile(&b, s); err != nil {
		t.Fatal(err)
	}
	file, err := control.Parse("written", b.Bytes(), checks.Vocabulary())
	if err != nil {
		t.Fatalf("what was written does not parse: %v\n%s", err, b.String())
	}
	if want := 1 + len(m.Mounts) + len(m.Daemons); len(file.Services) != want {
		t.Errorf("%d services are written, %d read", want, len(file.Services))
	}
	for _, service := range file.Services {
		if _, err := checks.New(service); err != nil {
			t.Error(err)
		}
	}
	return b.String()
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (run with -update where this is wanted):\n%s", path, diff)
	}
}

// TestThisMachine looks at the machine that runs the test, whatever it is, and parses the outcome.
func TestThisMachine(t *testing.T) {
	m, err := Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	written(t, m, Settings{Interval: time.Second})
	for _, d := range m.Daemons {
		if d.PID == os.Getpid() {
			t.Errorf("the test itself is watched: %+v", d)
		}
	}
}

// TestHostileNames: names of processes, mounts and hosts are other people's words, and never become statements.
func TestHostileNames(t *testing.T) {
	m := &Machine{
		Host:    "a\ncheck system evil",
		Daemons: []Daemon{{Name: newNames().unique("x\" if y"), Note: "n\nstart program = \"/bin/evil\"", Match: "^a$"}},
		Mounts:  []Mount{{newNames().unique("fs/a b"), proc.Mount{Point: "/a b", Type: "t\nx", Device: "d\nset daemon 1"}}},
		Left:    []string{"x\ncheck process y matching z"},
	}
	written(t, m, Settings{})
}

func TestNames(t *testing.T) {
	n := newNames()
	var got []string
	for _, name := range []string{"nginx", "nginx", "fs/var/lib", "", "9p", strings.Repeat("x", 100), "(sd-pam)"} {
		got = append(got, n.unique(name))
	}
	want := []string{"nginx", "nginx_2", "fs_var_lib", "service_", "service_9p", strings.Repeat("x", 60), "sd-pam"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseTCP(t *testing.T) {
	six := tcpHead + "   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 7 1\n" +
		"   1: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 8 1\n"
	got := parseTCP([]byte(six))
	want := []listener{{netip.MustParseAddr("::1"), 80, 7}, {netip.MustParseAddr("127.0.0.1"), 81, 8}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, wanted %v", got, want)
	}
	if n := len(parseTCP([]byte(tcpText()))); n != len(ports) {
		t.Errorf("%d listeners, wanted %d", n, len(ports))
	}
}

func TestParseUnit(t *testing.T) {
	for text, want := range map[string]string{
		"0::/system.slice/nginx.service\n":                                      "nginx.service",
		"12:cpu:/\n1:name=systemd:/system.slice/ssh.service\n0::/\n":            "ssh.service",
		"0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n": "postgresql@15-main.service",
		"0::/user.slice/user-0.slice/user@0.service/app.slice/x.service\n":      "",
		"0::/system.slice/docker-abc.scope\n":                                   "",
		"0::/\n":                                                                "", "": "", "nonsense": "", "0::/system.slice/a b.service\n": "",
	} {
		if got := parseUnit([]byte(text)); got != want {
			t.Errorf("%q belongs to %q, wanted %q", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(tcpText()))
	f.Add([]byte("0::/system.slice/nginx.service\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, l := range parseTCP(text) {
			if l.port < 1 || l.port > 65535 || !l.address.IsValid() {
				t.Errorf("%+v out of %q", l, text)
			}
		}
		if unit := parseUnit(text); unit != "" && !unitSyntax.MatchString(unit) {
			t.Errorf("unit %q", unit)
		}
	})
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
