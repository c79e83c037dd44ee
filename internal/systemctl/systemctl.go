// Package systemctl names the program that speaks with systemd, in one place for those who ask and those who act.
package systemctl

import (
	"errors"
	"os"
	"slices"
	"sync/atomic"
)

// other is a line to use instead of the machine's own systemctl; nil: none.
var other atomic.Pointer[[]string]

// runs is the folder that only a machine started by systemd has (sd_booted(3)).
const runs = "/run/systemd/system"

// ErrNoSystemd is what a machine with another init ends with.
var ErrNoSystemd = errors.New("this machine was not started by systemd")

// Available returns nil when units can be asked for.
func Available() error {
	if other.Load() != nil {
		return nil
	}
	if _, err := os.Stat(runs); err != nil {
		return ErrNoSystemd
	}
	if _, err := os.Stat(program()); err != nil {
		return errors.New("systemctl is not installed in /usr/bin or /bin")
	}
	return nil
}

// Argv is the line that runs systemctl with these arguments.
func Argv(args ...string) []string {
	if line := other.Load(); line != nil {
		return append(slices.Clone(*line), args...)
	}
	return append([]string{program()}, args...)
}

// Use takes another line for systemctl until restore is called: a test has a systemd of its own.
func Use(line []string) (restore func()) {
	before := other.Swap(&line)
	return func() { other.Store(before) }
}

// program is in /bin alone on systems whose /usr is not merged.
func program() string {
	const usual, old = "/usr/bin/systemctl", "/bin/systemctl"
	if _, err := os.Stat(usual); err == nil {
		return usual
	}
	if _, err := os.Stat(old); err == nil {
		return old
	}
	return usual
}
