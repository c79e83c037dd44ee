package agentcmd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/healers"
)

func kindsText(t *testing.T, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteKinds(&b, names...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestKindsNameEverythingThatIsRegistered(t *testing.T) {
	text := kindsText(t)
	for _, k := range checks.Kinds() {
		if !strings.Contains(text, "check "+k.Name+"\n") {
			t.Errorf("check %s is missing", k.Name)
		}
	}
	for _, k := range healers.Kinds() {
		if !strings.Contains(text, "healer "+k.Name+"\n") {
			t.Errorf("healer %s is missing", k.Name)
		}
	}
}

func TestKindsByName(t *testing.T) {
	if got := kindsText(t, "systemd"); !strings.HasPrefix(got, "healer systemd\n\n  Starts, stops") || strings.Contains(got, "check ") {
		t.Errorf("the healer is %q", got)
	}
	if got := kindsText(t, "file"); !strings.HasPrefix(got, "check file\n") || strings.Contains(got, "healer ") {
		t.Errorf("the check is %q", got)
	}
	if got := kindsText(t, "program"); !strings.Contains(got, "check program\n") || !strings.Contains(got, "healer program\n") {
		t.Errorf("what is both is %q", got)
	}
	if got := kindsText(t, "--help"); !strings.HasPrefix(got, "Usage: kinds [NAME …]") {
		t.Errorf("the help is %q", got)
	}
	err := WriteKinds(&bytes.Buffer{}, "systemd", "sistemd")
	if err == nil || !strings.HasPrefix(err.Error(), `no kind of check is called "sistemd"; there are: `) {
		t.Errorf("got %v", err)
	}
}

// TestPageOfKinds keeps docs/kinds.md to the declarations.
func TestPageOfKinds(t *testing.T) {
	var page bytes.Buffer
	if err := checks.WriteMarkdown(&page); err != nil {
		t.Fatal(err)
	}
	if err := healers.WriteMarkdown(&page); err != nil {
		t.Fatal(err)
	}
	golden(t, "../../../../docs/kinds.md", page.Bytes())
}
