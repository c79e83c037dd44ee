package control

import (
	"strings"
	"testing"
)

func TestErrorText(t *testing.T) {
	place := Position{File: "a.conf", Line: 3, Col: 8}
	tests := []struct {
		name string
		err  *Error
		want string
	}{
		{"all", &Error{Pos: place, Message: "no", Hint: "try yes", Line: "if x", caret: 3}, "a.conf:3:8: no\n    if x\n       ^\n    try yes"},
		{"no hint", &Error{Pos: place, Message: "no", Line: "if x"}, "a.conf:3:8: no\n    if x\n    ^"},
		{"no line", &Error{Pos: place, Message: "no", Hint: "try yes"}, "a.conf:3:8: no\n    try yes"},
	}
	for _, test := range tests {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
	all := Errors{tests[1].err, tests[2].err}
	if want := tests[1].want + "\n" + tests[2].want; all.Error() != want {
		t.Errorf("together: got\n%s\nwant\n%s", all.Error(), want)
	}
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("ö", 300)
	tests := []struct {
		name, text string
		off        int
		line       string
		caret      int
	}{
		{"one line", "abc", 1, "abc", 1},
		{"indent goes", "x\n\t  abc  \ny", 6, "abc", 1},
		{"end of the text", "abc", 3, "abc", 3},
		{"empty", "", 0, "", 0},
		{"characters, not bytes", "öä x", 5, "öä x", 3},
		{"control characters", "a\x1b[31mb\x07c\td", 0, "a?[31mb?c d", 0},
		{"a long line is cut", long + "X" + long, 600, strings.Repeat("ö", 50) + "X" + strings.Repeat("ö", 49) + "?", 50},
	}
	for _, test := range tests {
		line, caret := excerpt(test.text, test.off)
		if line != test.line || caret != test.caret {
			t.Errorf("%s: got %q, %d, want %q, %d", test.name, line, caret, test.line, test.caret)
		}
	}
}

func TestMaskHidesSecrets(t *testing.T) {
	for line, want := range map[string]string{
		"set mmonit https://monit:s3cret@m.example/collector": "set mmonit https://*************m.example/collector",
		`username "u" password "s3cret" x`:                    `username "u" password "******" x`,
		"allow admin:s3cret read-only":                        "allow admin:****** read-only",
		"allow localhost":                                     "allow localhost",
		"set collector https://c.example:8420/":               "set collector https://c.example:8420/",
		"with password file /etc/x":                           "with password **** /etc/x",
		`allow hauk:"passw@rd" x`:                             `allow hauk:"********" x`,
		`allow "hauk:p w"`:                                    `allow "hauk:***"`,
		`allow 'u':'p w'`:                                     `allow 'u':'***'`,
		"allow 10.0.0.0/8":                                    "allow 10.0.0.0/8",
		"protocol radius secret p@ss then":                    "protocol radius secret **** then",
		"[Host: a, Authorization: Basic Zm9v, X: y]":          "[Host: a, Authorization: **********, X: y]",
		"password\nset daemon 5":                              "password\nset daemon 5",
		"password\n  \"x\"":                                   "password\n  \"*\"",
	} {
		if got := mask(line); got != want {
			t.Errorf("mask(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"cpu", "memory", "total memory", "children", "uptime"}
	for word, want := range map[string]string{
		"cpuu": "cpu", "CPU": "cpu", "pcu": "cpu", "memmory": "memory", "totl memroy": "total memory",
		"upptime": "uptime", "banana": "", "": "", "x": "", strings.Repeat("cpu", 1000): "",
	} {
		if got := nearest(word, words); got != want {
			t.Errorf("nearest(%.20q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "ab", 2},
		{"abc", "abc", 0},
		{"abc", "abd", 1},
		{"abc", "acb", 1},
		{"restart", "restrat", 1},
		{"kitten", "sitting", 3},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.b, test.a, got, test.want)
		}
	}
}

// TestExcerptHidesSecrets: also where the word that makes a secret of it is not in the excerpt.
func TestExcerptHidesSecrets(t *testing.T) {
	for _, text := range []string{
		`username "u" password "s3cret" x`, "password\n    s3cret x", `password "` + strings.Repeat("s3cret", 40) + `" x`, "allow a:s3cret x",
	} {
		for off := range text {
			if line, _ := excerpt(text, off); strings.Contains(line, "s3cret") || strings.Contains(line, "3cre") {
				t.Errorf("at %d of %q: %s", off, text, line)
			}
		}
	}
}
