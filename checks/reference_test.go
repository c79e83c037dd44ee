package checks

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/dialtone/dialtone/control"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (run with -update where this is wanted):\n%s", path, diff)
	}
}

func TestReference(t *testing.T) {
	var all, one bytes.Buffer
	if err := WriteReference(&all); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/reference.txt", all.String())
	if err := WriteReference(&one, "file"); err != nil || !strings.HasPrefix(one.String(), "check file\n") || !strings.Contains(all.String(), one.String()) {
		t.Errorf("%v: one kind is\n%s", err, one.String())
	}
	if err := WriteReference(&one, "fiel"); err == nil || !strings.Contains(err.Error(), "filesystem") {
		t.Errorf("an unknown kind is %v", err)
	}
}

func TestExamples(t *testing.T) {
	for _, k := range Kinds() {
		file, err := control.Parse("example", []byte(k.Example), Vocabulary())
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if s := file.Services[0]; s.Kind != k.Name {
			t.Errorf("the example of %s is a %s", k.Name, s.Kind)
		}
		if _, err := New(file.Services[0]); err != nil {
			t.Error(err)
		}
	}
}
