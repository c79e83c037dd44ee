package rules

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// judgeContent looks for expressions in lines. A program's lines are one text: `!=` fails when none of them matches. What a file gained is
// looked at line by line, as Monit does: `!=` fails when any of them matches nothing, and no new line says nothing wrong.
func judgeContent(test *control.Content, report *checks.Report) (bit, string) {
	patterns, err := checks.Patterns(test)
	if err != nil {
		return noData, ""
	}
	for _, line := range report.Lines {
		found := firstMatch(patterns, line)
		switch {
		case found != nil:
			if !test.Not || !report.Gained {
				return verdict(!test.Not), fmt.Sprintf("a line matches %q: %s", found, shorten(line))
			}
		case test.Not && report.Gained:
			return fails, fmt.Sprintf("a line does not match %s: %s", quoted(patterns), shorten(line))
		}
	}
	switch {
	case test.Not && !report.Gained && len(report.Lines) > 0:
		return fails, "no line matches " + quoted(patterns)
	case !test.Not:
		return passes, "no line matches " + quoted(patterns)
	case len(report.Lines) == 0:
		return passes, "no new line"
	}
	return passes, "every line matches"
}

func firstMatch(patterns []*regexp.Regexp, line string) *regexp.Regexp {
	for _, p := range patterns {
		if p.MatchString(line) {
			return p
		}
	}
	return nil
}

// quoted writes the patterns of a test for a sentence.
func quoted(patterns []*regexp.Regexp) string {
	all := make([]string, len(patterns))
	for i, p := range patterns {
		all[i] = strconv.Quote(p.String())
	}
	return shorten(strings.Join(all, " or "))
}

// expressions holds the compiled patterns of the control file: as many as it has, for as long as the agent runs.
var expressions sync.Map

func compiled(pattern string) (*regexp.Regexp, error) {
	if re, ok := expressions.Load(pattern); ok {
		return re.(*regexp.Regexp), nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("reading the pattern %q: %w", pattern, err)
	}
	expressions.Store(pattern, re)
	return re, nil
}
