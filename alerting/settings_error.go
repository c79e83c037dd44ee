package alerting

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// SettingsError is one mistake in a settings file.
type SettingsError struct {
	File         string
	Line, Column int    // from 1
	Message      string // what is wrong
	Hint         string // what to do; may be empty
	Source       string // the line as written
}

func (e *SettingsError) Error() string {
	text := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if e.Source != "" {
		text += "\n    " + strings.ReplaceAll(e.Source, "\t", " ") + "\n    " + strings.Repeat(" ", max(e.Column-1, 0)) + "^"
	}
	if e.Hint != "" {
		text += "\n    hint: " + e.Hint
	}
	return text
}

// SettingsErrors is every mistake of a file, in the order of its lines.
type SettingsErrors []*SettingsError

func (all SettingsErrors) Error() string {
	sorted := slices.SortedStableFunc(slices.Values(all), func(a, b *SettingsError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	texts := make([]string, len(sorted))
	for i, e := range sorted {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "\n")
}

// suggest returns the known word that is nearest to the wrong one, or all of them when none is near.
func suggest(wrong string, known []string) string {
	best, distance := "", len(wrong)/2+1
	for _, word := range known {
		if d := editDistance(strings.ToLower(wrong), word); d < distance {
			best, distance = word, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "one of " + strings.Join(known, ", ")
}

// editDistance is Levenshtein's: the least number of letters to add, drop or change.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
