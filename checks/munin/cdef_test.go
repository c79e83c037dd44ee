package munin

import (
	"math"
	"strings"
	"testing"
	"time"
)

// TestEvaluate holds the expressions against rrdgraph_rpn(1), whose own examples are among them, and what rrdtool itself made of them.
func TestEvaluate(t *testing.T) {
	unknown, inf := math.NaN(), math.Inf(1)
	tests := []struct {
		cdef string
		want float64
	}{
		{"a", 6},
		{"a,8,*", 48},
		{"a,b,-", 4},
		{"a,b,/", 3},
		{"7,4,%", 3},
		{"2,10,POW", 1024},
		{"-5,ABS", 5},
		{"a,b,GT", 1},
		{"a,b,LT", 0},
		{"a,6,EQ", 1},
		{"a,6,NE", 0},
		{"a,6,GE", 1},
		{"a,5,LE", 0},
		{"a,u,GT", unknown},
		{"u,UN", 1},
		{"a,UN", 0},
		{"INF,ISINF", 1},
		{"NEGINF", -inf},
		{"UNKN", unknown},
		{"u,UN,0,u,IF", 0},
		{"a,UN,0,a,IF", 6},
		{"u,1,2,IF", 2},
		{"a,b,MIN", 2},
		{"a,b,MAX", 6},
		{"a,u,MIN", unknown},
		{"a,u,MAXNAN", 6},
		{"a,u,ADDNAN", 6},
		{"u,u,ADDNAN", unknown},
		{"a,0,100,LIMIT", 6},
		{"a,0,5,LIMIT", unknown},
		{"a,0,INF,LIMIT", 6},
		{"a,DUP,*", 36},
		{"a,b,EXC,-", -4},
		{"a,b,POP", 6},
		{"1,FLOOR,2.5,CEIL,+", 4},
		{"0,COS,0,SIN,+", 1},
		{"1,EXP,LOG", 1},
		{"16,SQRT", 4},
		{"1,1,ATAN2,RAD2DEG", 45},
		{"180,DEG2RAD,ATAN", math.Atan(math.Pi)},
		{"4,3,22.1,1,4,SORT,POP,POP,POP", 1},
		{"10,1,2,3,4,100,6,SORT,POP,5,REV,POP,+,+,+,4,/", 4.75},
		{"a,b,u,4,4,AVG", 4},
		{"3,1,2,3,MEDIAN", 2},
		{"4,1,2,3,4,MEDIAN", 2.5},
		{"a,b,2,STDEV", math.Sqrt(8)},
		{"a,b,2,SMIN", 2},
		{"a,b,2,SMAX", 6},
		{"NOW", 1792000000},
		{" a , b , + ", 8},
		{"1e3", 1000},
	}
	values := map[string]float64{"a": 6, "b": 2, "u": unknown}
	lookup := func(name string) (float64, bool) { v, ok := values[name]; return v, ok }
	for _, test := range tests {
		got, err := Evaluate(test.cdef, time.Unix(1792000000, 0).UTC(), lookup)
		if err != nil || got != test.want && !(math.IsNaN(got) && math.IsNaN(test.want)) && math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s = %g, %v; want %g", test.cdef, got, err, test.want)
		}
	}
}

func TestEvaluateRefuses(t *testing.T) {
	tests := map[string]string{
		"":                           `the cdef "" has no meaning at ""`,
		"a,a":                        `the cdef "a,a" leaves 2 values, not one`,
		"a,+":                        `the cdef "a,+" has no meaning at "+"`,
		"nobody,8,*":                 `the cdef "nobody,8,*" has no meaning at "nobody"`,
		"a,1800,TREND":               `the cdef "a,1800,TREND" has no meaning at "TREND"`,
		"a,0,AVG":                    `the cdef "a,0,AVG" has no meaning at "AVG"`,
		"a,-1,SORT":                  `the cdef "a,-1,SORT" has no meaning at "SORT"`,
		strings.Repeat("a,", 600):    "the cdef has more than 500 words",
		"1" + strings.Repeat("0", 9): "",
	}
	for cdef, want := range tests {
		_, err := Evaluate(cdef, time.Time{}, func(name string) (float64, bool) { return 1, name == "a" })
		if want == "" && err == nil {
			continue
		}
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", cdef, err, want)
		}
	}
}

func FuzzEvaluate(f *testing.F) {
	for _, seed := range []string{"a,8,*", "a,UN,0,a,IF", "4,3,22.1,1,4,SORT", "a,DUP,DUP,3,AVG", "1e9,REV"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, cdef string) {
		_, _ = Evaluate(cdef, time.Time{}, func(name string) (float64, bool) { return 2, name == "a" })
	})
}
