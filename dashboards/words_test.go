package dashboards

import (
	"strings"
	"testing"

	"github.com/dialtone/dialtone"
)

func TestARowShowsWhatTells(t *testing.T) {
	unit := func(name, unit string, v float64) dialtone.NamedValue {
		return dialtone.NamedValue{Name: name, Unit: unit, Value: v}
	}
	for _, tc := range []struct {
		kind   string
		values []dialtone.NamedValue
		want   string
	}{
		{"process", []dialtone.NamedValue{
			unit("children", "count", 0), unit("cpu_percent", "percent", 12.5), unit("filedescriptors", "count", 9), unit("memory_bytes", "bytes", 3<<20),
			unit("memory_percent", "percent", 1), unit("pid", "count", 1234567), unit("uptime_seconds", "seconds", 5400),
		}, "cpu 12.5 %, memory 3 MiB, uptime 1 h 30 min, pid 1234567"},
		{"system", []dialtone.NamedValue{
			unit("cpu_guest_percent", "percent", 0), unit("cpu_percent", "percent", 7), unit("load1", "count", 0.5), unit("memory_percent", "percent", 40),
		}, "cpu 7 %, load1 0.5, memory 40 %"},
		{"filesystem", []dialtone.NamedValue{
			unit("inode_free_percent", "percent", 96), unit("inode_percent", "percent", 4), unit("space_free_bytes", "bytes", 1<<30), unit("space_percent", "percent", 74),
		}, "space 74 %, space free 1 GiB, inode 4 %"},
		{"host", nil, ""},
		{"program", []dialtone.NamedValue{unit("status", "count", 2), unit("took_seconds", "seconds", 0.001)}, "status 2, took 1 ms"},
		{"queue", []dialtone.NamedValue{unit("a", "", 1), unit("b", "", 2), unit("c", "", 3), unit("d", "", 4), unit("e", "", 5), unit("f", "", 6)}, "a 1, b 2, c 3, d 4, e 5"},
	} {
		var said []string
		for _, v := range values(dialtone.ServiceStatus{Kind: tc.kind, Values: tc.values}) {
			said = append(said, valueName(v)+" "+value(v))
		}
		if got := strings.Join(said, ", "); got != tc.want {
			t.Errorf("%s shows %q, want %q", tc.kind, got, tc.want)
		}
	}
}

func TestPathsBreakAfterSlashes(t *testing.T) {
	if got, want := string(breakable(`says /run/<b>"x".pid`)), `says /<wbr>run/<wbr>&lt;b&gt;&#34;x&#34;.pid`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
