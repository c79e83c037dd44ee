// Package slim gives back the memory that only a program's start needed.
package slim

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Down gives the heap that is free back to the system, and drops the pages of the program's own file that are mapped: those that are
// still needed come back out of the page cache when they are touched, at some microseconds each. Of a Go program about half of what
// counts as resident is code and tables that ran once. It changes nothing that the program can see.
func Down() error {
	debug.FreeOSMemory()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("finding the program's file: %w", err)
	}
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("reading the program's mappings: %w", err)
	}
	for _, m := range mappings(text, self) {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("dropping pages of the program's file: %w", errno)
		}
	}
	return nil
}

type mapping struct{ from, to uintptr }

// mappings are the parts of a file that are mapped, cannot be written and never were, after proc(5): pages that were changed, as the
// loader changes those of a position-independent program, exist nowhere else and are left alone.
func mappings(smaps []byte, file string) []mapping {
	var found []mapping
	wanted := false
	lines := bufio.NewScanner(bytes.NewReader(smaps))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"):
			var m mapping
			if m, wanted = candidate(fields, file); wanted {
				found = append(found, m)
			}
		case wanted && len(fields) >= 2 && fields[0] == "Anonymous:" && fields[1] != "0":
			found, wanted = found[:len(found)-1], false
		}
	}
	return found
}

func candidate(fields []string, file string) (mapping, bool) {
	if len(fields) < 6 || fields[5] != file || strings.Contains(fields[1], "w") {
		return mapping{}, false
	}
	low, high, _ := strings.Cut(fields[0], "-")
	from, errFrom := strconv.ParseUint(low, 16, 64)
	to, errTo := strconv.ParseUint(high, 16, 64)
	return mapping{uintptr(from), uintptr(to)}, errFrom == nil && errTo == nil && from < to
}
