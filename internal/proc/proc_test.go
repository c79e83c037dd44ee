package proc

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const nginx = "812 (nginx) S 1 812 812 0 -1 4194368 1212 3804 3 12 40 25 7 9 20 0 3 0 5431 11403264 1650 18446744073709551615 1 1 0 0 0 0 0 1073746048 402745863 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"

func TestStatParse(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       Stat
		fails      bool
	}{
		{name: "a daemon", text: nginx, want: Stat{PID: 812, Comm: "nginx", State: 'S', PPID: 1, Group: 812, Session: 812, Flags: 4194368, Ticks: 65, Threads: 3, Start: 5431, RSS: 1650}},
		{
			name: "a name with brackets, spaces and a line end",
			text: "9 (a) b (\nc) Z 1 9 9 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 77 0 0 0",
			want: Stat{PID: 9, Comm: "a) b (\nc", State: 'Z', PPID: 1, Group: 9, Session: 9, Ticks: 3, Threads: 1, Start: 77},
		},
		{name: "nothing", fails: true},
		{name: "cut off", text: "812 (nginx) S 1 812", fails: true},
		{name: "no number", text: "x (nginx) S 1", fails: true},
		{name: "brackets the wrong way round", text: "1 )nginx( S 1", fails: true},
		{name: "letters in a number", text: "812 (nginx) S one 812 812 0", fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got Stat
			err := got.Parse([]byte(test.text))
			if test.fails != (err != nil) {
				t.Fatalf("error %v, wanted one: %t", err, test.fails)
			}
			if err == nil && !cmp.Equal(got, test.want) {
				t.Error(cmp.Diff(test.want, got))
			}
		})
	}
}

func TestDead(t *testing.T) {
	for state, want := range map[byte]bool{'R': false, 'S': false, 'D': false, 'T': false, 'Z': true, 'X': true} {
		if s := (Stat{State: state}); s.Dead() != want {
			t.Errorf("a process in state %c: dead %t", state, s.Dead())
		}
	}
}

func FuzzStatParse(f *testing.F) {
	f.Add([]byte(nginx))
	f.Add([]byte("1 (()) R"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s Stat
		if err := s.Parse(text); err == nil && s.PID <= 0 {
			t.Errorf("process number %d out of %q", s.PID, text)
		}
	})
}

func TestOwnProcess(t *testing.T) {
	s, err := ReadStat("/proc", os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if s.PPID != os.Getppid() || s.RSS <= 0 || s.Dead() || s.Kernel() {
		t.Errorf("this process is seen as %+v", s)
	}
	if age := s.Age(); age < 0 || age > time.Hour {
		t.Errorf("this process is seen as %s old", age)
	}
}

func TestFileReadsAgainWithoutOpening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "numbers")
	write(t, path, "1")
	f := NewFile(path)
	defer f.Close()
	for _, text := range []string{"1", "a longer text", string(make([]byte, 5000)), ""} {
		write(t, path, text)
		got, err := f.Read()
		if err != nil || string(got) != text {
			t.Fatalf("%d bytes, %v; wanted %d", len(got), err, len(text))
		}
	}
	if _, err := NewFile(path + ".not").Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file is %v", err)
	}
}

