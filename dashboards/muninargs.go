package dashboards

import (
	"strconv"
	"strings"

	"github.com/dialtone/dialtone/dashboards/plot"
)

// muninAxis reads what graph_args say of the axis, in the words of rrdgraph(1). What cannot be read, or contradicts itself, is left out.
func muninAxis(args string) plot.Axis {
	var axis plot.Axis
	words := strings.Fields(args)
	for i := 0; i < len(words); i++ {
		name, value, joined := option(words[i])
		switch name {
		case "-r", "--rigid":
			axis.Rigid = true
		case "-o", "--logarithmic":
			axis.Log = true
		case "-l", "--lower-limit", "-u", "--upper-limit":
			if !joined && i+1 < len(words) {
				i++
				value = words[i]
			}
			end, err := strconv.ParseFloat(value, 64)
			if err != nil || end < -1e300 || end > 1e300 || end != end {
				continue
			}
			if name == "-l" || name == "--lower-limit" {
				axis.Low = &end
			} else {
				axis.High = &end
			}
		}
	}
	return consistent(axis)
}

// option splits --NAME=VALUE and -nVALUE.
func option(word string) (name, value string, joined bool) {
	if strings.HasPrefix(word, "--") {
		return strings.Cut(word, "=")
	}
	if len(word) > 2 && (strings.HasPrefix(word, "-l") || strings.HasPrefix(word, "-u")) {
		return word[:2], word[2:], true
	}
	return word, "", false
}

// consistent drops ends that an axis cannot have.
func consistent(axis plot.Axis) plot.Axis {
	if axis.Low != nil && axis.High != nil && *axis.Low >= *axis.High {
		axis.Low, axis.High = nil, nil
	}
	if axis.Log && axis.Low != nil && *axis.Low <= 0 {
		axis.Low = nil
	}
	if axis.Log && axis.High != nil && *axis.High <= 0 {
		axis.High = nil
	}
	return axis
}

// muninRules are the lines across a graph: those that fields ask for with `line`, and the limits of a field that is alone, as nobody
// could tell whose limits they are otherwise.
func muninRules(g muninGraph) []plot.Rule {
	var rules []plot.Rule
	colors := newColors(g.Fields)
	var shown []map[string]string
	for i, field := range g.Fields {
		if field["hidden"] == "yes" {
			continue
		}
		shown = append(shown, field)
		if rule, is := ruleOf(field["line"], colors[i]); is {
			rules = append(rules, rule)
		}
	}
	if len(shown) == 1 && shown[0]["line"] == "" {
		rules = append(rules, limitRules("warning", shown[0]["warning"])...)
		rules = append(rules, limitRules("critical", shown[0]["critical"])...)
	}
	return rules
}

// ruleOf reads VALUE[:COLOR[:LABEL]]. Without a color it has that of its field.
func ruleOf(text string, color int) (plot.Rule, bool) {
	parts := strings.SplitN(text, ":", 3)
	value, err := strconv.ParseFloat(strings.TrimSpace(parts[0]), 64)
	if err != nil {
		return plot.Rule{}, false
	}
	rule := plot.Rule{Value: value, Color: color}
	if len(parts) > 1 {
		if wanted := wantedColor(strings.TrimPrefix(parts[1], "#")); wanted != 0 {
			rule.Color = wanted
		}
	}
	if len(parts) > 2 {
		rule.Label = parts[2]
	}
	return rule, true
}

// limitRules are the ends of MIN:MAX.
func limitRules(label, limits string) []plot.Rule {
	var rules []plot.Rule
	for end := range strings.SplitSeq(limits, ":") {
		if value, err := strconv.ParseFloat(strings.TrimSpace(end), 64); err == nil {
			rules = append(rules, plot.Rule{Value: value, Label: label})
		}
	}
	return rules
}

// muninFormat writes figures as graph_printf wants them; without one, as the unit is written everywhere.
func muninFormat(printf string, unit plot.Unit) func(float64) string {
	verb, found := parseVerb(printf)
	if !found {
		return unit.Format
	}
	base := 1000.0
	if unit == plot.Bytes || unit == plot.BytesPerSecond {
		base = 1024
	}
	return func(v float64) string {
		text, prefix := verb.after, ""
		if strings.Contains(text, "%s") && unit != plot.Unscaled {
			v, prefix = abbreviated(v, base)
		}
		text = strings.NewReplacer("%%", "%", "%s", prefix, "%S", prefix).Replace(text)
		return strings.TrimSpace(verb.before + strconv.FormatFloat(v, verb.form, verb.places, 64) + text)
	}
}

// printfVerb is the number in a text as printf(3) has it: %6.2lf.
type printfVerb struct {
	before, after string
	places        int
	form          byte
}

func parseVerb(printf string) (printfVerb, bool) {
	before, rest, found := strings.Cut(printf, "%")
	if !found {
		return printfVerb{}, false
	}
	rest = strings.TrimLeft(rest, "0123456789+- #")
	v := printfVerb{before: before, places: 6}
	if digits, isPlaces := strings.CutPrefix(rest, "."); isPlaces {
		rest = strings.TrimLeft(digits, "0123456789")
		places, err := strconv.Atoi(digits[:len(digits)-len(rest)])
		v.places = 0
		if err == nil {
			v.places = min(places, 15)
		}
	}
	rest, isLong := strings.CutPrefix(rest, "l")
	if !isLong || rest == "" || !strings.Contains("feg", rest[:1]) {
		return printfVerb{}, false
	}
	v.form, v.after = rest[0], rest[1:]
	return v, true
}

// abbreviated divides a value until it is short, and names the unit that it is in then.
func abbreviated(v, base float64) (float64, string) {
	prefixes := []string{"", "k", "M", "G", "T", "P", "E"}
	i := 0
	for ; (v >= base || v <= -base) && i < len(prefixes)-1; i++ {
		v /= base
	}
	small := []string{"", "m", "µ", "n", "p"}
	if i > 0 || v == 0 {
		return v, prefixes[i]
	}
	for ; v < 1 && v > -1 && i < len(small)-1; i++ {
		v *= base
	}
	return v, small[i]
}
