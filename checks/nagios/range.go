package nagios

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Range is a threshold as plugins write it, [@]START:END. The zero value is none, which nothing is beyond.
type Range struct {
	Start, End float64
	Inside     bool // @: it is the values inside, its ends included, that alert
	Set        bool
}

// ParseRange reads a threshold: "10" alerts below 0 and above 10, "10:" below 10, "~:10" above 10, "10:20" outside of both, and
// "@10:20" inside. An empty text is no threshold.
func ParseRange(text string) (Range, error) {
	if text == "" {
		return Range{}, nil
	}
	r := Range{End: math.Inf(1), Set: true}
	rest, inside := strings.CutPrefix(text, "@")
	r.Inside = inside
	start, end, parted := strings.Cut(rest, ":")
	if !parted {
		start, end = "", rest
	}
	var err error
	switch start {
	case "":
	case "~":
		r.Start = math.Inf(-1)
	default:
		r.Start, err = number(start)
	}
	if err == nil && (end != "" || !parted) {
		r.End, err = number(end)
	}
	if err == nil && r.Start > r.End {
		err = fmt.Errorf("%g is greater than %g", r.Start, r.End)
	}
	if err != nil {
		return Range{}, fmt.Errorf("threshold %q: %w", text, err)
	}
	return r, nil
}

func number(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return v, nil
}

// Alerts reports whether a value is one that the threshold alerts on. NaN never is.
func (r Range) Alerts(v float64) bool {
	if !r.Set || math.IsNaN(v) {
		return false
	}
	inside := v >= r.Start && v <= r.End
	return inside == r.Inside
}
