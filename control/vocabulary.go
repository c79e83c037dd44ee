package control

// Vocabulary is what the parser must know of the check kinds without importing them: the words usable in `if`.
// The registry of checks builds it from its own declarations.
type Vocabulary map[string][]Word // by kind

// Word is one name usable in a rule of a kind: `if <Phrase> > 80 %`.
type Word struct {
	Phrase string // as written, lower case, noise words left out: "cpu", "total memory", "space", "loadavg 1min"
	Unit   string // of the threshold as stored: "percent", "bytes", "seconds", "count", "bytes_per_second", …
	Value  string // the value's name in a report: "cpu_percent", "memory_bytes"
}
