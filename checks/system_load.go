package checks

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/dialtone/dialtone"
)

// loadSpans are the columns of /proc/loadavg (proc_loadavg(5)).
var loadSpans = []struct{ name, phrase, help string }{
	{"load1", "loadavg 1min", "one minute"}, {"load5", "loadavg 5min", "five minutes"}, {"load15", "loadavg 15min", "fifteen minutes"},
}

// loadNames are the values of loadValues.
var loadNames = []string{"load1", "load5", "load15", "load1_per_core", "load5_per_core", "load15_per_core"}

// loadValues are the load averages; more ends the sentence that describes each.
func loadValues(more string) []Value {
	var values []Value
	for i, span := range loadSpans {
		all, each := []string{span.phrase}, []string{span.phrase + " core"}
		if i == 0 {
			all, each = append(all, "loadavg"), append(each, "loadavg core")
		}
		values = append(
			values,
			Value{Name: span.name, Phrases: all, Unit: "count", Type: dialtone.Gauge, Help: "Load average of " + span.help + more + "."},
			Value{Name: span.name + "_per_core", Phrases: each, Unit: "count", Type: dialtone.Gauge, Help: "Load average of " + span.help + " for each core" + more + "."},
		)
	}
	return values
}

func reportLoad(root string, r *Report) error {
	text, err := readMachine(root, "loadavg")
	if err != nil {
		return err
	}
	fields := strings.Fields(text)
	for i, span := range loadSpans {
		if i >= len(fields) {
			return fmt.Errorf("reading the machine's loadavg: %q has too few fields", text)
		}
		load, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return fmt.Errorf("reading the machine's loadavg: %w", err)
		}
		r.Value(span.name, load)
		r.Value(span.name+"_per_core", load/float64(runtime.NumCPU()))
	}
	return nil
}
