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
	shell := h.node
	shell.Path = "/bin/sh" // munin-node takes its folders from no option
	Serve(t, address, shell, "-c", `mount --bind "$1" /etc/munin/plugins && mount --bind "$2" /etc/munin/plugin-conf.d && exec "$3" --config "$4"`,
		"sh", h.Plugins, h.Conf, h.node.Path, h.nodeConf)
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

// Update lets the real master, munin-update, ask the node at an address once, and returns what it then knows of the node: the lines of
// its datafile, "PLUGIN.FIELD.ATTRIBUTE VALUE" and "PLUGIN.ATTRIBUTE VALUE", and the names of its RRD files.
func (h *MuninHouse) Update(t testing.TB, address string) (datafile, rrd []string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "dialtone-munin-") //nolint:usetesting // munin-update refuses to be root, and nobody else may look into t.TempDir
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // a folder of this test alone
		t.Fatalf("%v", err)
	}
	host, port, _ := strings.Cut(address, ":")
	config := filepath.Join(dir, "munin.conf")
	text := "dbdir DIR\nhtmldir DIR\nlogdir DIR\nrundir DIR\ntmpldir /etc/munin/templates\n\n[" + h.Host + "]\naddress " + host + "\nport " + port + "\n"
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o644); err != nil {
		t.Fatalf("%v", err)
	}
	master := h.update
	master.Path = "/usr/bin/setpriv"
	spec := master.Spec("--reuid", "munin", "--regid", "munin", "--clear-groups", "/usr/share/munin/munin-update", "--config", config, "--nofork")
	spec.Timeout = 2 * patience
	r, err := command.Run(t.Context(), spec)
	log, _ := os.ReadFile(filepath.Join(dir, "munin-update.log"))
	if err != nil || r.ExitCode != 0 {
		t.Fatalf("munin-update: status %d, error %v\n%s\n%s", r.ExitCode, err, r.Output, log)
	}
	kept, err := os.ReadFile(filepath.Join(dir, "datafile"))
	if err != nil {
		t.Fatalf("munin-update kept nothing: %v\n%s\n%s", err, r.Output, log)
	}
	for line := range strings.Lines(string(kept)) {
		if _, known, of := strings.Cut(strings.TrimSpace(line), ":"); of {
			datafile = append(datafile, known)
		}
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*.rrd"))
	for _, file := range files {
		rrd = append(rrd, filepath.Base(file))
	}
	return datafile, rrd
}
