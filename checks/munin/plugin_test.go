package munin

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone/internal/testkit"
)

// script installs a plugin of one's own, and settings for it, and returns it.
func script(t *testing.T, name, settings, text string) Plugin {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 && !strings.Contains(settings, "user") {
		settings = "[" + name + "]\nuser root\n" + settings // nobody else may look into the test's folder
	}
	return Plugin{Path: path, ConfDir: confDir(t, map[string]string{"x": settings}), StateDir: filepath.Join(dir, "state"), Node: "node.example"}
}

func TestRun(t *testing.T) {
	p := script(t, "env_a", "[env*]\nenv.greeting good day\nenv.MUNIN_DEBUG 1\n", `
echo "warning: something" >&2
echo "$1|$greeting|$MUNIN_DEBUG|$LC_ALL|$FQDN|$MUNIN_CAP_MULTIGRAPH$MUNIN_CAP_DIRTYCONFIG|$HOME"
[ -d "$MUNIN_PLUGSTATE" ] && [ "$MUNIN_STATEFILE" = "$MUNIN_PLUGSTATE/env_a-10.0.0.1" ] && echo "state for $MUNIN_MASTER_IP"
`)
	p.Master = "10.0.0.1"
	got, err := p.Run(t.Context(), "config")
	if want := "config|good day|1|C|node.example|11|\nstate for 10.0.0.1\n"; err != nil || got != want {
		t.Errorf("printed %q, error %v, want %q", got, err, want)
	}
}

