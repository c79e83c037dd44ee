package main

import (
	"strings"
	"testing"
)

func TestSectionsAreChosenByName(t *testing.T) {
	cases := []struct{ only, want string }{
		{"", "size heal trouble verify page host up"},
		{"up,size", "up size"},
		{"nothing", "nothing"},
		{"size,speed", `there is no section "speed"`},
	}
	for _, c := range cases {
		chosen, err := choose(c.only)
		var names []string
		for _, s := range chosen {
			names = append(names, s.name)
		}
		got := strings.Join(names, " ")
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.only, got, c.want)
		}
	}
}

func TestSeriesOf(t *testing.T) {
	if got := seriesOf([]byte("# HELP a b\n# TYPE a gauge\na 1\n\na{b=\"c\"} 2\n")); got != 2 {
		t.Errorf("got %d", got)
	}
}

func TestHasLine(t *testing.T) {
	if hasLine([]byte(`<svg class="plot"><path class="p-grid" d="M0 0"/></svg>`)) {
		t.Error("a grid is no data")
	}
	if !hasLine([]byte(`<svg class="plot"><path class="p-data" fill="none" d="M0 0"/></svg>`)) {
		t.Error("a line of data is not seen")
	}
}
