package munin

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Status is how a plugin stands by the limits of its own fields. The zero value is well.
type Status struct {
	Code      int    // 0 well, 1 a warning, 2 critical
	Warnings  int    // fields beyond warning, those that are critical left out
	Criticals int    // fields beyond critical
	Unknowns  int    // fields that were unknown too often in a row
	Why       string // of the worst field; empty when there is none
}

// defaultUnknownLimit is how many unknown values in a row Munin bears.
const defaultUnknownLimit = 3

// Judge compares the newest values of a plugin with the limits that its config gives.
func (r *Recorder) Judge(c Config, newest []Value) Status {
	var s Status
	for _, v := range newest {
		code, why := v.judge()
		switch code {
		case 1:
			s.Warnings++
		case 2:
			s.Criticals++
		}
		if code > s.Code {
			s.Code, s.Why = code, why
		}
	}
	for _, g := range c.Graphs {
		for _, f := range g.Fields {
			if n := r.unknowns[g.FullName(f)]; n >= f.patience() {
				s.Unknowns++
				if s.Code == 0 && s.Why == "" {
					s.Why = fmt.Sprintf("%s has been unknown %d times in a row", g.FullName(f), n)
				}
			}
		}
	}
	return s
}

func (f *Field) patience() int {
	if f.UnknownLimit > 0 {
		return f.UnknownLimit
	}
	return defaultUnknownLimit
}

func (v Value) judge() (int, string) {
	if outside(v.Field.Critical, v.Raw) {
		return 2, v.sentence("critical", v.Field.Critical)
	}
	if outside(v.Field.Warning, v.Raw) {
		return 1, v.sentence("warning", v.Field.Warning)
	}
	return 0, ""
}

func (v Value) sentence(word, limits string) string {
	name := v.Graph.FullName(v.Field)
	if v.Field.Label != "" && v.Field.Label != v.Field.Name {
		name += " (" + v.Field.Label + ")"
	}
	return fmt.Sprintf("%s is %s, %s outside of %s", name, strconv.FormatFloat(v.Raw, 'g', 6, 64), word, limits)
}

// outside says whether a value is beyond MIN:MAX, either of which may be missing; a number alone is a greatest value. What is no
// number sets no limit.
func outside(limits string, v float64) bool {
	if limits == "" || math.IsNaN(v) {
		return false
	}
	low, high, ranged := strings.Cut(limits, ":")
	if !ranged {
		low, high = "", limits
	}
	if least, has := bound(low); has && v < least {
		return true
	}
	most, has := bound(high)
	return has && v > most
}

// bound reads a limit; false when there is none.
func bound(text string) (float64, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return v, err == nil && !math.IsNaN(v)
}
