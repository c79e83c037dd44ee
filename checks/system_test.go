package checks

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSystem(t *testing.T) {
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "loadavg"), "0.52 1.04 2.08 1/123 4567\n")
	writeFile(t, filepath.Join(root, "uptime"), "3600.25 7000.00\n")
	writeFile(t, filepath.Join(root, "meminfo"), "MemTotal:       1000 kB\nMemFree: 100 kB\nMemAvailable:    250 kB\nSwapTotal: 200 kB\nSwapFree: 150 kB\nHugePages_Total: 0\n")
	writeFile(t, filepath.Join(root, "stat"), "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 1 1\n")
	if err := os.MkdirAll(filepath.Join(root, "sys/fs"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "sys/fs/file-nr"), "1500\t500\t10000\n")
	writeFile(t, filepath.Join(root, "vmstat"), "pgpgin 7\npswpin 1000\npswpout 2000\n")
	s := &system{root: root, paging: rates{}}
	cores := float64(runtime.NumCPU())
	want := map[string]float64{
		"load1": 0.52, "load5": 1.04, "load15": 2.08, "load1_per_core": 0.52 / cores, "load5_per_core": 1.04 / cores, "load15_per_core": 2.08 / cores,
		"memory_bytes": 750 * 1024, "memory_percent": 75, "swap_bytes": 50 * 1024, "swap_percent": 25, "uptime_seconds": 3600.25,
		"filedescriptors": 1000, "filedescriptors_percent": 10,
	}
	if diff := cmp.Diff(want, run(t, s).Values); diff != "" {
		t.Error(diff)
	}

	for _, m := range s.paging {
		m.at = m.at.Add(-10 * time.Second)
	}
	writeFile(t, filepath.Join(root, "vmstat"), "pswpin 1500\npswpout 2000\n")
	writeFile(t, filepath.Join(root, "stat"), "cpu  130 0 60 840 60 0 5 5 10 0\n")
	maps.Copy(want, map[string]float64{
		"cpu_percent": 50, "cpu_user_percent": 30, "cpu_system_percent": 10, "cpu_wait_percent": 10, "cpu_softirq_percent": 5, "cpu_steal_percent": 5,
		"pagein_per_second": 50, "pageout_per_second": 0, "cpu_guest_percent": 10, "cpu_nice_percent": 0, "cpu_hardirq_percent": 0, "cpu_guestnice_percent": 0,
	})
	r := run(t, s)
	if diff := cmp.Diff(want, r.Values, cmpopts.EquateApprox(0.05, 1e-9)); diff != "" {
		t.Error(diff)
	}
	wantDeclared(t, "system", r)
}

func TestSystemReportsWhatItCan(t *testing.T) {
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "uptime"), "3600.25 7000.00\n")
	writeFile(t, filepath.Join(root, "loadavg"), "1.0")
	writeFile(t, filepath.Join(root, "stat"), "intr 1 2 3")
	r := &Report{}
	if err := (&system{root: root, paging: rates{}}).Run(t.Context(), r); err == nil {
		t.Error("a machine without meminfo makes no error")
	}
	if r.Values["uptime_seconds"] != 3600.25 {
		t.Errorf("what can be read is lost: %v", r.Values)
	}
}

func FuzzParseCPU(f *testing.F) {
	f.Add("cpu  130 0 60 840 60 0 5 5 10 0\n")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = parseCPU(text) })
}

func FuzzParseMeminfo(f *testing.F) {
	f.Add("MemTotal:       1000 kB\nHugePages_Total: 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		for name, v := range parseMeminfo(text) {
			if v < 0 {
				t.Errorf("%s is %v", name, v)
			}
		}
	})
}

func FuzzParsePaging(f *testing.F) {
	f.Add("pswpin 1000\npswpout 2000\n")
	f.Fuzz(func(t *testing.T, text string) {
		if n := len(parsePaging(text)); n > len(pagingNames) {
			t.Errorf("%d values", n)
		}
	})
}
