package munin

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cdefStack bounds an expression's stack, and its words.
const cdefStack = 500

// Evaluate computes an expression in reverse Polish notation, as rrdgraph_rpn(1) describes it. A name that is no operator is looked up;
// one that is unknown is an error, NaN is an unknown value. What looks at more than the present value (TREND, PREDICT, PREV) is an error.
func Evaluate(expression string, at time.Time, lookup func(name string) (float64, bool)) (float64, error) {
	words := strings.Split(expression, ",")
	if len(words) > cdefStack {
		return 0, fmt.Errorf("the cdef has more than %d words", cdefStack)
	}
	m := machine{at: at}
	for _, word := range words {
		word = strings.TrimSpace(word)
		if v, known := lookup(word); known {
			m.push(v)
			continue
		}
		if v, err := strconv.ParseFloat(word, 64); err == nil && isNumber(word) {
			m.push(v)
			continue
		}
		if !m.do(word) {
			return 0, fmt.Errorf("the cdef %q has no meaning at %q", shortened(expression), shortened(word))
		}
	}
	if len(m.stack) != 1 {
		return 0, fmt.Errorf("the cdef %q leaves %d values, not one", shortened(expression), len(m.stack))
	}
	return m.stack[0], nil
}

// isNumber keeps words like "inf" and "nan", which Go reads as numbers, for names and operators.
func isNumber(word string) bool { return strings.ContainsAny(word, "0123456789") }

