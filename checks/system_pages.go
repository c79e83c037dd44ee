package checks

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// files reads how many files are open, and how many may be (proc_sys_fs(5): allocated, unused, maximum).
func (s *system) files(r *Report) error {
	text, err := s.read("sys/fs/file-nr")
	if err != nil {
		return err
	}
	var open, unused, most uint64
	if _, err := fmt.Sscan(text, &open, &unused, &most); err != nil {
		return fmt.Errorf("reading the machine's file-nr: %w", err)
	}
	used := float64(open - min(unused, open))
	r.Value("filedescriptors", used)
	if most > 0 {
		r.Value("filedescriptors_percent", 100*used/float64(most))
	}
	return nil
}

// pagingNames are the values that come from lines of /proc/vmstat (proc_vmstat(5)).
var pagingNames = map[string]string{"pswpin": "pagein_per_second", "pswpout": "pageout_per_second"}

// pages reads how much goes to and comes from swap. A kernel without swap has no such lines.
func (s *system) pages(r *Report) error {
	text, err := s.read("vmstat")
	if err != nil {
		return err
	}
	s.paging.report(r, time.Now(), parsePaging(text))
	return nil
}

func parsePaging(text string) map[string]uint64 {
	totals := make(map[string]uint64, len(pagingNames))
	for line := range strings.Lines(text) {
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		value, known := pagingNames[name]
		if !known {
			continue
		}
		if n, err := strconv.ParseUint(number, 10, 64); err == nil {
			totals[value] = n
		}
	}
	return totals
}