func TestRunSaysWhatWentWrong(t *testing.T) {
	tests := []struct{ name, settings, text, want string }{
		{"fails", "", "echo a.value 1; echo 'cannot open /proc/x' >&2; exit 3", "plugin fails ended with status 3: cannot open /proc/x"},
		{"silent", "", "exit 1", "plugin silent ended with status 1"},
		{"hangs", "[hangs]\ntimeout 0.2\n", "sleep 300", "plugin hangs did not answer within 200ms and was ended"},
		{"user", "[user]\nuser nobody-here\n", "", "user nobody-here not found"},
		{"group", "[group]\ngroup nobody-here\n", "", "running plugin group: group nobody-here not found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := script(t, test.name, test.settings, test.text).Run(t.Context(), "")
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestRunAsSomebodyElse(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run a plugin as somebody else")
	}
	for settings, want := range map[string]string{
		"": "65534 65534\n", "[id]\nuser daemon\ngroup adm, (nosuch) (daemon)\n": "1 4\n", "[id]\nuser root\n": "0 0\n",
	} {
		p := Plugin{Path: "/usr/bin/id", ConfDir: confDir(t, map[string]string{"x": settings + "[id]\ncommand /bin/sh -c id${IFS}-u;id${IFS}-g\n"}), StateDir: t.TempDir()}
		got, err := p.Run(t.Context(), "")
		if got = strings.Replace(got, "\n", " ", 1); err != nil || got != want {
			t.Errorf("%q ran as %q, error %v, want %q", settings, got, err, want)
		}
	}
}

// TestCommand: the plugin is run through another program, which here is told what it would have run.
func TestCommand(t *testing.T) {
	p := script(t, "remote", "[remote]\ncommand echo ssh host %c \"$x\" 'a%cb'\n", "")
	got, err := p.Run(t.Context(), "config")
	want := "ssh host " + p.Path + " config \"$x\" 'a" + p.Path + " configb'\n"
	if err != nil || got != want {
		t.Errorf("printed %q, error %v, want %q", got, err, want)
	}
}

// realPlugins are those of munin-plugins-core that have something to say on any machine.
var realPlugins = map[string]string{
	"load": "load", "cpu": "cpu", "df": "df", "df_inode": "df_inode", "memory": "memory", "if_lo": "if_", "if_err_lo": "if_err_", "uptime": "uptime",
	"diskstats": "diskstats", "forks": "forks", "interrupts": "interrupts", "processes": "processes", "proc_pri": "proc_pri", "threads": "threads",
	"swap": "swap", "vmstat": "vmstat", "users": "users", "open_files": "open_files", "open_inodes": "open_inodes", "netstat": "netstat", "entropy": "entropy",
}

// TestPluginsAsMuninRunsThem runs the plugins of Debian here and by the real munin-run: they must describe themselves alike, and give
// values for the same fields.
func TestPluginsAsMuninRunsThem(t *testing.T) {
	h := testkit.Munin(t)
	h.Set(t, "b", "[df*]\nenv.warning 92\nenv.critical 98\n[load]\nenv.load_warning 1000\n")
	ran := 0
	for _, name := range slices.Sorted(maps.Keys(realPlugins)) {
		p := Plugin{Path: h.Link(t, name, realPlugins[name]), ConfDir: h.Conf, StateDir: h.State}
		got, err := p.Run(t.Context(), "config")
		if err != nil {
			t.Logf("%s is left out: %v", name, err) // vmstat needs vmstat(8), for one
			continue
		}
		ran++
		if strings.HasPrefix(name, "df") {
			continue // munin-run has other file systems in its view of the machine
		}
		if diff := cmp.Diff(h.Run(t, name, "config"), got); diff != "" {
			t.Errorf("%s config (-munin-run +here):\n%s", name, diff)
		}
		config := ParseConfig(got)
		if len(config.Graphs) == 0 || len(config.Graphs[0].Fields) == 0 || config.Graphs[0].Title == "" {
			t.Errorf("%s: %+v is read of\n%s", name, config, got)
		}
		readings, err := p.Fetch(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(fieldsOf(ParseValues(h.Run(t, name, ""))), fieldsOf(readings)); diff != "" {
			t.Errorf("%s values (-munin-run +here):\n%s", name, diff)
		}
	}
	if ran < 12 {
		t.Errorf("only %d plugins could be run", ran)
	}
}

func fieldsOf(readings []Reading) []string {
	var names []string
	for _, r := range readings {
		names = append(names, r.Graph+"/"+r.Field)
	}
	slices.Sort(names)
	return names
}

// TestSettingsAsMunin asks the real munin-run what a plugin's environment is.
func TestSettingsAsMunin(t *testing.T) {
	h := testkit.Munin(t)
	h.Set(t, "b", "[env*]\nenv.one star\nenv.order a\n[env_*]\nenv.one star_\n[envdump]\nenv.two exact\n[*dump]\nenv.three suffix\n[env_a*]\nenv.one longer\n")
	h.Set(t, "c", "[env*]\nenv.order b\nenv.quoted \"x y\"\ngroup adm, (nosuch)\n[*]\nenv.all yes\nenv.one all\nenv.spaces    a  b   \n[env*]\nenv.eq=x\nenv.lost y\n")
	ask := `for v in one two three order quoted all spaces lost LC_ALL LANG MUNIN_MASTER_IP MUNIN_CAP_MULTIGRAPH MUNIN_LIBDIR MUNIN_CONFDIR MUNIN_PERL MUNIN_BASH MUNIN_DEBUG MUNIN_OSTYPE MUNIN_USER MUNIN_PLUGINUSER MUNIN_GOODSH MUNIN_PYTHON; do eval echo "$v=\$$v"; done; id -u`
	for _, name := range []string{"envdump", "env_a_b", "other"} {
		p := Plugin{Path: h.Write(t, name, ask), ConfDir: h.Conf, StateDir: h.State}
		got, err := p.Run(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h.Run(t, name, ""), got); diff != "" {
			t.Errorf("%s (-munin-run +here):\n%s", name, diff)
		}
	}
}

func TestCheck(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/no/such": "there is no plugin /no/such", plain: "plugin " + plain + " is no program", "/etc": "plugin /etc is no program"} {
		if err := (Plugin{Path: path}).Check(); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	if err := (Plugin{Path: "/bin/true", Timeout: time.Second}).Check(); err != nil {
		t.Error(err)
	}
}
