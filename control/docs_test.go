package control

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const page = "../docs/control-file.md"

// TestExamplesOfThePageParse reads every block that the page marks as a control file.
func TestExamplesOfThePageParse(t *testing.T) {
	blocks := strings.Split(string(read(t, page)), "```control\n")[1:]
	if len(blocks) < 5 {
		t.Fatalf("%s has %d examples, want more", page, len(blocks))
	}
	for i, block := range blocks {
		example, _, _ := strings.Cut(block, "```")
		if _, err := Parse(fmt.Sprintf("example %d", i+1), []byte(example), testVocabulary); err != nil {
			t.Errorf("%s:\n%v", page, err)
		}
	}
}

// TestPageHasEveryWord keeps the page as wide as the tables.
func TestPageHasEveryWord(t *testing.T) {
	text := string(read(t, page))
	tables := map[string][]string{
		"set ": sortedKeys(settings), "check ": sortedKeys(kinds), "mode ": sortedKeys(modes),
		"": slices.Concat(sortedKeys(actions), sortedKeys(protocols), sortedKeys(eventNames), sortedKeys(connectionOptions), sortedKeys(expectForms),
			sortedKeys(testForms), []string{"status OP N", "hostheader", "unixsocket", "depends on", "not every"}),
	}
	for before, words := range tables {
		for _, word := range words {
			if !strings.Contains(text, before+word) {
				t.Errorf("%s has no %q", page, before+word)
			}
		}
	}
}
