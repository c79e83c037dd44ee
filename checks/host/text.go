package host

import (
	"bytes"
	"regexp"
	"strconv"

	"github.com/dialtone/dialtone"
)

// number reads a number of a kernel's text; ok is false where there is none.
func number(text []byte) (value float64, ok bool) {
	if n, err := strconv.ParseUint(string(text), 10, 64); err == nil {
		return float64(n), true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	return f, err == nil && f-f == 0 // no NaN, no infinity
}

// numbers reads the numbers of a line into a slice that is used again; it ends at the first word that is none.
func numbers(into []float64, line []byte) []float64 {
	into = into[:0]
	for field := range bytes.FieldsSeq(line) {
		value, ok := number(field)
		if !ok {
			break
		}
		into = append(into, value)
	}
	return into
}

// cutField returns the first word of a line and what follows it.
func cutField(line []byte) (field, rest []byte) {
	line = bytes.TrimLeft(line, " \t")
	i := bytes.IndexAny(line, " \t\n")
	if i < 0 {
		return line, nil
	}
	return line[:i], line[i:]
}

var nameSyntax = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// seriesName returns a name that a series can have, or nothing: what the kernel calls a thing is not always one.
func seriesName(name string) string {
	if !nameSyntax.MatchString(name) {
		return ""
	}
	return name
}

// maxKept bounds what is remembered of names that come and go, such as the interfaces of containers.
const maxKept = 4096

// memo remembers what was made of a name, so that labels are made once and not in each sample.
type memo[V any] struct {
	kept map[string]V
	make func(name string) V
}

func newMemo[V any](makeOne func(string) V) *memo[V] {
	return &memo[V]{kept: map[string]V{}, make: makeOne}
}

func (m *memo[V]) of(name []byte) V {
	if v, known := m.kept[string(name)]; known {
		return v
	}
	if len(m.kept) >= maxKept {
		clear(m.kept)
	}
	key := string(name)
	v := m.make(key)
	m.kept[key] = v
	return v
}

// labeled remembers the label of one name for each of its values.
func labeled(name string) *memo[[]dialtone.Label] {
	return newMemo(func(value string) []dialtone.Label { return []dialtone.Label{{Name: name, Value: value}} })
}
