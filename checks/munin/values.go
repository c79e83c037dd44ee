package munin

import (
	"math"
	"strconv"
	"strings"
	"time"
)

const mostReadings = 20_000 // of one answer: supersampling sends many at once

// Reading is one value that a plugin gave for one of its fields.
type Reading struct {
	Graph string // empty for a plugin's only graph
	Field string
	At    time.Time // zero: now
	Value float64   // NaN: the plugin says that it does not know (U)
}

// ParseValues reads the answer to a plugin run without an argument: lines `FIELD.value N`, `FIELD.value U` or, for values of the past,
// `FIELD.value EPOCH:N`, under `multigraph GRAPH` where there are several. Other lines are left out.
func ParseValues(text string) []Reading {
	var readings []Reading
	graph := ""
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		value = strings.TrimSpace(value)
		if key == "multigraph" {
			graph = bounded(value)
			continue
		}
		field, isValue := strings.CutSuffix(key, ".value")
		if !isValue || len(readings) == mostReadings {
			continue
		}
		if r, ok := readingOf(graph, field, value); ok {
			readings = append(readings, r)
		}
	}
	return readings
}

func readingOf(graph, field, value string) (Reading, bool) {
	r := Reading{Graph: graph, Field: field}
	if !validName(field) {
		return r, false
	}
	if epoch, rest, has := strings.Cut(value, ":"); has && epoch != "N" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || seconds < 0 || seconds > math.MaxUint32 {
			return r, false
		}
		r.At, value = time.Unix(seconds, 0).UTC(), rest
	} else if has {
		value = rest // N:VALUE, as rrdtool has it
	}
	if strings.EqualFold(value, "U") {
		r.Value = math.NaN()
		return r, true
	}
	var err error
	r.Value, err = strconv.ParseFloat(value, 64)
	return r, err == nil && !math.IsInf(r.Value, 0) && !math.IsNaN(r.Value)
}
