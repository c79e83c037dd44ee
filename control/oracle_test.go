package control_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/checks/protocols"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// monit is the real program; it is asked whether it takes a control file too.
type monit struct {
	program testkit.Binary
	dir     string
}

func realMonit(t *testing.T) monit {
	t.Helper()
	m := monit{testkit.Program(t, "monit", "monit"), t.TempDir()}
	for name, text := range map[string]string{
		"patterns": "one\ntwo\n", "htpasswd": "john:a\npaul:b\n", "htpasswd.md5": "john:$apr1$x$jW4w0pXEPfDNSBSBaNbqv/\n", "monit.pem": "not looked into by -t\n",
	} {
		m.write(t, name, text)
	}
	return m
}

func (m monit) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatalf("writing a file for monit: %v", err)
	}
	return path
}

// takes returns what monit -t says of a file when it refuses it, or "". Files under /etc/monit are those of the test.
func (m monit) takes(t *testing.T, text string) string {
	t.Helper()
	path := m.write(t, "monitrc", strings.ReplaceAll(text, "/etc/monit/", m.dir+"/"))
	spec := m.program.Spec("-t", "-c", path)
	spec.Timeout = 20 * time.Second
	result, err := command.Run(t.Context(), spec)
	if err != nil {
		t.Fatalf("running monit: %v", err)
	}
	if result.ExitCode == 0 {
		return ""
	}
	return strings.ReplaceAll(result.Output, path, "monitrc")
}

// TestMonitAcceptsToo holds the files that say that they are Monit's language to Monit itself.
func TestMonitAcceptsToo(t *testing.T) {
	m := realMonit(t)
	paths, err := filepath.Glob("testdata/good/monit_*.conf")
	if err != nil || len(paths) < 7 {
		t.Fatalf("files for monit: %q, %v", paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("reading test data: %v", err)
			}
			if said := m.takes(t, string(text)); said != "" {
				t.Errorf("monit refuses it:\n%s", said)
			}
		})
	}
}

// TestMonitsOwnExamples reads the control file, templates and examples of Debian's package as they are installed.
func TestMonitsOwnExamples(t *testing.T) {
	program := testkit.Program(t, "monit", "monit")
	etc := filepath.Join(program.Root, "etc/monit")
	main := copied(t, etc, t.TempDir())
	f, err := control.Load(filepath.Join(main, "monitrc"), checks.Vocabulary())
	if err != nil {
		t.Fatalf("reading Debian's files:\n%v", err)
	}
	if len(f.Services) < 40 {
		t.Errorf("%d services, want those of all examples", len(f.Services))
	}
	for _, s := range f.Services {
		if s.Kind == "file" && len(s.Rules) == 0 {
			t.Errorf("file %s has no rules: its template was not read into it", s.Name)
		}
	}
	for _, p := range f.Problems {
		t.Logf("problem: %v", p)
	}
}

// copied copies a tree of control files, with the paths in them changed to where they are now, and enables all examples.
func copied(t *testing.T, from, to string) string {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.ReplaceAll(strings.TrimPrefix(path, from), "conf-available", "conf-enabled"))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, []byte(strings.ReplaceAll(string(text), "/etc/monit/", to+"/")), 0o600)
	})
	if err != nil {
		t.Fatalf("copying Debian's files: %v", err)
	}
	return to
}

// TestMonitsOwnComments reads the examples that stand in the comments of Debian's control file.
func TestMonitsOwnComments(t *testing.T) {
	program := testkit.Program(t, "monit", "monit")
	text, err := os.ReadFile(filepath.Join(program.Root, "etc/monit/monitrc"))
	if err != nil {
		t.Fatalf("reading Debian's control file: %v", err)
	}
	var examples strings.Builder
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "##"):
			examples.WriteByte('\n')
		case strings.HasPrefix(strings.TrimLeft(line, "# "), "include"):
		default:
			examples.WriteString(strings.TrimPrefix(line, "#"))
		}
	}
	takable := strings.ReplaceAll(examples.String(), "gid, unmonitor", "gid") // no event of Monit, which refuses it as well
	f, err := control.Parse("comments", []byte(takable), checks.Vocabulary())
	if err != nil {
		t.Fatalf("reading the examples:\n%v", err)
	}
	if len(f.Services) < 8 || f.Settings.HTTP == nil || f.Settings.MMonit == nil || len(f.Settings.Mail.Servers) != 3 {
		t.Errorf("the examples give %d services and %+v", len(f.Services), f.Settings)
	}
}

// TestProtocolsAreThoseOfTheChecks: what the grammar takes somebody speaks, with every option that is written, and the reverse.
func TestProtocolsAreThoseOfTheChecks(t *testing.T) {
	for _, p := range protocols.All() {
		text := "check host h with address h.example\nif failed port 1 protocol " + p.Name + " then alert\n"
		if _, err := control.Parse(p.Name, []byte(text), checks.Vocabulary()); err != nil && p.Name != "generic" {
			t.Errorf("the checks know a protocol that the grammar does not take:\n%v", err)
		}
	}
	for _, name := range []string{"monit_connections", "monit_forms", "monit_nginx", "monit_router"} {
		f, err := control.Load("testdata/good/"+name+".conf", checks.Vocabulary())
		if err != nil {
			t.Fatalf("reading test data:\n%v", err)
		}
		protocols.Inherit(f)
		for _, s := range f.Services {
			for _, r := range s.Rules {
				if c, is := r.Test.(*control.Connection); is {
					if err := protocols.Validate(c); err != nil {
						t.Errorf("%s: %s: %v", r.Pos, r.Text, err)
					}
				}
			}
		}
	}
}

// TestKindsAreThoseOfTheChecks: every kind that the grammar takes can be made.
func TestKindsAreThoseOfTheChecks(t *testing.T) {
	for _, name := range []string{"monit_services", "monit_forms"} {
		f, err := control.Load("testdata/good/"+name+".conf", checks.Vocabulary())
		if err != nil {
			t.Fatalf("reading test data:\n%v", err)
		}
		for _, s := range f.Services {
			if _, err := checks.New(s); err != nil {
				t.Errorf("%v", err)
			}
		}
	}
}