func TestTable(t *testing.T) {
	root := t.TempDir()
	add(t, root, Stat{PID: 1, Comm: "init", PPID: 0, Ticks: 1, Start: 1, RSS: 10}, "/sbin/init")
	add(t, root, Stat{PID: 2, Comm: "kthreadd", PPID: 0, Flags: 0x00200000, Start: 1}, "")
	add(t, root, Stat{PID: 10, Comm: "nginx", PPID: 1, Ticks: 5, Start: 50, RSS: 100}, "nginx: master process")
	add(t, root, Stat{PID: 11, Comm: "nginx", PPID: 10, Ticks: 7, Start: 51, RSS: 200}, "nginx: worker process")
	add(t, root, Stat{PID: 12, Comm: "cgi", PPID: 11, Ticks: 9, Start: 52, RSS: 300}, "/usr/lib/cgi")
	add(t, root, Stat{PID: 20, Comm: "nginx", PPID: 1, Start: 60, State: 'Z'}, "")
	add(t, root, Stat{PID: 30, Comm: "nginx", PPID: 1, Start: 40}, "nginx: another master")
	write(t, filepath.Join(root, "99"), "no folder: this process has ended")
	table := NewTable(root)

	tree, err := table.Tree(10, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	tree.At = time.Time{}
	if diff := cmp.Diff(Tree{Children: 2, Ticks: 21, RSS: 600}, tree); diff != "" {
		t.Error(diff)
	}
	for pattern, want := range map[string]int{"master process": 10, "^nginx": 30, "init$": 1, "kthreadd": 0, "nothing of that": 0} {
		s, found, err := table.Match(regexp.MustCompile(pattern))
		if err != nil || s.PID != want || found != (want != 0) {
			t.Errorf("%q matches process %d (%t, %v), wanted %d", pattern, s.PID, found, err, want)
		}
	}
	if below, err := table.Descendants(10, time.Minute); err != nil || !cmp.Equal(below, []int{11, 12}) {
		t.Errorf("%v started by 10, %v", below, err)
	}
	all, err := table.All()
	if err != nil || len(all) != 5 {
		t.Errorf("%d processes, %v; wanted 5", len(all), err)
	}

	if err := os.RemoveAll(filepath.Join(root, "11")); err != nil {
		t.Fatal(err)
	}
	if tree, err := table.Tree(10, 0); err != nil || tree.Children != 0 {
		t.Errorf("%d children, %v, after the worker ended", tree.Children, err)
	}
}

func TestCommandLine(t *testing.T) {
	if got := CommandLine([]byte("/usr/sbin/sshd\x00-D\x00\x00")); got != "/usr/sbin/sshd -D" {
		t.Errorf("%q", got)
	}
}

const mountinfo = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
25 22 0:5 / /proc rw,nosuid - proc proc rw
30 22 8:1 / /srv/my\040files ro,noatime shared:3 master:1 - ext4 /dev/sda1 rw
31 22 0:40 / /sounds rw,relatime - nfs4 files.example:/sounds rw,vers=4.2,addr=192.0.2.7
32 22 0:41 / /srv/my\040files rw - tmpfs none ro,size=1k
broken line
`

func TestParseMounts(t *testing.T) {
	want := []Mount{
		{Point: "/", Number: "254:0", Type: "ext4", Device: "/dev/vda", Options: "rw,relatime", Super: "rw,discard"},
		{Point: "/proc", Number: "0:5", Type: "proc", Device: "proc", Options: "rw,nosuid", Super: "rw"},
		{Point: "/srv/my files", Number: "0:41", Type: "tmpfs", Device: "none", Options: "rw", Super: "ro,size=1k"},
		{Point: "/sounds", Number: "0:40", Type: "nfs4", Device: "files.example:/sounds", Options: "rw,relatime", Super: "rw,vers=4.2,addr=192.0.2.7"},
	}
	got := ParseMounts([]byte(mountinfo))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if broken := (Mount{Options: "rw,relatime", Super: "ro,errors=remount-ro"}).Flags(); broken != "ro,relatime" || got[0].Flags() != got[0].Options {
		t.Errorf("a file system that the kernel made read-only has the flags %q", broken)
	}
	if got[0].ReadOnly() || !got[2].ReadOnly() {
		t.Error("what can be written is not told from what cannot")
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add([]byte(mountinfo))
	f.Fuzz(func(t *testing.T, text []byte) {
		seen := map[string]bool{}
		for _, m := range ParseMounts(text) {
			if seen[m.Point] {
				t.Errorf("two mounts at %q", m.Point)
			}
			seen[m.Point] = true
		}
	})
}

func BenchmarkTable(b *testing.B) {
	table := NewTable("/proc")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Tree(1, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// add writes one process as /proc shows it.
func add(t *testing.T, root string, s Stat, cmdline string) {
	t.Helper()
	dir := filepath.Join(root, strconv.Itoa(s.PID))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if s.State == 0 {
		s.State = 'S'
	}
	write(t, filepath.Join(dir, "stat"), s.String())
	write(t, filepath.Join(dir, "cmdline"), cmdline)
}
