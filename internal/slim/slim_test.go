package slim

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMappings(t *testing.T) {
	const smaps = `00400000-00b00000 r-xp 00000000 fe:00 1          /usr/bin/dialtone-agent
Rss:                7104 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00b00000-01200000 r--p 00700000 fe:00 1          /usr/bin/dialtone-agent
Anonymous:             0 kB
01200000-01250000 rw-p 00e00000 fe:00 1          /usr/bin/dialtone-agent
Anonymous:             8 kB
01300000-01350000 r--p 00e00000 fe:00 1          /usr/bin/dialtone-agent
Anonymous:             8 kB
01350000-01390000 rw-p 00000000 00:00 0
Anonymous:             4 kB
7f0000000000-7f0000001000 r--p 00000000 fe:00 2  /lib/libc.so.6
Anonymous:             0 kB
zz-yy r--p 00000000 fe:00 1                      /usr/bin/dialtone-agent
`
	want := []mapping{{0x400000, 0xb00000}, {0xb00000, 0x1200000}}
	if diff := cmp.Diff(want, mappings([]byte(smaps), "/usr/bin/dialtone-agent"), cmp.AllowUnexported(mapping{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDownLeavesTheProgramRunning: code and tables that were dropped come back.
func TestDownLeavesTheProgramRunning(t *testing.T) {
	for range 3 {
		if err := Down(); err != nil {
			t.Fatal(err)
		}
		TestMappings(t)
	}
}
