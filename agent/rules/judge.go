package rules

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// bit is the verdict of one test on one report.
type bit uint8

const (
	noData bit = iota // the report does not say: neither failing nor passing
	passes
	fails
)

// previous is the value that a changed test compares with.
type previous struct {
	number float64
	text   string
}

// Passes reports whether a test passes on a report, and says in one sentence what was seen. A report that does not speak of
// what the test looks at passes nothing: a heal is verified by what was seen alone.
func Passes(test control.Test, report *checks.Report) (bool, string) {
	if report.Existence == checks.Absent {
		exist, is := test.(*control.Exist)
		return is && !exist.Wanted, absent(report)
	}
	switch test := test.(type) {
	case nil, *control.Changed:
		return report.Existence == checks.Present, "it is there"
	case *control.Compare:
		if _, known := report.Values[test.Reported()]; !known {
			return report.Existence == checks.Present, "it is there"
		}
	}
	b, why := judge(test, report)
	return b == passes, why
}

// judge adds to the plain verdict what needs memory: changes, and the patience with a process that has just started.
func (e *Engine) judge(r *rule, l Look) (bit, string) {
	if test, is := r.written.Test.(*control.Changed); is {
		return r.judgeChanged(test, l)
	}
	if test, is := r.written.Test.(*control.Expect); is && test.First {
		return r.judgeFirst(test, l.Report)
	}
	b, why := judge(r.written.Test, l.Report)
	if _, is := r.written.Test.(*control.Connection); is && e.spec.Kind == "process" {
		return r.patient(b, l, startTimeout(e.spec)), why
	}
	return b, why
}

// patient holds back the failures of a connection until its process had the time that its start program has, or answered once.
func (r *rule) patient(b bit, l Look, within time.Duration) bit {
	started := l.Report.Started
	if started.IsZero() || l.At.IsZero() {
		return b
	}
	if b == passes {
		r.started = started
	}
	if age := l.At.Sub(started); b == fails && !r.started.Equal(started) && age >= 0 && age < within {
		return noData
	}
	return b
}

func startTimeout(s *control.Service) time.Duration {
	if s.Start != nil && s.Start.Timeout > 0 {
		return s.Start.Timeout
	}
	return defaultStartTimeout
}

func (r *rule) judgeChanged(test *control.Changed, l Look) (bit, string) {
	now, known := valueOf(test.Value, l.Report)
	if !known || (l.Extra && test.Value != "pid" && test.Value != "ppid") {
		return noData, ""
	}
	before, had := r.last[test.Value]
	if r.last == nil {
		r.last = make(map[string]previous, 1)
	}
	r.last[test.Value] = now
	if !had && test.Not {
		return noData, "" // nothing to compare with
	}
	if !had || before == now {
		return verdict(test.Not), test.Value + " is unchanged"
	}
	return verdict(!test.Not), fmt.Sprintf("%s changed from %s to %s", test.Value, before, now)
}

func valueOf(name string, report *checks.Report) (previous, bool) {
	if text, ok := report.Texts[name]; ok {
		return previous{text: text}, true
	}
	number, ok := report.Values[name]
	return previous{number: number}, ok
}

func (p previous) String() string {
	if p.text != "" {
		return shorten(p.text)
	}
	return strconv.FormatFloat(p.number, 'f', -1, 64)
}

// judge is the verdict of a test that needs no memory. What is absent fails its existence and nothing else.
func judge(test control.Test, report *checks.Report) (bit, string) {
	if exist, is := test.(*control.Exist); is {
		return judgeExist(exist, report)
	}
	if link, is := test.(*control.Link); is {
		return judgeLink(link, report)
	}
	if report.Existence == checks.Absent {
		return noData, ""
	}
	switch test := test.(type) {
	case *control.Compare:
		return judgeCompare(test, report)
	case *control.Connection:
		return judgeConnection(test, report)
	case *control.Ping:
		return judgePing(test, report)
	case *control.Expect:
		return judgeExpect(test, report)
	case *control.Content:
		return judgeContent(test, report)
	}
	return noData, ""
}

func judgeExist(test *control.Exist, report *checks.Report) (bit, string) {
	if report.Existence == checks.Unseen {
		return noData, ""
	}
	there := report.Existence == checks.Present
	why := "it is there"
	if !there {
		why = absent(report)
	}
	return verdict(there != test.Wanted), why
}

