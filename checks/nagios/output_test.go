package nagios

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	none  = math.NaN()
	equal = cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })
)

// TestParseOutput reads the example of the plugin API: text and data on the first line, more text, then more data.
func TestParseOutput(t *testing.T) {
	got := ParseOutput("DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n" +
		"/ 15272 MB (77%);\n/boot 68 MB (69%); | /boot=68MB;88;93;0;98\n/home=69357MB;253404;253409;0;253414 \r\n")
	const mb = 1024 * 1024
	up := func(n float64) Range { return Range{End: n * mb, Set: true} }
	want := Output{
		Text: "DISK OK - free space: / 3326 MB (56%);",
		Long: []string{"/ 15272 MB (77%);", "/boot 68 MB (69%);"},
		Data: []Datum{
			{Label: "/", Value: 2643 * mb, Unit: "bytes", Warning: up(5948), Critical: up(5958), Max: 5968 * mb},
			{Label: "/boot", Value: 68 * mb, Unit: "bytes", Warning: up(88), Critical: up(93), Max: 98 * mb},
			{Label: "/home", Value: 69357 * mb, Unit: "bytes", Warning: up(253404), Critical: up(253409), Max: 253414 * mb},
		},
	}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := ParseOutput(""); got.Text != "" || got.Data != nil {
		t.Errorf("nothing is read as %+v", got)
	}
}

func TestParseData(t *testing.T) {
	tests := []struct {
		text string
		want []Datum
	}{
		{"time=0.25s;;;0.000000", []Datum{{Label: "time", Value: 0.25, Unit: "seconds", Max: none}}},
		{"rta=1.5ms;3000.000;5000.000;0; pl=0%;80;100;;", []Datum{
			{Label: "rta", Value: 0.0015, Unit: "seconds", Warning: Range{End: 3, Set: true}, Critical: Range{End: 5, Set: true}, Max: none},
			{Label: "pl", Value: 0, Unit: "percent", Warning: Range{End: 80, Set: true}, Critical: Range{End: 100, Set: true}, Min: none, Max: none},
		}},
		{"'it''s C:\\ %'=5KB 'x=y'=U;1 a=3c", []Datum{
			{Label: `it's C:\ %`, Value: 5120, Unit: "bytes", Min: none, Max: none},
			{Label: "x=y", Value: none, Warning: Range{End: 1, Set: true}, Min: none, Max: none},
			{Label: "a", Value: 3, Unit: "count", Min: none, Max: none},
		}},
		{"temp=21.5C;~:30;@10:20", []Datum{{
			Label: "temp", Value: 21.5, Unit: "C", Min: none, Max: none,
			Warning: Range{Start: math.Inf(-1), End: 30, Set: true}, Critical: Range{Start: 10, End: 20, Inside: true, Set: true},
		}}},
		{"a=1;2:1;x b=many =3 'c 'd'=1 e= f 'open", []Datum{{Label: "a", Value: 1, Min: none, Max: none}, {Label: "d", Value: 1, Min: none, Max: none}}},
		{"volts=-2e1V", []Datum{{Label: "volts", Value: -20, Unit: "V", Min: none, Max: none}}},
		{"'open", nil},
	}
	for _, test := range tests {
		got := ParseData(test.text)
		if diff := cmp.Diff(test.want, got, equal); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.text, diff)
		}
	}
}

// TestRange holds the table of the guidelines.
func TestRange(t *testing.T) {
	tests := []struct {
		text          string
		quiet, alerts []float64
	}{
		{"10", []float64{0, 5, 10}, []float64{-1, 10.1}},
		{"10:", []float64{10, 1e9}, []float64{9.9, -5}},
		{"~:10", []float64{-1e9, 10}, []float64{10.1}},
		{"10:20", []float64{10, 15, 20}, []float64{9, 21}},
		{"@10:20", []float64{9, 21, math.NaN()}, []float64{10, 15, 20}},
		{"-5:-1", []float64{-3}, []float64{0, -6}},
		{"", []float64{0, 1e9, -1}, nil},
	}
	for _, test := range tests {
		r, err := ParseRange(test.text)
		if err != nil {
			t.Error(err)
		}
		for _, v := range test.quiet {
			if r.Alerts(v) {
				t.Errorf("%q alerts on %g", test.text, v)
			}
		}
		for _, v := range test.alerts {
			if !r.Alerts(v) {
				t.Errorf("%q does not alert on %g", test.text, v)
			}
		}
	}
	for _, text := range []string{"x", "20:10", "1:x", "@", ":", "nan"} {
		if r, err := ParseRange(text); err == nil && text != ":" {
			t.Errorf("%q is read as %+v", text, r)
		}
	}
}

func FuzzOutput(f *testing.F) {
	f.Add("OK | a=1;2;3;4;5\nmore | 'b c'=2%;@1:2\n")
	f.Fuzz(func(t *testing.T, text string) {
		o := ParseOutput(text)
		for _, d := range o.Data {
			if d.Label == "" || math.IsInf(d.Value, 0) {
				t.Errorf("%+v is read of %q", d, text)
			}
		}
	})
}
