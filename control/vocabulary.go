package control

// Vocabulary is what the parser must know of the check kinds without importing them: the words usable in `if`, and the parameters
// of the kinds that the grammar has no row for. The registry of checks builds it from its own declarations.
type Vocabulary map[string]KindWords // by kind

// KindWords are the words of one kind.
type KindWords struct {
	Words  []Word
	Params []Param // of a kind that the grammar does not know itself: what stands behind `check KIND NAME with …`
	Found  bool    // its services can be missing: `exist` is a test of it
	Reads  bool    // its services give text: `content` is a test of it
	Dials  bool    // its services have connection tests
}

// Word is one name usable in a rule of a kind: `if <Phrase> > 80 %`.
type Word struct {
	Phrase   string // as written, lower case, noise words left out: "cpu", "total memory", "space", "loadavg 1min"
	Unit     string // of the threshold as stored: "percent", "bytes", "seconds", "count", "bytes_per_second", "packets", "boolean", …
	Value    string // the value's name in a report: "cpu_percent", "memory_bytes"
	Argument bool   // a name follows the phrase, `field load > 4`: the value is Value + "/" + that name
	Span     bool   // a span follows the threshold, `total upload > 1 GB in last 2 hours`: it is the test's Over
}

// Param is one parameter of a declared kind: `WORD VALUE`.
type Param struct {
	Word     string // in lower case
	Type     ParamType
	Required bool
	Help     string
}

// ParamType says how a parameter is written and checked.
type ParamType string

// The types of parameters.
const (
	ParamText     ParamType = "text"
	ParamPath     ParamType = "path"     // absolute
	ParamCommand  ParamType = "command"  // a program with arguments; goes to Service.Program
	ParamURL      ParamType = "url"      // with scheme and host
	ParamAddress  ParamType = "address"  // HOST:PORT
	ParamNumber   ParamType = "number"   // a whole number
	ParamDuration ParamType = "duration" // N seconds, minutes, …
)
