package control

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// brief is a token in a few characters: kind, text and, of a number, its unit.
func brief(t token) string {
	kinds := map[tokenKind]string{endOfText: "end", bareWord: "w", quotedText: "q", numeral: "n", sign: "s", malformed: "bad"}
	return kinds[t.kind] + ":" + t.text
}

func lexAll(text string) []token {
	l := newLexer(&source{name: "test", text: text})
	var all []token
	for t := l.next(); t.kind != endOfText; t = l.next() {
		all = append(all, t)
	}
	return all
}

func TestLexer(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"nothing", "", ""},
		{"comments", "# one\na # two\n#", "w:a"},
		{"words and signs", "if cpu>80%then", "w:if w:cpu s:> n:80% w:then"},
		{"operators", "= == != =~ !=~ < <= > >=", "s:= s:== s:!= s:=~ s:!=~ s:< s:<= s:> s:>="},
		{"no operator", "user:pass!word a!=b", "w:user:pass!word w:a s:!= w:b"},
		{"numbers", "5 0644 1.5 1.5GB 10MB/s 8hours", "n:5 n:0644 n:1.5 n:1.5GB n:10MB/s n:8hours"},
		{"no numbers", "1.2.3 192.0.2.1 3com 2001:db8::1 .5 1min5", "w:1.2.3 w:192.0.2.1 w:3com w:2001:db8::1 w:.5 w:1min5"},
		{"brackets", "loadavg(1min) {a, b}", "w:loadavg s:( n:1min s:) s:{ w:a s:, w:b s:}"},
		{"paths", "/etc/x=y(1)#2, /a/[bc]*.conf", "w:/etc/x=y(1)#2 s:, w:/a/[bc]*.conf"},
		{"URLs", "https://a.example:8420/x?y=1,2#z next", "w:https://a.example:8420/x?y=1,2#z w:next"},
		{"strings", `"a 'b' c" 'd "e" f' ""`, `q:a 'b' c q:d "e" f q:`},
		{"escapes", `"a \"b\" \d \\" '\''`, `q:a "b" \d \\ q:'`},
		{"over lines", "\"a\nb\" c", "q:a\nb w:c"},
		{"open to the end", "x \"a b\ny", "w:x bad:this string is not closed: a \" is missing w:y"},
		{"open to the next string", "\"a\nb = \"c\" d", "bad:this string is not closed: a \" is missing w:b s:= q:c w:d"},
		{"no-break space", "a\u00a0b", "w:a w:b"},
		{"byte order mark", "\ufeffset", "w:set"},
		{"typographic quotes", "“a”", "bad:this is a typographic quotation mark: write \" or '"},
		{"not UTF-8", "a\xffb c", "bad:this is not UTF-8 text: save the file as UTF-8 w:c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, tok := range lexAll(test.text) {
				got = append(got, brief(tok))
			}
			if d := cmp.Diff(test.want, strings.Join(got, " ")); d != "" {
				t.Errorf("tokens of %q (-want +got):\n%s", test.text, d)
			}
		})
	}
}

func TestLexerPlaces(t *testing.T) {
	type place struct {
		Text         string
		Line, Col    int
		First, Space bool
	}
	text := "\ufeffab  cd# x\n\tömlaut ef\n'x\ny' z(\n"
	want := []place{
		{"ab", 1, 1, true, false},
		{"cd", 1, 5, false, true},
		{"ömlaut", 2, 2, true, true},
		{"ef", 2, 9, false, true},
		{"x\ny", 3, 1, true, true},
		{"z", 4, 4, false, true},
		{"(", 4, 5, false, false},
	}
	var got []place
	for _, tok := range lexAll(text) {
		got = append(got, place{tok.text, tok.line, tok.col, tok.first, tok.space})
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("places (-want +got):\n%s", d)
	}
}

func TestNumbersKeepTheirUnits(t *testing.T) {
	for text, want := range map[string]token{
		"80%":   {value: 80, unit: "%"},
		"1.5GB": {value: 1.5, unit: "GB"},
		"0644":  {value: 644},
	} {
		got := lexAll(text)[0]
		if got.value != want.value || got.unit != want.unit {
			t.Errorf("%s is %v with unit %q, want %v with %q", text, got.value, got.unit, want.value, want.unit)
		}
	}
}
