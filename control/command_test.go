package control

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSplitArgv(t *testing.T) {
	tests := []struct {
		command string
		want    []string
		err     error
	}{
		{"", nil, nil},
		{"  ", nil, nil},
		{"/bin/true", []string{"/bin/true"}, nil},
		{" /bin/a\tb\n c ", []string{"/bin/a", "b", "c"}, nil},
		{`/bin/sh -c 'a "b" \n c'`, []string{"/bin/sh", "-c", `a "b" \n c`}, nil},
		{`/bin/sh -c "a 'b' \"c\" \n \\"`, []string{"/bin/sh", "-c", `a 'b' "c" \n \`}, nil},
		{`a\ b \"c\'`, []string{"a b", `"c'`}, nil},
		{`a'b c'd "" ''`, []string{"ab cd", "", ""}, nil},
		{"$HOME | > ; *", []string{"$HOME", "|", ">", ";", "*"}, nil},
		{"/bin/echo ö", []string{"/bin/echo", "ö"}, nil},
		{`/bin/a "b`, nil, errQuoteOpen},
		{`/bin/a 'b`, nil, errQuoteOpen},
		{`/bin/a \`, nil, errBackslash},
		{"/bin/a\x00", nil, errNUL},
	}
	for _, test := range tests {
		got, err := splitArgv(test.command)
		if d := cmp.Diff(test.want, got); d != "" || !errors.Is(err, test.err) {
			t.Errorf("%q: error %v, want %v (-want +got):\n%s", test.command, err, test.err, d)
		}
	}
}

// TestSplitArgvUndoesQuoting: whatever the words, single quotes carry them through.
func TestSplitArgvUndoesQuoting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-z "'\\$\t]{0,8}`), 1, 5).Draw(t, "words")
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		got, err := splitArgv(strings.Join(quoted, " "))
		if d := cmp.Diff(words, got); d != "" || err != nil {
			t.Fatalf("error %v (-want +got):\n%s", err, d)
		}
	})
}

func TestCheckCron(t *testing.T) {
	for _, good := range []string{"* * * * *", "*/5 8-19 1,15 * 1-5", "0 0 1 1 7", "10-50/10 * * * 0"} {
		if err := checkCron(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *", "*/ * * * *", ", * * * *", "-1 * * * *", "1- * * * *", "a * * * *"} {
		if err := checkCron(bad); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}