func absent(report *checks.Report) string {
	if report.Why != "" {
		return report.Why
	}
	return "it does not exist"
}

func judgeCompare(test *control.Compare, report *checks.Report) (bit, string) {
	value, known := report.Values[test.Reported()]
	if !known {
		return noData, ""
	}
	what, read := measured(test.Value, value)
	if test.Over > 0 {
		read += " in the last " + test.Over.String()
	}
	if !test.Op.Holds(value, test.Threshold) {
		return passes, what + " is " + read
	}
	written := test.Written
	if written == "" {
		_, written = measured(test.Value, test.Threshold)
	}
	if test.Value == "status" && report.Why != "" {
		return fails, fmt.Sprintf("status is %s: %s", read, shorten(report.Why)) // of a program: what it said of it
	}
	return fails, fmt.Sprintf("%s is %s (limit %s %s)", what, read, test.Op, written)
}

// measured splits a value's name from its unit, and writes the number as a person reads it.
func measured(name string, value float64) (what, read string) {
	number := strconv.FormatFloat(value, 'g', 4, 64)
	for suffix, unit := range map[string]string{"_percent": " %", "_seconds": " s", "_bytes_per_second": " B/s"} {
		if what, is := strings.CutSuffix(name, suffix); is {
			return plain(what), number + unit
		}
	}
	if what, is := strings.CutSuffix(name, "_bytes"); is {
		return plain(what), bytesText(value)
	}
	return plain(name), strconv.FormatFloat(value, 'f', -1, 64)
}

func plain(name string) string { return strings.ReplaceAll(name, "_", " ") }

// bytesText writes bytes in the largest unit of 1024 that leaves a whole number before the point.
func bytesText(n float64) string {
	units := []string{" B", " KiB", " MiB", " GiB", " TiB"}
	i := 0
	for ; n >= 1024 && i < len(units)-1; i++ {
		n /= 1024
	}
	return strconv.FormatFloat(n, 'g', 4, 64) + units[i]
}

func judgeConnection(test *control.Connection, report *checks.Report) (bit, string) {
	probe, tried := report.Connections[test]
	if !tried {
		return noData, ""
	}
	if probe.Err == nil {
		return verdict(test.Succeeded), fmt.Sprintf("connection to %s answered in %s", target(test), probe.Took.Round(time.Microsecond))
	}
	return verdict(!test.Succeeded), probe.Err.Error()
}

func judgePing(test *control.Ping, report *checks.Report) (bit, string) {
	probe, tried := report.Pings[test]
	if !tried {
		return noData, ""
	}
	if probe.Err == nil {
		return verdict(test.Succeeded), fmt.Sprintf("ping answered in %s", probe.Took.Round(time.Microsecond))
	}
	return verdict(!test.Succeeded), probe.Err.Error()
}

func target(test *control.Connection) string {
	if test.UnixSocket != "" {
		return test.UnixSocket
	}
	if test.Host == "" {
		return "port " + strconv.Itoa(test.Port)
	}
	return fmt.Sprintf("%s port %d", test.Host, test.Port)
}

// judgeFirst compares with what was seen first.
func (r *rule) judgeFirst(test *control.Expect, report *checks.Report) (bit, string) {
	text, known := report.Texts[test.Reported()]
	if !known {
		return noData, ""
	}
	if r.first == "" {
		r.first = text
	}
	return verdict((text != r.first) != test.Not), fmt.Sprintf("%s is %s, was %s at first", test.Value, shorten(text), shorten(r.first))
}

// judgeExpect compares a text with what the file wants. One that is compared with what was seen first passes here, where nobody remembers.
func judgeExpect(test *control.Expect, report *checks.Report) (bit, string) {
	text, known := report.Texts[test.Reported()]
	if !known {
		return noData, ""
	}
	equal := text == test.Want || test.First
	if test.Regex {
		expression, err := compiled(test.Want)
		if err != nil {
			return noData, ""
		}
		equal = expression.MatchString(text)
	}
	wanted := "expected " + test.Want
	if test.Not {
		wanted = "which the file does not want"
	}
	return verdict(equal == test.Not), fmt.Sprintf("%s is %s, %s", test.Value, shorten(text), wanted)
}

func verdict(failing bool) bit {
	if failing {
		return fails
	}
	return passes
}

func shorten(line string) string {
	const longest = 200
	if len(line) > longest {
		return line[:longest] + "…"
	}
	return line
}
