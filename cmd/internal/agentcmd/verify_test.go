package agentcmd

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestVerify(t *testing.T) {
	good, _ := write(t, "check system here\n")
	bad, _ := write(t, "check system here\ncheck procces x with pidfile /x\n  if cpu > 80% then alrt\n")
	lame, _ := write(t, "check program p with path \"/no/such/program\"\ncheck process q with pidfile /q\n  depends on nobody\n")
	twice, _ := write(t, "check system here\ninclude "+good+"\n")
	for _, test := range []struct {
		name   string
		files  []string
		code   int
		stdout string // pattern
		stderr string // pattern
	}{
		{"usable", []string{good}, 0, `: usable, 1 service\n$`, `^$`},
		{"refused, with all errors", []string{bad}, 1, `: refused, 2 errors\n$`, `(?s):3:7: .*:4:\d+: `},
		{"usable with warnings", []string{lame}, 0, `(?s): usable, 2 services, 2 warnings, \d set aside\n.*nobody.*/no/such/program`, `^$`},
		{"one refused among others", []string{good, bad, lame}, 1, `(?s)usable.*refused.*usable`, `:3:7: `},
		{"one name in two sources", []string{twice}, 1, `refused`, regexp.QuoteMeta(twice) + `:2:1`},
		{"no such file", []string{"/no/such/file"}, 1, `refused`, `does not exist`},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := say(t, append([]string{"verify"}, test.files...)...)
			if code != test.code || !regexp.MustCompile(test.stdout).MatchString(stdout) || !regexp.MustCompile(test.stderr).MatchString(stderr) {
				t.Errorf("status %d\nstdout %s\nstderr %s", code, stdout, stderr)
			}
		})
	}
}

// TestVerifyTakesTheFileAsEveryCommandDoes: behind -c too, where people are used to write it.
func TestVerifyTakesTheFileAsEveryCommandDoes(t *testing.T) {
	good, _ := write(t, "check system here\n")
	if code, stdout, stderr := say(t, "-c", good, "verify"); code != 0 || stdout != good+": usable, 1 service\n" {
		t.Errorf("status %d, %s%s", code, stdout, stderr)
	}
}

func TestHash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("dial tone\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// by sha256sum, sha1sum and md5sum
	want := "SHA256(stdin) = 05919289c53d7cfd0dc7b45212cd53b95fc93a0966da6f744cd97c07e870172b\n" +
		"SHA1(stdin) = ffec4470f985dc498da7c3157a777e6ac4ba0c91\nMD5(stdin) = 58c437d922df6fef6ddfb52cdd84dc90\n"
	var file, stdin bytes.Buffer
	if err := hash([]string{path}, nil, &file); err != nil {
		t.Fatal(err)
	}
	if err := hash(nil, strings.NewReader("dial tone\n"), &stdin); err != nil {
		t.Fatal(err)
	}
	if got := strings.ReplaceAll(file.String(), path, "stdin"); got != want || stdin.String() != want {
		t.Errorf("the file gives\n%s stdin\n%s", got, stdin.String())
	}
	if err := hash([]string{"a", "b"}, nil, &file); err == nil {
		t.Error("two files were taken")
	}
}

func TestProcmatch(t *testing.T) {
	code, stdout, _ := say(t, "procmatch", "^no process is called this$")
	if code != 0 || !strings.Contains(stdout, "0 in all") {
		t.Errorf("nothing: %d %q", code, stdout)
	}
	if code, _, stderr := say(t, "procmatch", "("); code != 1 || !strings.Contains(stderr, "no regular expression") {
		t.Errorf("a bad pattern: %d %q", code, stderr)
	}
}
