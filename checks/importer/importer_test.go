package importer

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a written file with the one kept, and parses it.
func golden(t *testing.T, name string, got []byte) *control.File {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
	return parse(t, got)
}

func parse(t *testing.T, text []byte) *control.File {
	t.Helper()
	file, err := control.Parse("imported.conf", text, checks.Vocabulary())
	if err != nil {
		t.Fatalf("what was written does not parse:\n%v\n%s", err, text)
	}
	for _, s := range file.Services {
		if _, err := checks.New(s); err != nil {
			t.Errorf("%v", err)
		}
	}
	return file
}

func TestNagios(t *testing.T) {
	text, err := Nagios{Dir: "testdata/nagios"}.Write()
	if err != nil {
		t.Fatal(err)
	}
	file := golden(t, "nagios.conf", text)
	argv := map[string][]string{}
	for _, s := range file.Services {
		if s.Program != nil {
			argv[s.Name] = s.Program.Argv
		}
	}
	want := map[string][]string{
		"web1_Root_Partition": {"/usr/lib/nagios/plugins/check_disk", "-w", "20%", "-c", "10%", "-p", "/"},
		"web1_HTTP": {
			"/usr/lib/nagios/plugins/check_http", "-H", "192.0.2.10", "-p", "8080", "-a", `monitor:s3cr!t "word"`, "-u", "/health?x=1&y=2", `--string=it's fine`,
		},
		"web1_files": {"/bin/sh", "-c", "/bin/ls /srv | /usr/bin/wc -l"},
	}
	for name, words := range want {
		if diff := cmp.Diff(words, argv[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestNagiosFollows: what a main file names is read as well, wherever it is.
func TestNagiosFollows(t *testing.T) {
	main := filepath.Join(t.TempDir(), "nagios.cfg")
	objects, err := filepath.Abs("testdata/nagios/objects")
	if err != nil {
		t.Fatal(err)
	}
	text := "cfg_dir=" + objects + "\ncfg_file=" + objects + "/hosts.cfg\ncfg_dir=/no/such\nresource_file=" + filepath.Dir(objects) + "/resource.cfg\n"
	if err := os.WriteFile(main, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	written, err := Nagios{Dir: main}.Write()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(written), "\ncheck "); n != 6 || !strings.Contains(string(written), "nagios.cfg:3: reading the configuration: stat /no/such: no such file or directory") {
		t.Errorf("%d statements in\n%s", n, written)
	}
	parse(t, written)
}

func TestNRPE(t *testing.T) {
	text, err := Nagios{Dir: "testdata/nrpe"}.Write()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "nrpe.conf", text)
}

// muninFolder makes a folder as a munin-node has it.
func muninFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"library/load":        "#!/bin/sh\n#%# capabilities=autoconf\n[ \"$1\" = autoconf ] && echo yes\n",
		"library/if_":         "#!/bin/sh\n#%# family=auto\n#%# capabilities=autoconf suggest\n[ \"$1\" = autoconf ] && echo yes\n[ \"$1\" = suggest ] && echo eth0 && echo eth1\nexit 0\n",
		"library/no":          "#!/bin/sh\n#%# capabilities=autoconf\necho 'no (no such program)'\n",
		"library/mute":        "#!/bin/sh\ntouch \"${0%/*}/../ran\"\n",
		"plugins/load.bak":    "#!/bin/sh\n",
		"plugins/a b":         "#!/bin/sh\n",
		"plugins/9lives":      "#!/bin/sh\n",
		"plugins/fifo.README": "text\n",
		"plugin-conf.d/x":     "[*]\nuser root\n[load]\nnonsense\n",
		"munin-node.conf":     "host *\nport 4949\nallow ^127\\.0\\.0\\.1$\nallow ^::1$\ncidr_allow 192.0.2.0/24\nallow ^10\\.\n",
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		mode := os.FileMode(0o755)
		if !strings.HasPrefix(text, "#!") {
			mode = 0o644
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"if_eth0": "if_", "load": "load", "gone": "gone"} {
		if err := os.Symlink(filepath.Join(dir, "library", to), filepath.Join(dir, "plugins", name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestMunin(t *testing.T) {
	dir := muninFolder(t)
	text, err := Munin{Plugins: filepath.Join(dir, "plugins")}.Write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "munin.conf", []byte(strings.ReplaceAll(string(text), dir, "/etc/munin")))
	parse(t, text)
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("a plugin was run though nobody asked for suggestions")
	}
}

// TestMuninSuggests asks the plugins that can be asked, and no others.
func TestMuninSuggests(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the plugins of this test run as root")
	}
	dir := muninFolder(t)
	text, err := Munin{Plugins: filepath.Join(dir, "plugins"), Library: filepath.Join(dir, "library")}.Write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	parse(t, text)
	_, suggested, _ := strings.Cut(string(text), "# Suggestions")
	want := "#   ln -s DIR/library/if_ DIR/plugins/if_eth1\n#   check munin if_eth1 with plugin DIR/plugins/if_eth1\n"
	if !strings.Contains(suggested, strings.ReplaceAll(want, "DIR", dir)) || strings.Contains(suggested, "eth0") || strings.Contains(suggested, "check munin load") {
		t.Errorf("suggested%s", suggested)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("a plugin that cannot be asked was run")
	}
}

func TestMissingFolders(t *testing.T) {
	if _, err := (Munin{Plugins: "/no/such"}).Write(t.Context()); err == nil || err.Error() != "reading the folder of plugins: open /no/such: no such file or directory" {
		t.Error(err)
	}
	if _, err := (Nagios{Dir: "/no/such"}).Write(); err == nil || err.Error() != "reading the configuration: stat /no/such: no such file or directory" {
		t.Error(err)
	}
}

// TestSplitAsTheShell: where a line is divided without a shell, sh divides it the same.
func TestSplitAsTheShell(t *testing.T) {
	for _, line := range []string{
		"/bin/a b  c", `/bin/a 'b c' "d e" f\ g`, `/bin/a "it's" 'say "x"' a"b"'c'`, `/bin/a "\a\"\\\$" \"`, "/bin/a ''", `/bin/a a~b a#b x=1,2%:/@+!`,
	} {
		argv, simple := split(line)
		if !simple {
			t.Errorf("%s is left to a shell", line)
			continue
		}
		r, err := command.Run(t.Context(), command.Spec{Argv: []string{"/bin/sh", "-c", `set -- ` + line + `; for a; do printf '<%s>' "$a"; done`}})
		if err != nil {
			t.Fatal(err)
		}
		if got := "<" + strings.Join(argv, "><") + ">"; got != r.Output {
			t.Errorf("%s is divided into %s, by sh into %s", line, got, r.Output)
		}
	}
	for _, line := range []string{"/bin/a | b", "/bin/a $HOME", "/bin/a *", "/bin/a `b`", `/bin/a "$x"`, "/bin/a 'open", "/bin/a;b", "/bin/a >f", "/bin/a ~/x", "/bin/a #x"} {
		if argv := argvOf(line); len(argv) != 3 || argv[2] != line {
			t.Errorf("%s is divided into %q", line, argv)
		}
	}
}

// TestDebiansOwn imports what the packages of munin-node, Nagios and NRPE bring.
func TestDebiansOwn(t *testing.T) {
	nagios := testkit.Program(t, "nagios", "nagios4stats").Root
	text, err := Nagios{Dir: filepath.Join(nagios, "etc/nagios4")}.Write()
	if err != nil {
		t.Fatal(err)
	}
	file := parse(t, text)
	var names []string
	for _, s := range file.Services {
		names = append(names, s.Name)
	}
	for _, want := range []string{"localhost_Root_Partition", "localhost_Current_Load", "localhost_Swap_Usage"} {
		if !strings.Contains(strings.Join(names, " "), want) {
			t.Errorf("no %s of Debian's nagios4: %q\n%s", want, names, text)
		}
	}
	text, err = Nagios{Dir: filepath.Join(nagios, "etc/nagios/nrpe.cfg")}.Write()
	if err != nil {
		t.Fatal(err)
	}
	if file := parse(t, text); len(file.Services) != 5 {
		t.Errorf("%d services of Debian's nrpe.cfg\n%s", len(file.Services), text)
	}
}

func FuzzNagios(f *testing.F) {
	f.Add("define service{\nhost_name a\nservice_description b\ncheck_command c!d\n}\ndefine command{\ncommand_name c\ncommand_line /bin/e $ARG1$ 'f\n}\ndefine host{\nhost_name a\n}\n")
	f.Add("command[x]=/bin/true \"a\\\"b\" $HOSTNAME$\n")
	f.Add("$USER1$=/x\ndefine host{\nhost_name é\nuse é\ncheck_command c\nmax_check_attempts 9\n}")
	vocabulary := checks.Vocabulary()
	f.Add("define host{\nname a\nuse a,b,a,b\n}\ndefine host{\nname b\nuse a,b,a,b\nhost_name x\n}\ncommand_timeout=5\ninterval_length=60\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, key := range follows {
			text = strings.ReplaceAll(text, key, "nothing") // the machine's own files are no part of this
		}
		w := newNagiosWriter()
		w.read("x.cfg", text)
		w.write()
		written := w.finish()
		if _, err := control.Parse("x", written, vocabulary); err != nil {
			t.Errorf("%v\n%s", err, written)
		}
	})
}
