package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

// machine says what the figures were measured on, and when.
func machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	kib, _ := strconv.Atoi(strings.TrimSuffix(valueIn("/proc/meminfo", "MemTotal", ":"), " kB"))
	return fmt.Sprintf("%d x %s, %d GiB of memory, %s, Linux %s; %s", runtime.NumCPU(), valueIn("/proc/cpuinfo", "model name", ":"),
		kib>>20, strings.Trim(valueIn("/etc/os-release", "PRETTY_NAME", "="), `"`),
		strings.TrimSpace(string(kernel)), time.Now().UTC().Format("2006-01-02 15:04 MST"))
}

// load1 says how busy the machine is with other things, to be read before anything is measured.
func load1() string {
	text, _ := os.ReadFile("/proc/loadavg")
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

// valueIn returns the first value of a key in a file of keys and values.
func valueIn(path, key, sep string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown " + key
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, sep); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return "unknown " + key
}

// firstLine returns the first line that a program prints, which is where they name their version.
func firstLine(ctx context.Context, s command.Spec) (string, error) {
	r, err := command.Run(ctx, s)
	line, _, _ := strings.Cut(r.Output, "\n")
	return strings.TrimSpace(line), err
}
