package proc

import (
	"os"
	"slices"
	"strconv"
)

// Left returns the processes that a dead one left behind in the group or the session that it led, by process id. Of one that lives, or
// led neither, there are none.
func Left(root string, pid int) []Stat {
	if own, err := ReadStat(root, pid); pid <= 0 || err == nil && !own.Dead() {
		return nil
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil
	}
	var left []Stat
	for _, entry := range entries {
		other, err := strconv.Atoi(entry.Name())
		if err != nil || other == pid {
			continue
		}
		if s, err := ReadStat(root, other); err == nil && !s.Dead() && (s.Group == pid || s.Session == pid) {
			left = append(left, s)
		}
	}
	slices.SortFunc(left, func(a, b Stat) int { return a.PID - b.PID })
	return left
}
