// Package nagios reads what Nagios plugins print: a line of text, performance data behind a bar, and more of both. The format is that of
// the monitoring plugins' development guidelines.
package nagios

import (
	"math"
	"strconv"
	"strings"
)

const (
	mostData  = 500 // pieces of performance data of one run
	mostLabel = 200 // bytes of a label
)

// The exit statuses of plugins.
const (
	OK       = 0
	Warning  = 1
	Critical = 2
	Unknown  = 3
)

// Output is what a plugin printed.
type Output struct {
	Text string   // the first line, without its performance data
	Long []string // the lines after it
	Data []Datum
}

// Datum is one piece of performance data, in base units: seconds, bytes, percent, or plain numbers.
type Datum struct {
	Label    string
	Value    float64 // NaN: the plugin says that it does not know (U)
	Unit     string  // seconds, bytes, percent, count (of a counter), or what the plugin wrote; empty: a plain number
	Warning  Range
	Critical Range
	Min, Max float64 // NaN: not said
}

// ParseOutput reads what a plugin printed on standard output. What is no performance data behind a bar is left out.
func ParseOutput(text string) Output {
	var o Output
	first, rest, _ := strings.Cut(strings.TrimRight(text, "\r\n"), "\n")
	line, data, _ := strings.Cut(first, "|")
	o.Text = strings.TrimSpace(line)
	behind := false // the bar of the long text was passed: all that follows is performance data
	for line := range strings.Lines(rest) {
		line = strings.TrimRight(line, "\r\n")
		if behind {
			data += " " + line
			continue
		}
		long, more, bar := strings.Cut(line, "|")
		o.Long = append(o.Long, strings.TrimRight(long, " \t"))
		data, behind = data+" "+more, bar
	}
	o.Data = ParseData(data)
	return o
}

// ParseData reads performance data: 'LABEL'=VALUE[UNIT];[WARN];[CRIT];[MIN];[MAX], with spaces between. A piece that is none is left out.
func ParseData(text string) []Datum {
	var all []Datum
	for len(all) < mostData {
		text = strings.TrimLeft(text, " \t\r\n")
		if text == "" {
			break
		}
		label, rest, ok := cutLabel(text)
		if !ok {
			text = behindSpace(text)
			continue
		}
		piece := rest
		if i := strings.IndexAny(rest, " \t\r\n"); i >= 0 {
			piece = rest[:i]
		}
		text = rest[len(piece):]
		if d, ok := datumOf(label, piece); ok {
			all = append(all, d)
		}
	}
	return all
}

// cutLabel takes the label and its = from the front. In a label in quotes, two quotes are one.
func cutLabel(text string) (label, rest string, ok bool) {
	if text[0] != '\'' {
		i := strings.IndexAny(text, "= \t\r\n")
		if i <= 0 || text[i] != '=' {
			return "", "", false
		}
		return text[:i], text[i+1:], true
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] != '\'':
			b.WriteByte(text[i])
		case strings.HasPrefix(text[i:], "''"):
			b.WriteByte('\'')
			i++
		default:
			rest, ok = strings.CutPrefix(text[i+1:], "=")
			return b.String(), rest, ok && b.Len() > 0
		}
	}
	return "", "", false
}

func behindSpace(text string) string {
	i := strings.IndexAny(text, " \t\r\n")
	if i < 0 {
		return ""
	}
	return text[i:]
}

func datumOf(label, piece string) (Datum, bool) {
	fields := strings.Split(piece, ";")
	for len(fields) < 5 {
		fields = append(fields, "")
	}
	d := Datum{Label: strings.ToValidUTF8(label[:min(len(label), mostLabel)], "\uFFFD"), Value: math.NaN()}
	factor := 1.0
	if fields[0] != "U" {
		number, unit := cutUnit(fields[0])
		v, err := strconv.ParseFloat(number, 64)
		d.Unit, factor = baseUnit(unit)
		d.Value = v * factor
		if err != nil || math.IsInf(d.Value, 0) || math.IsNaN(d.Value) {
			return d, false
		}
	}
	d.Warning, d.Critical = rangeIn(fields[1], factor), rangeIn(fields[2], factor)
	d.Min, d.Max = limitIn(fields[3], factor), limitIn(fields[4], factor)
	return d, true
}

// cutUnit parts "12.5MB" behind the number.
func cutUnit(text string) (number, unit string) {
	end := len(text)
	for end > 0 && !strings.ContainsRune("0123456789.", rune(text[end-1])) {
		end--
	}
	return text[:end], text[end:]
}

// baseUnit is the unit that values are kept in, and how many of it one of the given is. The plugins count kilobytes by 1024.
func baseUnit(unit string) (string, float64) {
	const k = 1024
	if unit == "c" {
		return "count", 1 // a capital C is a temperature
	}
	switch strings.ToLower(unit) {
	case "s":
		return "seconds", 1
	case "ms":
		return "seconds", 1e-3
	case "us":
		return "seconds", 1e-6
	case "ns":
		return "seconds", 1e-9
	case "%":
		return "percent", 1
	case "b":
		return "bytes", 1
	case "kb", "kib":
		return "bytes", k
	case "mb", "mib":
		return "bytes", k * k
	case "gb", "gib":
		return "bytes", k * k * k
	case "tb", "tib":
		return "bytes", k * k * k * k
	}
	return strings.ToValidUTF8(unit[:min(len(unit), mostLabel)], "\uFFFD"), 1
}

func rangeIn(text string, factor float64) Range {
	r, err := ParseRange(text)
	if err != nil {
		return Range{}
	}
	r.Start *= factor
	r.End *= factor
	return r
}

func limitIn(text string, factor float64) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) {
		return math.NaN()
	}
	return v * factor
}
