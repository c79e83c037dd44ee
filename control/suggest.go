package control

import (
	"maps"
	"slices"
	"strings"
)

// didYouMean returns `did you mean "cpu"?`, or nothing where no candidate is near.
func didYouMean(word string, candidates []string) string {
	near := nearest(word, candidates)
	if near == "" {
		return ""
	}
	return `did you mean "` + near + `"?`
}

// nearest returns the candidate with the fewest typing mistakes between it and word, or "" where that is more than a third
// of the letters. Among equals the first by alphabet wins, so that messages are stable.
func nearest(word string, candidates []string) string {
	word = strings.ToLower(word)
	best, fewest := "", max(1, len(word)/3)+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if d := distance(word, strings.ToLower(c)); d < fewest {
			best, fewest = c, d
		}
	}
	return best
}

// distance counts insertions, deletions, replacements and swaps of two adjacent ones (optimal string alignment). Words longer than
// any of the language are as far as they are long.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return max(len(a), len(b))
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// sortedKeys returns the words of a table, for hints.
func sortedKeys[V any](table map[string]V) []string { return slices.Sorted(maps.Keys(table)) }

// oneOf joins words for a hint: "a, b or c".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// hints joins those that are not empty.
func hints(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}
