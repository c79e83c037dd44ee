package checks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/proc"
)

const (
	diskText = "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0\n 254       0 vda 100 1 2000 300 50 2 1000 200 0 42512 251727 40806 54 15636888 5524 9493 737\n"

	nfsText = `device rootfs mounted on / with fstype rootfs
device files.example:/sounds mounted on /sounds\040old with fstype nfs4 statvers=1.1
	bytes:	1 2 3 4 5 6 7 8
device files.example:/sounds mounted on /sounds with fstype nfs4 statvers=1.1
	opts:	rw,vers=4.2,rsize=1048576,proto=tcp
	age:	1000
	bytes:	9000 8000 0 0 4096 2048 1 1
	RPC iostats version: 1.1  p/v: 100003/4 (nfs)
	per-op statistics
	        NULL: 1 1 0 44 24 0 0 0 0
	        READ: 10 10 0 2000 40000 1 20 30 0
	       WRITE: 5 5 0 40000 1000 1 60 70 0
`
	cifsText = `Resources in use
CIFS Session: 1
1) \\server\share
SMBs: 20
Reads:  10 Bytes: 4096
Writes: 5 Bytes: 2048
2) \\server\data
Reads:  1 Bytes: 1
`
)

func TestParseActivity(t *testing.T) {
	allow := cmp.AllowUnexported(ioCount{})
	disk, found := parseDiskstats([]byte(diskText), "254:0")
	if diff := cmp.Diff(ioCount{reads: 100, readBytes: 2000 * 512, writes: 50, writeBytes: 1000 * 512, milliseconds: 500, timed: true}, disk, allow); diff != "" || !found {
		t.Errorf("disk: %t %s", found, diff)
	}
	nfs, found := parseNFS([]byte(nfsText), "/sounds")
	if diff := cmp.Diff(ioCount{reads: 10, readBytes: 4096, writes: 5, writeBytes: 2048, milliseconds: 100, timed: true}, nfs, allow); diff != "" || !found {
		t.Errorf("nfs: %t %s", found, diff)
	}
	if old, found := parseNFS([]byte(nfsText), "/sounds old"); !found || old.readBytes != 5 || old.timed {
		t.Errorf("another mount of the export: %t %+v", found, old)
	}
	cifs, found := parseCIFS([]byte(cifsText), "//Server/share")
	if diff := cmp.Diff(ioCount{reads: 10, readBytes: 4096, writes: 5, writeBytes: 2048}, cifs, allow); diff != "" || !found {
		t.Errorf("cifs: %t %s", found, diff)
	}
	if _, found := parseDiskstats([]byte(diskText), "0:21"); found {
		t.Error("a disk that is not there is counted")
	}
	if _, found := parseNFS([]byte(nfsText), "/"); found {
		t.Error("a mount without counters is counted")
	}
}

func TestFilesystemActivity(t *testing.T) {
	f := mounts(t, "/", full)
	disk := filepath.Join(filepath.Dir(f.mountinfo), "diskstats")
	writeFile(t, disk, diskText)
	if r := run(t, f); r.Values["read_bytes_per_second"] != 0 {
		t.Errorf("known from one look: %v", r.Values)
	}
	for _, m := range f.activity.rates {
		m.at = m.at.Add(-10 * time.Second)
	}
	writeFile(t, disk, strings.Replace(diskText, "vda 100 1 2000 300 50 2 1000 200", "vda 200 1 4000 500 150 2 3000 600", 1))
	r := run(t, f)
	want := map[string]float64{
		"read_bytes_per_second": 102400, "write_bytes_per_second": 102400, "read_operations_per_second": 10, "write_operations_per_second": 10, "service_time_seconds": 0.003,
	}
	for name, value := range want {
		if diff := cmp.Diff(value, r.Values[name], cmpopts.EquateApprox(0.05, 0)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	wantDeclared(t, "filesystem", r)
	if r := run(t, f); r.Values["service_time_seconds"] != 0 {
		t.Errorf("an idle disk takes %v s", r.Values["service_time_seconds"])
	}
}

// TestRealFilesystem asks the root of this machine.
func TestRealFilesystem(t *testing.T) {
	r := run(t, newCheck(t, "filesystem", &control.Service{Path: "/"}))
	if r.Existence != Present || r.Values["space_total_bytes"] <= 0 || r.Texts["fsflags"] == "" {
		t.Errorf("seen as %+v", r)
	}
}

// TestRealMountsAreCounted: where a disk is mounted, the kernel's own table holds its counters.
func TestRealMountsAreCounted(t *testing.T) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Skip("no /proc here")
	}
	for _, m := range proc.ParseMounts(text) {
		if !isDevice(m.Device) || m.Type == "tmpfs" || m.Type == "devtmpfs" {
			continue
		}
		a := newActivity("/proc")
		if c, found := a.count(m); !found {
			t.Errorf("%+v is not counted: %+v", m, c)
		}
	}
}

func FuzzParseActivity(f *testing.F) {
	for _, text := range []string{diskText, nfsText, cifsText} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(_ *testing.T, text []byte) {
		_, _ = parseDiskstats(text, "254:0")
		_, _ = parseNFS(text, "/sounds")
		_, _ = parseCIFS(text, "//server/share")
	})
}
