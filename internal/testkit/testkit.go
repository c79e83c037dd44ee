// Package testkit gives tests real servers to talk to, out of Debian packages that are unpacked and not installed.
//
// Everything a server needs lives in the test's own folder, everything listens on 127.0.0.1, and every server is ended by its
// process id when the test ends. Where packages cannot be had, a test that needs one is skipped and says why; with
// DIALTONE_REQUIRE_REAL=1 it fails instead.
package testkit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

// unpackTimeout covers the largest package on a slow mirror; what is cached is there at once.
const unpackTimeout = 25 * time.Minute

// Binary is one program of an unpacked package. Its libraries are in the package's own folder, so it runs with Env or by Argv.
type Binary struct {
	Path string            // absolute
	Root string            // the folder that the package and what it depends on are unpacked in
	Env  map[string]string // what it needs beside PATH, its library path above all

	Inside []string // start of the line that runs it in a view of its own; see Installed
}

// Argv is a line that runs the program from anywhere, a control file or an init system included: env(1) sets Env and then
// becomes the program, so /proc/PID/comm is the program's own name.
func (b Binary) Argv(args ...string) []string {
	argv := []string{"/usr/bin/env"}
	for _, name := range slices.Sorted(maps.Keys(b.Env)) {
		argv = append(argv, name+"="+b.Env[name])
	}
	return append(append(argv, b.line()...), args...)
}

// Spec is the same for command.Run and command.Start.
func (b Binary) Spec(args ...string) command.Spec {
	return command.Spec{Argv: append(b.line(), args...), Env: b.Env}
}

func (b Binary) line() []string { return append(slices.Clone(b.Inside), b.Path) }

// Program returns the program called name out of the packages that scripts/packages.txt lists as pkg, and unpacks them when they
// are not in the cache. A test that cannot have it is skipped, or fails when DIALTONE_REQUIRE_REAL=1.
func Program(t testing.TB, pkg, name string) Binary {
	t.Helper()
	b, err := Find(t.Context(), pkg, name)
	if err != nil {
		unavailable(t, err)
	}
	return b
}

// Find is Program for those who are no test.
func Find(ctx context.Context, pkg, name string) (Binary, error) {
	root, err := unpack(ctx, pkg)
	if err != nil {
		return Binary{}, err
	}
	libs, err := os.ReadFile(filepath.Join(root, ".libs"))
	if err != nil {
		return Binary{}, fmt.Errorf("reading the library path of %s: %w", pkg, err)
	}
	for _, dir := range []string{"usr/sbin", "usr/bin", "sbin", "bin", "lib/systemd", "usr/lib/" + pkg, "usr/lib/nagios/plugins"} {
		path := filepath.Join(root, dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return Binary{Path: path, Root: root, Env: map[string]string{"LD_LIBRARY_PATH": strings.TrimSpace(string(libs))}}, nil
		}
	}
	return Binary{}, fmt.Errorf("no program %s in the packages of %s (%s)", name, pkg, root)
}

// Browser is a headless Chromium with fonts and a profile of its own; see scripts/chromium.
func Browser(t testing.TB) Binary {
	t.Helper()
	b := Program(t, "chromium", "chromium")
	top, err := projectFolder()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return Binary{Path: filepath.Join(top, "scripts", "chromium"), Root: b.Root, Env: surroundings()}
}

// unavailable ends the test: whoever demands real servers must not be told that all is well without them.
func unavailable(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("DIALTONE_REQUIRE_REAL") == "1" {
		t.Fatalf("%v", err)
	}
	t.Skipf("needs a real server: %v", err)
}

// unpack asks scripts/debian-root.sh, which locks, caches and says what is wrong in one line.
func unpack(ctx context.Context, pkg string) (string, error) {
	top, err := projectFolder()
	if err != nil {
		return "", err
	}
	r, err := command.Run(ctx, command.Spec{
		Argv:    []string{filepath.Join(top, "scripts", "debian-root.sh"), pkg},
		Env:     surroundings(),
		Timeout: unpackTimeout,
	})
	if err != nil {
		return "", fmt.Errorf("unpacking %s: %w", pkg, err)
	}
	output := strings.TrimSpace(r.Output)
	if r.TimedOut || r.ExitCode != 0 {
		return "", fmt.Errorf("%s (debian-root.sh %s: exit status %d)", output, pkg, r.ExitCode)
	}
	return output, nil
}

// surroundings are what the scripts need of the environment: where files go and how the mirror is reached.
func surroundings() map[string]string {
	env := map[string]string{}
	for _, name := range []string{"HOME", "TMPDIR", "XDG_CACHE_HOME", "DIALTONE_CACHE", "http_proxy", "https_proxy", "no_proxy"} {
		if value := os.Getenv(name); value != "" {
			env[name] = value
		}
	}
	return env
}

// projectFolder looks upwards from the working directory, which for a test is its package's folder.
func projectFolder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for !slices.Contains([]string{"/", "."}, dir) {
		if _, err := os.Stat(filepath.Join(dir, "scripts", "packages.txt")); err == nil {
			return dir, nil
		}
		dir = filepath.Dir(dir)
	}
	return "", errors.New("no scripts/packages.txt above the working directory; run this inside the project")
}
