package plot

import (
	"math"
	"time"
)

// Summary is a line in numbers. With Count 0 the others mean nothing.
type Summary struct {
	Count               int
	Last, Min, Max, Avg float64
	FirstAt             time.Time // the instant of the first value
	LastAt              time.Time // the instant of Last
	MaxAt               time.Time // the first instant of Max
}

// Summary returns the line in numbers; gaps do not count.
func (s Series) Summary() Summary {
	sum := Summary{Min: math.Inf(1), Max: math.Inf(-1)}
	total := 0.0
	for _, pt := range s.Points {
		if !finite(pt.Value) {
			continue
		}
		if sum.Count == 0 {
			sum.FirstAt = pt.At
		}
		sum.Count++
		sum.Last, sum.LastAt = pt.Value, pt.At
		total += pt.Value
		sum.Min = math.Min(sum.Min, pt.Value)
		if pt.Value > sum.Max {
			sum.Max, sum.MaxAt = pt.Value, pt.At
		}
	}
	if sum.Count == 0 {
		return Summary{}
	}
	sum.Avg = total / float64(sum.Count)
	return sum
}
