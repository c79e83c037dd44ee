package plot

import (
	"math"
	"slices"
)

// holds reports whether a value has a place on the axis.
func (a Axis) holds(v float64) bool { return finite(v) && (!a.Log || v > 0) }

// ticks are the values of the horizontal lines; the first and the last are the ends of the axis.
func (p *Plot) ticks(rows int) []float64 {
	low, high := p.extent()
	if p.Unit == State {
		return valueTicks(low, high, p.Unit, rows)
	}
	low, high = p.Axis.widened(low, high)
	if p.Axis.Log {
		return decades(low, high, rows)
	}
	values := steps(low, high, p.Unit, rows)
	if p.Axis.Rigid {
		return p.Axis.cut(values)
	}
	if end := len(values) - 1; p.Unit == Percent && high <= 100 && values[end] > 100 {
		values[end] = 100
	}
	return values
}

// widened is the range of data with what the axis holds besides: its own ends, and 0 where it has none.
func (a Axis) widened(low, high float64) (least, most float64) {
	least, most = low, high
	switch {
	case a.Low != nil && a.Rigid:
		least = *a.Low
	case a.Low != nil:
		least = math.Min(low, *a.Low)
	case !a.Log:
		least = math.Min(low, 0)
	}
	switch {
	case a.High != nil && a.Rigid:
		most = *a.High
	case a.High != nil:
		most = math.Max(high, *a.High)
	case a.Low == nil || *a.Low <= 0:
		most = math.Max(high, 0)
	}
	return least, most
}

// cut ends ticks exactly where a rigid axis does. A tick that would touch the end gives way to it.
func (a Axis) cut(values []float64) []float64 {
	near := (values[1] - values[0]) / 3
	if a.Low != nil {
		end := values[len(values)-1]
		inside := slices.DeleteFunc(values, func(v float64) bool { return v < *a.Low+near && v != end })
		values = append([]float64{*a.Low}, inside...)
	}
	if a.High != nil && *a.High > values[0] {
		inside := slices.DeleteFunc(values, func(v float64) bool { return v > *a.High-near && v > values[0] })
		values = append(inside, *a.High)
	}
	return values
}

// decades are powers of ten around a range, at most rows steps. What is not above 0 has no place among them.
func decades(low, high float64, rows int) []float64 {
	if high <= 0 {
		high = 1
	}
	if low <= 0 {
		low = math.Min(high/1000, 1)
	}
	first, end := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	end = math.Max(end, first+1)
	stride := math.Ceil((end - first) / float64(max(rows, 1)))
	var values []float64
	for at := first; at < end+stride; at += stride {
		values = append(values, math.Pow(10, at))
	}
	return values
}