func shortened(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

type machine struct {
	stack []float64
	at    time.Time
}

func (m *machine) push(v float64) { m.stack = append(m.stack, v) }

// pop takes the n topmost values, the lowest first; false when there are fewer.
func (m *machine) pop(n int) ([]float64, bool) {
	if n < 0 || n > len(m.stack) {
		return nil, false
	}
	cut := len(m.stack) - n
	taken := slices.Clone(m.stack[cut:])
	m.stack = m.stack[:cut]
	return taken, true
}

// do carries out one operator; false when there is none of the name, or the stack does not hold what it needs.
func (m *machine) do(word string) bool {
	if v, is := m.constant(word); is {
		m.push(v)
		return true
	}
	if f, is := unary[word]; is {
		a, ok := m.pop(1)
		if ok {
			m.push(f(a[0]))
		}
		return ok
	}
	if f, is := binary[word]; is {
		a, ok := m.pop(2)
		if ok {
			m.push(f(a[0], a[1]))
		}
		return ok
	}
	if f, is := ofCount[word]; is {
		return m.counted(f)
	}
	return m.move(word)
}

func (m *machine) constant(word string) (float64, bool) {
	switch word {
	case "UNKN":
		return math.NaN(), true
	case "INF":
		return math.Inf(1), true
	case "NEGINF":
		return math.Inf(-1), true
	case "NOW", "TIME":
		return float64(m.at.Unix()), true
	case "LTIME":
		_, ahead := m.at.Zone()
		return float64(m.at.Unix() + int64(ahead)), true
	}
	return 0, false
}

// counted pops a count and so many values, and pushes what a function makes of them.
func (m *machine) counted(f func([]float64) []float64) bool {
	n, ok := m.pop(1)
	if !ok || n[0] != math.Trunc(n[0]) || n[0] < 1 || n[0] > cdefStack {
		return false
	}
	values, ok := m.pop(int(n[0]))
	if ok {
		m.stack = append(m.stack, f(values)...)
	}
	return ok
}

// move carries out what rearranges the stack, or takes three values.
func (m *machine) move(word string) bool {
	needs := map[string]int{"DUP": 1, "POP": 1, "EXC": 2, "IF": 3, "LIMIT": 3}
	n, is := needs[word]
	if !is {
		return false
	}
	a, ok := m.pop(n)
	if !ok {
		return false
	}
	switch word {
	case "DUP":
		m.stack = append(m.stack, a[0], a[0])
	case "EXC":
		m.stack = append(m.stack, a[1], a[0])
	case "IF":
		m.push(choose(a[0], a[1], a[2]))
	case "LIMIT":
		m.push(limit(a[0], a[1], a[2]))
	}
	return len(m.stack) <= cdefStack
}

// choose is IF: an unknown condition counts as false.
func choose(condition, then, otherwise float64) float64 {
	if condition != 0 && !math.IsNaN(condition) {
		return then
	}
	return otherwise
}

// limit is LIMIT, as rrdtool 1.7 computes it: a bound may be infinite, whatever its manual says.
func limit(v, lower, upper float64) float64 {
	if v >= lower && v <= upper {
		return v
	}
	return math.NaN()
}

var unary = map[string]func(float64) float64{
	"UN":      func(a float64) float64 { return truth(math.IsNaN(a)) },
	"ISINF":   func(a float64) float64 { return truth(math.IsInf(a, 0)) },
	"SIN":     math.Sin,
	"COS":     math.Cos,
	"LOG":     math.Log,
	"EXP":     math.Exp,
	"SQRT":    math.Sqrt,
	"ATAN":    math.Atan,
	"FLOOR":   math.Floor,
	"CEIL":    math.Ceil,
	"ABS":     math.Abs,
	"DEG2RAD": func(a float64) float64 { return a * math.Pi / 180 },
	"RAD2DEG": func(a float64) float64 { return a * 180 / math.Pi },
}

var binary = map[string]func(a, b float64) float64{
	"+":      func(a, b float64) float64 { return a + b },
	"-":      func(a, b float64) float64 { return a - b },
	"*":      func(a, b float64) float64 { return a * b },
	"/":      func(a, b float64) float64 { return a / b },
	"%":      math.Mod,
	"POW":    math.Pow,
	"ATAN2":  math.Atan2,
	"LT":     compare(func(a, b float64) bool { return a < b }),
	"LE":     compare(func(a, b float64) bool { return a <= b }),
	"GT":     compare(func(a, b float64) bool { return a > b }),
	"GE":     compare(func(a, b float64) bool { return a >= b }),
	"EQ":     compare(func(a, b float64) bool { return a == b }),
	"NE":     compare(func(a, b float64) bool { return a != b }),
	"MIN":    math.Min,
	"MAX":    math.Max,
	"MINNAN": known(math.Min),
	"MAXNAN": known(math.Max),
	"ADDNAN": known(func(a, b float64) float64 { return a + b }),
}

// compare answers 1 or 0, and unknown when a side is unknown.
func compare(holds func(a, b float64) bool) func(a, b float64) float64 {
	return func(a, b float64) float64 {
		if math.IsNaN(a) || math.IsNaN(b) {
			return math.NaN()
		}
		return truth(holds(a, b))
	}
}

// known gives the other side where one is unknown.
func known(f func(a, b float64) float64) func(a, b float64) float64 {
	return func(a, b float64) float64 {
		switch {
		case math.IsNaN(a):
			return b
		case math.IsNaN(b):
			return a
		}
		return f(a, b)
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// ofCount are the operators of sets; all but SORT and REV leave unknown values out.
var ofCount = map[string]func([]float64) []float64{
	"SORT":   func(v []float64) []float64 { slices.Sort(v); return v },
	"REV":    func(v []float64) []float64 { slices.Reverse(v); return v },
	"AVG":    one(mean),
	"SMIN":   one(func(v []float64) float64 { return slices.Min(v) }),
	"SMAX":   one(func(v []float64) float64 { return slices.Max(v) }),
	"MEDIAN": one(median),
	"STDEV":  one(deviation),
}

func one(f func([]float64) float64) func([]float64) []float64 {
	return func(values []float64) []float64 {
		there := slices.DeleteFunc(values, math.IsNaN)
		if len(there) == 0 {
			return []float64{math.NaN()}
		}
		return []float64{f(there)}
	}
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func median(values []float64) float64 {
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

// deviation is that of a sample, as rrdtool's is: one value has none.
func deviation(values []float64) float64 {
	average, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - average) * (v - average)
	}
	return math.Sqrt(sum / float64(len(values)-1))
}
