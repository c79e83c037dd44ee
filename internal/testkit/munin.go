package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dialtone/dialtone/internal/command"
)

// MuninHouse is what a machine with munin-node has: plugins, and the settings that they are run with. The same folders serve the
// agent under test and the real munin-run, munin-node and munin-update.
type MuninHouse struct {
	Root    string // the unpacked packages
	Plugins string // the folder of plugins
	Conf    string // the folder of their settings
	State   string // the folder of what they remember
	Host    string // the name that munin-node gives itself

	run, node, update Binary
	nodeConf          string
}

// Munin prepares a house without plugins. All of them run as root, since their packages are unpacked where nobody else may look.
func Munin(t testing.TB) *MuninHouse {
	t.Helper()
	h := &MuninHouse{
		run: Installed(t, "munin", "munin-run", "munin"), node: Installed(t, "munin", "munin-node", "munin"),
		update: Installed(t, "munin", "munin-cron", "munin"), Host: "node.example",
	}
	h.Root = h.run.Root
	dir := t.TempDir()
	h.Plugins, h.Conf, h.State = filepath.Join(dir, "plugins"), filepath.Join(dir, "conf"), filepath.Join(dir, "state")
	h.nodeConf = filepath.Join(dir, "munin-node.conf")
	for _, folder := range []string{h.Plugins, h.Conf, h.State} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatalf("%v", err)
		}
	}
	share := filepath.Join(h.Root, "usr/share")
	h.Set(t, "a", "[*]\nuser root\nenv.MUNIN_LIBDIR "+share+"/munin\nenv.PERL5LIB "+share+"/perl5\nenv.PERL_INSTALL_ROOT /\n")
	return h
}

// Set writes a file of plugin-conf.d.
func (h *MuninHouse) Set(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.Conf, name), []byte(text), 0o644); err != nil {
		t.Fatalf("%v", err)
	}
}

// Link installs a plugin of the packages under a name, as munin-node-configure does, and returns its path.
func (h *MuninHouse) Link(t testing.TB, name, plugin string) string {
	t.Helper()
	path := filepath.Join(h.Plugins, name)
	if err := os.Symlink(filepath.Join(h.Root, "usr/share/munin/plugins", plugin), path); err != nil {
		t.Fatalf("%v", err)
	}
	return path
}

// Write installs a plugin that is a shell script, and returns its path.
func (h *MuninHouse) Write(t testing.TB, name, script string) string {
	t.Helper()
	path := filepath.Join(h.Plugins, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatalf("%v", err)
	}
	return path
}

// Run asks the real munin-run for what a plugin says to an argument, which may be empty.
func (h *MuninHouse) Run(t testing.TB, plugin, argument string) string {
	t.Helper()
	h.configure(t, 0)
	args := []string{"--config", h.nodeConf, "--servicedir", h.Plugins, "--sconfdir", h.Conf, "--ignore-systemd-properties", plugin}
	if argument != "" {
		args = append(args, argument)
	}
	spec := h.run.Spec(args...)
	spec.Apart, spec.Timeout = true, patience
	r, err := command.Run(t.Context(), spec)
	if err != nil || r.ExitCode != 0 {
		t.Fatalf("munin-run %s %s: status %d, error %v\n%s", plugin, argument, r.ExitCode, err, r.Errors)
	}
	return r.Output
}

// Node starts the real munin-node until the test ends, and returns its address.
func (h *MuninHouse) Node(t testing.TB) string {
	t.Helper()
	port := FreePort(t)
	h.configure(t, port)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	Serve(t, address, h.node, "--config", h.nodeConf, "--servicedir", h.Plugins, "--sconfdir", h.Conf)
	return address
}

func (h *MuninHouse) configure(t testing.TB, port int) {
	t.Helper()
	dir := filepath.Dir(h.nodeConf)
	text := "host_name " + h.Host + "\nuser root\ngroup root\nbackground 0\nsetsid 0\nhost 127.0.0.1\nport " + strconv.Itoa(port) +
		"\nallow ^127\\.0\\.0\\.1$\nlog_file " + dir + "/node.log\npid_file " + dir + "/node.pid\n"
	if err := os.WriteFile(h.nodeConf, []byte(text), 0o644); err != nil {
		t.Fatalf("%v", err)
	}
}

// Update lets the real master, munin-update, ask the node at an address once, and returns the values that it kept: for each
// "PLUGIN.FIELD" the last reading, as text.
func (h *MuninHouse) Update(t testing.TB, address string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	host, port, _ := strings.Cut(address, ":")
	config := filepath.Join(dir, "munin.conf")
	text := "dbdir " + dir + "/db\nhtmldir " + dir + "\nlogdir " + dir + "\nrundir " + dir + "\ntmpldir " + h.Root + "/etc/munin/templates\n\n[" +
		h.Host + "]\naddress " + host + "\nport " + port + "\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatalf("%v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o777); err != nil {
		t.Fatalf("%v", err)
	}
	spec := h.update.Spec("--config", config, "--debug", "--nofork")
	for i, word := range spec.Argv {
		if word == h.update.Path {
			spec.Argv[i] = "/usr/share/munin/munin-update"
		}
	}
	spec.Timeout = 2 * patience
	r, err := command.Run(t.Context(), spec)
	if err != nil || r.ExitCode != 0 {
		t.Fatalf("munin-update: status %d, error %v\n%s", r.ExitCode, err, r.Output)
	}
	return map[string]string{"": r.Output + filesBelow(dir)}
}

func filesBelow(dir string) string {
	var b strings.Builder
	_ = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			fmt.Fprintln(&b, path, info.Size())
		}
		return nil
	})
	return b.String()
}
