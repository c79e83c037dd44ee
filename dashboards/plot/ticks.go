package plot

import (
	"math"
	"time"
)

// valueTicks returns the values of the horizontal lines for data between low and high, first and last being the ends of the
// axis. The axis always holds 0, so that heights can be compared. The range of the data is cut into up to rows steps.
func valueTicks(low, high float64, u Unit, rows int) []float64 {
	if u == State {
		return []float64{0, 1, 2, 3}
	}
	return steps(math.Min(low, 0), math.Max(high, 0), u, rows)
}

// steps cuts a range into up to rows steps that people count in.
func steps(low, high float64, u Unit, rows int) []float64 {
	if high <= low {
		high = low + 1
	}
	step := niceStep((high-low)/float64(rows), u)
	first := math.Floor(low/step) * step
	ticks := []float64{first}
	for i := 1; i == 1 || ticks[len(ticks)-1] < high-step*1e-9; i++ {
		ticks = append(ticks, first+float64(i)*step)
	}
	return ticks
}

// niceStep rounds a distance up to what people count in: 1, 2, 5 times a power of ten, or powers of two for bytes.
func niceStep(d float64, u Unit) float64 {
	if u == Bytes || u == BytesPerSecond {
		return math.Max(1, math.Exp2(math.Ceil(math.Log2(d))))
	}
	power := math.Pow(10, math.Floor(math.Log10(d)))
	for _, m := range [...]float64{1, 2, 2.5, 5} {
		if m == 2.5 && u != Percent {
			continue
		}
		if d <= m*power*(1+1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// timeSteps are the distances of time ticks; day and above are counted in calendar days.
var timeSteps = [...]time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	day, 2 * day, 7 * day, 14 * day, 28 * day, 56 * day, 112 * day, 365 * day,
}

const day = 24 * time.Hour

// timeTicks returns at most most instants between from and to that fall on full units of the zone's clock, and their distance.
func timeTicks(from, to time.Time, most int, zone *time.Location) ([]time.Time, time.Duration) {
	span := to.Sub(from)
	step := timeSteps[len(timeSteps)-1]
	for _, s := range timeSteps {
		if span <= time.Duration(most)*s {
			step = s
			break
		}
	}
	if span <= 0 || span > 20*365*day {
		return nil, step
	}
	var ticks []time.Time
	for at := range clock(from.In(zone), step) {
		if at.After(to) {
			return ticks, step
		}
		if !at.Before(from) && (len(ticks) == 0 || at.After(ticks[len(ticks)-1])) {
			ticks = append(ticks, at)
		}
	}
	return ticks, step
}

// clock yields wall-clock instants step apart from the midnight before from on. Days are calendar days, so that a tick stays at
// midnight when the clocks change.
func clock(from time.Time, step time.Duration) func(yield func(time.Time) bool) {
	year, month, date := from.Date()
	return func(yield func(time.Time) bool) {
		for i := 0; ; i++ {
			days, secs := i*int(step/day), 0
			if step < day {
				days, secs = 0, i*int(step/time.Second)
			}
			if !yield(time.Date(year, month, date+days, 0, 0, secs, 0, from.Location())) {
				return
			}
		}
	}
}

// tickLabel writes the clock inside a day and the date at midnight.
func tickLabel(at time.Time, step time.Duration) string {
	switch {
	case step >= 28*day:
		return at.Format("2 Jan 06")
	case step >= day:
		return at.Format("2 Jan")
	case step < time.Minute:
		return at.Format("15:04:05")
	}
	return at.Format("15:04")
}
