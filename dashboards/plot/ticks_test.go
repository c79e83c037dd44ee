package plot

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestValueTicks(t *testing.T) {
	for _, tc := range []struct {
		name      string
		low, high float64
		unit      Unit
		want      []float64
	}{
		{"counts start at zero", 40, 97, Number, []float64{0, 50, 100}},
		{"percent", 3, 97, Percent, []float64{0, 25, 50, 75, 100}},
		{"little percent", 0, 0.3, Percent, []float64{0, 0.1, 0.2, 0.30000000000000004}},
		{"memory in powers of two", 1 << 30, 7 << 30, Bytes, []float64{0, 2 << 30, 4 << 30, 6 << 30, 8 << 30}},
		{"all zero", 0, 0, Number, []float64{0, 0.5, 1}},
		{"below zero", -3, 4, Number, []float64{-4, -2, 0, 2, 4}},
		{"states", 1, 3, State, []float64{0, 1, 2, 3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, valueTicks(tc.low, tc.high, tc.unit, 4)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTimeTicks(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones here:", err)
	}
	at := func(text string) time.Time {
		parsed, err := time.ParseInLocation("2006-01-02 15:04", text, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for _, tc := range []struct {
		name     string
		from, to time.Time
		want     []string
	}{
		{"an hour", at("2026-11-21 14:03"), at("2026-11-21 15:03"), []string{"14:10", "14:20", "14:30", "14:40", "14:50", "15:00"}},
		{"a day", at("2026-11-20 14:03"), at("2026-11-21 14:03"), []string{"18:00", "00:00", "06:00", "12:00"}},
		{"a week", at("2026-11-14 14:03"), at("2026-11-21 14:03"), []string{"16 Nov", "18 Nov", "20 Nov"}},
		{"the clock goes back", at("2026-10-24 20:30"), at("2026-10-25 12:00"), []string{"21:00", "00:00", "03:00", "06:00", "09:00", "12:00"}},
		{"nothing", at("2026-10-24 20:30"), at("2026-10-24 20:30"), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ticks, step := timeTicks(tc.from, tc.to, 6, berlin)
			var got []string
			for _, tick := range ticks {
				got = append(got, tickLabel(tick, step))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTicksHoldTheData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-1e12, 1e12).Draw(t, "low")
		high := low + rapid.Float64Range(0, 1e12).Draw(t, "more")
		unit := rapid.SampledFrom([]Unit{Number, Percent, Bytes, Seconds}).Draw(t, "unit")
		ticks := valueTicks(low, high, unit, rapid.IntRange(1, 4).Draw(t, "rows"))
		step := ticks[1] - ticks[0]
		if ticks[0] > low || ticks[len(ticks)-1] < high-step*1e-6 || len(ticks) > 8 {
			t.Fatalf("%g to %g in %q got %v", low, high, unit, ticks)
		}
		if !slices.IsSorted(ticks) {
			t.Fatalf("%v is not sorted", ticks)
		}
	})
}

func TestValuesStayApartInALowGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &Plot{From: start, To: start.Add(time.Hour), Unit: Percent, Height: rapid.IntRange(100, 300).Draw(t, "height")}
		p.Series = []Series{{Points: []Point{{start, rapid.Float64Range(0, 100).Draw(t, "value")}}}}
		f := p.frame()
		for i, v := range f.values[1:] {
			if apart := f.y(f.values[i]) - f.y(v); apart < lineHeight {
				t.Fatalf("%g and %g stand %g pixels apart at height %d", f.values[i], v, apart, p.Height)
			}
		}
	})
}

func TestLabelsStayApartAndInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &Plot{From: start, To: start.Add(time.Hour)}
		for range rapid.IntRange(1, 8).Draw(t, "lines") {
			p.Series = append(p.Series, Series{Name: "line", Points: []Point{{start, rapid.Float64Range(0, 100).Draw(t, "value")}}})
		}
		f := p.frame()
		for i, l := range f.labels {
			if i > 0 && l.y-f.labels[i-1].y < lineHeight-1e-9 {
				t.Fatalf("labels %v lie on one another", f.labels)
			}
			if l.y > f.bottom {
				t.Fatalf("label at %g is below the axis at %g", l.y, f.bottom)
			}
		}
	})
}

func TestUnits(t *testing.T) {
	for _, tc := range []struct {
		unit  Unit
		value float64
		want  string
	}{
		{Number, 0, "0"},
		{Number, 3.14159, "3.14"},
		{Number, 12.34, "12.3"},
		{Number, 0.0005, "0.0005"},
		{Number, -0.00123456, "-0.00123"},
		{Number, 5.5e-17, "0"},
		{Unscaled, 1234567, "1234567"},
		{Number, 1234, "1234"},
		{Number, 1234567, "1.23 M"},
		{Percent, 37.26, "37.3 %"},
		{Percent, 100, "100 %"},
		{Percent, 0.001, "0 %"},
		{Bytes, 0, "0 B"},
		{Bytes, 1023, "1023 B"},
		{Bytes, 3.1 * (1 << 30), "3.1 GiB"},
		{BytesPerSecond, 2048, "2 KiB/s"},
		{Seconds, 0, "0 s"},
		{Seconds, 0.0123, "12.3 ms"},
		{Seconds, 2e-5, "20 µs"},
		{Seconds, 90, "90 s"},
		{Seconds, 600, "10 min"},
		{Seconds, 86400 * 3, "3 d"},
		{PerSecond, 12, "12/s"},
		{State, 3, "critical"},
		{State, 9, "9"},
		{Percent, math.NaN(), "no data"},
	} {
		if got := tc.unit.Format(tc.value); got != tc.want {
			t.Errorf("%q %g is %q, want %q", tc.unit, tc.value, got, tc.want)
		}
	}
}

func TestSummary(t *testing.T) {
	s := Series{Points: []Point{{start, 1}, {start.Add(time.Minute), math.NaN()}, {start.Add(2 * time.Minute), 5}, {start.Add(3 * time.Minute), 3}}}
	want := Summary{Count: 3, Last: 3, Min: 1, Max: 5, Avg: 3, FirstAt: start, LastAt: start.Add(3 * time.Minute), MaxAt: start.Add(2 * time.Minute)}
	if diff := cmp.Diff(want, s.Summary()); diff != "" {
		t.Error(diff)
	}
	if got := (Series{}).Summary(); got != (Summary{}) {
		t.Errorf("nothing sums up to %v", got)
	}
}
