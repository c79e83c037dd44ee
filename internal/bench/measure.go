package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: 1/100 s on every Linux that Go runs on (proc(5), USER_HZ).
const tick = 10 * time.Millisecond

// atRest returns the CPU seconds a minute that a process and its ended children used over a span, and its memory afterwards.
func atRest(ctx context.Context, pid int, span time.Duration) (perMinute, residentMB float64, err error) {
	before, err := cpuTime(pid)
	if err != nil {
		return 0, 0, err
	}
	if err := wait(ctx, span); err != nil {
		return 0, 0, err
	}
	after, err := cpuTime(pid)
	if err != nil {
		return 0, 0, err
	}
	return (after - before).Seconds() / span.Minutes(), residentMiB(pid), nil
}

func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the CPU time: %w", err)
	}
	return parseStat(string(text))
}

// parseStat adds up utime, stime, cutime and cstime, the fields 14 to 17 of proc(5). The second field may hold spaces and brackets.
func parseStat(text string) (time.Duration, error) {
	_, rest, found := cutLast(text, ") ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 15 {
		return 0, errors.New("reading the CPU time: not a stat file of proc(5)")
	}
	total := 0
	for _, field := range fields[11:15] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("reading the CPU time: %w", err)
		}
		total += n
	}
	return time.Duration(total) * tick, nil
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

// machine says what the figures were measured on.
func machine() string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d x %s, Linux %s, %s, %s", runtime.NumCPU(), model, strings.TrimSpace(string(release)), runtime.Version(), time.Now().UTC().Format(time.DateOnly))
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
