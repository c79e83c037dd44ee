package munin

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// confDir writes files of plugin-conf.d into a folder.
func confDir(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestSettings: munin-run 2.0.73 was asked the same; TestSettingsAsMunin asks it again where it can be had.
func TestSettings(t *testing.T) {
	conf, err := ReadConf(confDir(t, map[string]string{
		"a":          "# what holds for all\n[env*]\nenv.one star\nenv.order a\nuser root\n[env_*]\nenv.one star_\n[envdump]\nenv.two exact\n[*dump]\nenv.three suffix\ntimeout 3\n[env_a*]\nenv.one longer\n",
		"b":          "[env*]\nenv.order b\nenv.quoted \"x y\"\ngroup adm, (nosuch)\n[*]\nenv.all yes\nenv.one all\nenv.spaces    a  b   \n[envdump]\ncommand nice  -n 5 %c\nhost_name other\n",
		"c.bak":      "[envdump]\nenv.two backup\n",
		"d":          "[envdump]\nenv.four 4\nenv.eq=x\nenv.five 5\n",
		"e":          "env.six 6\n[envdump]\nenv.seven 7\n",
		"f":          "[envdump]\ntimeout soon\n",
		".hidden":    "[envdump]\nenv.two hidden\n",
		"README":     "[envdump]\nenv.readme 1\n",
		"g.dpkg-old": "[envdump]\nenv.two old\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	got := conf.For("envdump")
	want := Settings{
		User: "root", Group: "adm", Groups: []string{"nosuch"}, Optional: []string{"nosuch"}, Command: []string{"nice", "-n", "5", "%c"}, HostName: "other", Timeout: 3 * time.Second,
		Env: map[string]string{"one": "star", "order": "b", "two": "exact", "three": "suffix", "quoted": `"x y"`, "all": "yes", "spaces": "a  b", "four": "4", "readme": "1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("envdump (-want +got):\n%s", diff)
	}
	if got := conf.For("env_a_b"); got.Env["one"] != "longer" || got.Command != nil {
		t.Errorf("env_a_b: %+v", got)
	}
	if got := conf.For("other"); len(got.Env) != 3 || got.User != "" {
		t.Errorf("other: %+v", got)
	}
	if len(conf.Faults) != 3 {
		t.Errorf("faults: %q", conf.Faults)
	}
}

func TestNoSettings(t *testing.T) {
	conf, err := ReadConf(filepath.Join(t.TempDir(), "none"))
	if err != nil || len(conf.For("load").Env) != 0 {
		t.Errorf("%v", err)
	}
}

func FuzzConf(f *testing.F) {
	f.Add("[if_*]\nuser root\nenv.x y\ngroup a, (b)\ncommand ssh host %c\ntimeout 5\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := &Conf{sections: make(map[string]*Settings)}
		c.parse("fuzz", text)
		for name := range c.For("if_eth0").Env {
			if name == "" {
				t.Error("a variable without a name")
			}
		}
	})
}
