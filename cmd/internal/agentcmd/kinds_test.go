package agentcmd

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/healers"
)

func TestKindsNameEverythingThatIsRegistered(t *testing.T) {
	var all bytes.Buffer
	if err := WriteKinds(&all); err != nil {
		t.Fatal(err)
	}
	text := all.String()
	for _, k := range checks.Kinds() {
		if !strings.Contains(text, "check "+k.Name+"\n") {
			t.Errorf("check %s is missing", k.Name)
		}
		for _, v := range k.Values {
			if !strings.Contains(text, "\n  "+v.Name+": ") {
				t.Errorf("value %s of %s is missing", v.Name, k.Name)
			}
		}
	}
	for _, k := range healers.Kinds() {
		if !strings.Contains(text, "healer "+k.Name+"\n") {
			t.Errorf("healer %s is missing", k.Name)
		}
	}
}

func TestKindsByName(t *testing.T) {
	var one bytes.Buffer
	if err := WriteKinds(&one, "systemd"); err != nil {
		t.Fatal(err)
	}
	if got := one.String(); !strings.HasPrefix(got, "healer systemd\n  Starts, stops") || strings.Contains(got, "check ") {
		t.Errorf("got %q", got)
	}
	if err := WriteKinds(&one, "sistemd"); err == nil || err.Error() != `no kind "sistemd"; without a name all are printed` {
		t.Errorf("got %v", err)
	}
}

func TestParagraphsFitATerminal(t *testing.T) {
	text := paragraph(strings.Repeat("öffnet die Verbindung ", 30), "    ")
	for line := range strings.SplitSeq(text, "\n") {
		if n := utf8.RuneCountInString(line); n > width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if got := strings.Join(strings.Fields(text), " "); got != strings.TrimSpace(strings.Repeat("öffnet die Verbindung ", 30)) {
		t.Error("words were lost")
	}
}
