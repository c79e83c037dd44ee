package checks

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

var coreKinds = []string{"directory", "fifo", "file", "filesystem", "host", "network", "process", "program", "system"}

func TestKinds(t *testing.T) {
	names := kindNames()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("kinds are %q", names)
	}
	for _, name := range coreKinds {
		if !slices.Contains(names, name) {
			t.Errorf("there is no kind %s", name)
		}
	}
	if _, err := New(&control.Service{Kind: "teapot"}); err == nil {
		t.Error("a kind that nobody registered is made")
	}
}

// TestDeclarations holds what the parser, the reference and /metrics rely on.
func TestDeclarations(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	units := []string{"percent", "bytes", "seconds", "count", "boolean", "bytes_per_second", "operations_per_second", "packets_per_second", "bits_per_second", "packets"}
	for _, k := range Kinds() {
		if !strings.HasSuffix(k.Doc, ".") {
			t.Errorf("kind %s: its doc is no sentence", k.Name)
		}
		words := map[string]bool{}
		for _, v := range k.Values {
			if !name.MatchString(v.Name) || !strings.HasSuffix(v.Help, ".") {
				t.Errorf("%s %s: name or help", k.Name, v.Name)
			}
			if v.Type == "" && (v.Unit != "" || v.Phrases != nil) || v.Type != "" && !slices.Contains(units, v.Unit) {
				t.Errorf("%s %s: unit %q does not fit type %q", k.Name, v.Name, v.Unit, v.Type)
			}
			for _, phrase := range v.Phrases {
				if words[phrase+"/"+v.Unit] {
					t.Errorf("%s: %q in %s stands for two values", k.Name, phrase, v.Unit)
				}
				words[phrase+"/"+v.Unit] = true
			}
		}
	}
}

// TestVocabularyParses writes every phrase of every kind into a rule and parses it.
func TestVocabularyParses(t *testing.T) {
	heads := map[string]string{
		"process": "with pidfile /run/x.pid", "file": "with path /x", "directory": "with path /x", "filesystem": "with path /",
		"fifo": "with path /x", "network": "with interface eth0", "system": "", "host": "with address 127.0.0.1", "program": `with path "/bin/true"`,
	}
	amounts := map[string]string{"percent": "80%", "bytes": "100 MB", "seconds": "3 minutes", "count": "7", "boolean": "1", "bytes_per_second": "1 MB/s", "operations_per_second": "5 operations/s", "packets_per_second": "5 packets/s", "packets": "5 packets"}
	span := map[bool]string{true: " in last 2 hours"}
	vocabulary := Vocabulary()
	minutes := regexp.MustCompile(`\d+min`)
	for kind := range heads {
		for _, word := range vocabulary[kind].Words {
			text := "check " + kind + " under_test " + heads[kind] + "\n  if " + minutes.ReplaceAllString(word.Phrase, "($0)") + " > " + amounts[word.Unit] + span[word.Span] + " then alert\n"
			file, err := control.Parse("test", []byte(text), vocabulary)
			if err != nil {
				t.Errorf("%v", err)
				continue
			}
			compare, is := file.Services[0].Rules[0].Test.(*control.Compare)
			if !is || compare.Value != word.Value {
				t.Errorf("%q is read as %+v, wanted %s", strings.TrimSpace(text), file.Services[0].Rules[0].Test, word.Value)
			}
		}
	}
}

func TestValuesWithArgument(t *testing.T) {
	kinds = append(kinds, Kind{Name: "plugin", Values: []Value{
		{Name: "field", Phrases: []string{"field"}, Unit: "count", Argument: "field", Type: dialtone.Gauge, Help: "A field."},
		{Name: "fields", Phrases: []string{"fields"}, Unit: "count", Type: dialtone.Gauge, Help: "How many."},
	}, Params: []control.Param{{Word: "plugin", Type: control.ParamPath, Required: true, Help: "The program."}}})
	defer func() { kinds = kinds[:len(kinds)-1] }()

	if v, argument := Declared("plugin", "field/load/1"); v.Argument != "field" || argument != "load/1" {
		t.Errorf("%+v of %q", v, argument)
	}
	for _, name := range []string{"field", "fields/a", "other"} {
		if v, _ := Declared("plugin", name); v.Name != "" {
			t.Errorf("%s is declared as %+v", name, v)
		}
	}
	words := Vocabulary()["plugin"]
	if !words.Words[0].Argument || words.Words[1].Argument || len(words.Params) != 1 {
		t.Errorf("%+v", words)
	}
	var text bytes.Buffer
	if err := WriteReference(&text, "plugin"); err != nil || !strings.Contains(text.String(), "  with plugin PATH\n") || !strings.Contains(text.String(), "  field NAME\n") {
		t.Errorf("%v\n%s", err, text.String())
	}
}
