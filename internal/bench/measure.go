package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: 1/100 s on every Linux that Go runs on (proc(5), USER_HZ).
const tick = 10 * time.Millisecond

// usage is what a process used: its own CPU time and that of the children it waited for, and its memory.
type usage struct {
	own, children time.Duration
	resident      float64 // MiB
}

// cells writes usage over a minute for a table.
func (u usage) cells() []string {
	return []string{fmt.Sprintf("%.2f", u.own.Seconds()), fmt.Sprintf("%.2f", u.children.Seconds()), fmt.Sprintf("%.1f", u.resident)}
}

// atRest returns what processes use in a minute, from a span that they are watched for, all at once; their memory is that at its end.
func atRest(ctx context.Context, span time.Duration, pids ...int) ([]usage, error) {
	before, err := usages(pids)
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, span); err != nil {
		return nil, err
	}
	after, err := usages(pids)
	if err != nil {
		return nil, err
	}
	for i, b := range before {
		after[i].own = perMinute(after[i].own-b.own, span)
		after[i].children = perMinute(after[i].children-b.children, span)
	}
	return after, nil
}

func perMinute(d, span time.Duration) time.Duration {
	return time.Duration(float64(d) / span.Minutes())
}

func usages(pids []int) ([]usage, error) {
	var all []usage
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return nil, fmt.Errorf("reading the CPU time: %w", err)
		}
		u, err := parseStat(string(text))
		if err != nil {
			return nil, err
		}
		u.resident = residentMiB(pid)
		all = append(all, u)
	}
	return all, nil
}

// parseStat reads utime, stime, cutime and cstime, the fields 14 to 17 of proc(5). The second field may hold spaces and brackets.
func parseStat(text string) (usage, error) {
	_, rest, found := cutLast(text, ") ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 15 {
		return usage{}, errors.New("reading the CPU time: not a stat file of proc(5)")
	}
	var times [4]time.Duration
	for i, field := range fields[11:15] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return usage{}, fmt.Errorf("reading the CPU time: %w", err)
		}
		times[i] = time.Duration(n) * tick
	}
	return usage{own: times[0] + times[1], children: times[2] + times[3]}, nil
}

func cutLast(text, sep string) (before, after string, found bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}

// residentMiB is 0 for a process that is gone.
func residentMiB(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

// quantile is the smallest value that at least the share q of the values does not exceed; 0 of none.
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[max(rank, 0)]
}

// spread is median, 95th percentile and maximum, for a table; dashes of none.
func spread(values []time.Duration) []string {
	if len(values) == 0 {
		return []string{"–", "–", "–"}
	}
	return []string{millis(quantile(values, 0.5)), millis(quantile(values, 0.95)), millis(quantile(values, 1))}
}

func millis(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// table is Markdown; the first row is the head.
func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
		}
	}
	return b.String()
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
