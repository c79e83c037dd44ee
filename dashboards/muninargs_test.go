package dashboards

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone/dashboards/plot"
)

func TestMuninAxis(t *testing.T) {
	at := func(v float64) *float64 { return &v }
	for args, want := range map[string]plot.Axis{
		"":                                       {},
		"--base 1000 -l 0":                       {Low: at(0)},
		"--base 1024 -l0 -u100":                  {Low: at(0), High: at(100)},
		"-r --lower-limit 0 --upper-limit 200":   {Low: at(0), High: at(200), Rigid: true},
		"--rigid --lower-limit=-5 --base 1000":   {Low: at(-5), Rigid: true},
		"--upper-limit 1e6 --logarithmic -l 1":   {Low: at(1), High: at(1e6), Log: true},
		"-o -l 0 -u -1":                          {Log: true},
		"-l 5 -u 5":                              {},
		"-l much -u":                             {},
		"-l nan -u inf --units=si --alt-y-grid ": {},
	} {
		if diff := cmp.Diff(want, muninAxis(args)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", args, diff)
		}
	}
}

// TestMuninRules: `line` is drawn whenever it stands; limits only where they can be of one field.
func TestMuninRules(t *testing.T) {
	limited := map[string]string{"field": "a", "warning": ":10", "critical": "2:20", "colour": "COLOUR2"}
	tests := []struct {
		name   string
		fields []map[string]string
		want   []plot.Rule
	}{
		{"limits of one", []map[string]string{limited}, []plot.Rule{{Value: 10, Label: "warning"}, {Value: 2, Label: "critical"}, {Value: 20, Label: "critical"}}},
		{"limits beside a hidden one", []map[string]string{{"field": "b", "hidden": "yes", "line": "3"}, {"field": "a", "warning": "4"}}, []plot.Rule{{Value: 4, Label: "warning"}}},
		{"limits of two", []map[string]string{limited, {"field": "b"}}, nil},
		{"a line in the color of its field", []map[string]string{{"field": "a", "line": "5", "colour": "COLOUR2", "warning": "9"}}, []plot.Rule{{Value: 5, Color: 3}}},
		{"a line with a color and a label", []map[string]string{{"field": "a"}, {"field": "b", "line": "-5.5:1d4ed8:most: allowed"}}, []plot.Rule{{Value: -5.5, Color: 1, Label: "most: allowed"}}},
		{"no line", []map[string]string{{"field": "a", "line": "high:ff0000:x"}}, nil},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, muninRules(muninGraph{Fields: test.fields})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestMuninFormat(t *testing.T) {
	tests := []struct {
		printf string
		unit   plot.Unit
		value  float64
		want   string
	}{
		{"", plot.Percent, 12.345, "12.3 %"},
		{"%6.2lf%s", plot.Number, 12345.6, "12.35k"},
		{"%6.2lf%s", plot.Number, -0.0123, "-12.30m"},
		{"%6.2lf%s", plot.Bytes, 3 << 20, "3.00M"},
		{"%6.2lf%s", plot.Unscaled, 12345.6, "12345.60"},
		{"%3.0lf%%", plot.Number, 41.6, "42%"},
		{"%.3le", plot.Number, 12345.6, "1.235e+04"},
		{"%5.1lf %sB", plot.Number, 0, "0.0 B"},
		{"%d", plot.Number, 7, "7"},
		{"%.999999999999999999999lf", plot.Number, 1, "1"},
		{"%", plot.Number, 7, "7"},
	}
	for _, test := range tests {
		if got := muninFormat(test.printf, test.unit)(test.value); got != test.want {
			t.Errorf("%g as %q is %q, want %q", test.value, test.printf, got, test.want)
		}
	}
}

// FuzzMuninWords: whatever a plugin says of its axis and figures, they can be drawn and written.
func FuzzMuninWords(f *testing.F) {
	f.Add("--base 1000 -r --lower-limit 0 --upper-limit 200", "%6.2lf%s", 12.5)
	f.Add("-l=-o-u1e400", "%%%-+#.lf", math.Inf(1))
	f.Fuzz(func(t *testing.T, args, printf string, v float64) {
		axis := muninAxis(args)
		if axis.Low != nil && axis.High != nil && !(*axis.Low < *axis.High) {
			t.Errorf("%q gives an axis from %g to %g", args, *axis.Low, *axis.High)
		}
		if got := muninFormat(printf, plot.Number)(v); len(got) > len(printf)+400 {
			t.Errorf("%q makes %d bytes of %g", printf, len(got), v)
		}
	})
}
