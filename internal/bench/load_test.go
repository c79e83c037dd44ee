package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestServiceIsStartedAgainAndEnded(t *testing.T) {
	s, err := startServices(t.Context(), t.TempDir(), 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.end)
	if _, err := s.kill(t.Context(), s.pidfiles[0], 20*time.Millisecond); err == nil {
		t.Error("nobody watches it, and yet it was started again")
	}
	if _, err := s.fell(s.pidfiles[1] + ".gone"); err == nil {
		t.Error("what is not there was killed")
	}
	left, err := readPID(s.pidfiles[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.pidfiles[1]); err != nil {
		t.Fatal(err)
	}
	s.end()
	err = until(t.Context(), time.Millisecond, patience, func() error {
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", left)); err == nil && len(text) > 0 {
			return errors.New("a daemon without a pid file was left")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestMixedLoadIsThatOfTheReference(t *testing.T) {
	s := &services{script: "/start"}
	for c := range strings.SplitSeq("abcdefghijklmnopqrst", "") {
		s.pidfiles = append(s.pidfiles, "/run/"+c+".pid")
	}
	l, err := mixedLoad(s, t.TempDir(), "127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]int{"process": 20, "file": 10, "filesystem": 5, "directory": 5, "host": 10, "program": 10, "system": 1} {
		if got := strings.Count(l.text, "check "+kind+" "); got != want {
			t.Errorf("%d of kind %s, want %d", got, kind, want)
		}
	}
	if l.services != 61 || l.name != "61 services" {
		t.Errorf("got %d, %q", l.services, l.name)
	}
}
