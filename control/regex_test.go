package control

import (
	"regexp"
	"testing"
)

func TestFromPOSIX(t *testing.T) {
	tests := []struct{ written, want, matches, misses string }{
		{`a\.b`, `a\.b`, "a.b", "axb"},
		{`a\\.b`, `a\.b`, "a.b", "axb"},
		{`\<error\>`, `\berror\b`, "an error here", "terrors"},
		{`^[\\]0.*`, `^[\\]0.*`, `\0abc`, "0abc"},
		{`[]a]+$`, `[]a]+$`, "a]", "b"},
		{`[^]a]`, `[^]a]`, "b", "]a"},
		{`[[:digit:]]{3}`, `[[:digit:]]{3}`, "123", "12"},
		{`[\d.]+x`, `[\d.]+x`, "1.2x", "x"},
		{`\0xFF\0x41`, `\xFF\x41`, "ÿA", "A"},
		{`\0xZZ`, `\0xZZ`, "", ""},
		{`a\tb`, `a\tb`, "a\tb", "atb"},
		{`(a|b)\\`, `(a|b)\\`, `a\`, "a"},
		{"[", "[", "", ""},
	}
	for _, test := range tests {
		got := fromPOSIX(test.written)
		if got != test.want {
			t.Errorf("%s is %s, want %s", test.written, got, test.want)
		}
		if test.matches == "" {
			continue
		}
		re := regexp.MustCompile(got)
		if !re.MatchString(test.matches) || re.MatchString(test.misses) {
			t.Errorf("%s: %q must match and %q must not", got, test.matches, test.misses)
		}
	}
}

func TestUnescaped(t *testing.T) {
	for written, want := range map[string]string{
		`HELO x\r\n`: "HELO x\r\n", `\0xff\0x00a`: "\xff\x00a", `a\\n`: `a\n`, `\d\`: `\d\`, `\0xzz`: `\0xzz`, "": "",
	} {
		if got := unescaped(written); got != want {
			t.Errorf("%s is %q, want %q", written, got, want)
		}
	}
}

func TestAsNetwork(t *testing.T) {
	for written, want := range map[string]string{
		"10.1.1.1": "10.1.1.1/32", "10.0.0.0/8": "10.0.0.0/8", "10.1.2.3/8": "10.0.0.0/8", "192.168.1.0/255.255.255.0": "192.168.1.0/24",
		"::1": "::1/128", "2001:db8::/32": "2001:db8::/32", "[::1]": "::1/128", "0.0.0.0/0.0.0.0": "0.0.0.0/0",
		"10.0.0.0/255.0.255.0": "", "10.0.0.0/33": "", "localhost": "", "fe80::1%eth0": "", "a:b": "",
	} {
		if got, is := asNetwork(written); got != want || is != (want != "") {
			t.Errorf("%s is %q, %v, want %q", written, got, is, want)
		}
	}
}

func TestChosenVersion(t *testing.T) {
	for _, test := range []struct {
		wanted, refused []string
		want            string
	}{
		{[]string{"auto"}, nil, "auto"},
		{nil, []string{"sslv2", "tlsv1"}, "auto"},
		{[]string{"auto"}, []string{"tlsv12"}, "tlsv13"},
		{[]string{"tlsv12", "tlsv13"}, nil, "auto"},
		{[]string{"tlsv1", "tlsv12"}, nil, "tlsv12"},
		{[]string{"tlsv1", "tlsv11"}, nil, "tlsv11"},
		{[]string{"tlsv1"}, nil, "tlsv1"},
		{[]string{"sslv3"}, nil, ""},
		{[]string{"auto"}, []string{"tlsv12", "tlsv13"}, ""},
	} {
		if got := chosenVersion(test.wanted, test.refused); got != test.want {
			t.Errorf("%v without %v is %q, want %q", test.wanted, test.refused, got, test.want)
		}
	}
}
