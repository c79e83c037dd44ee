package importer

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// object is one `define` of a Nagios configuration.
type object struct {
	kind       string // host, service, command, …
	place      string // file:line
	directives map[string]string
}

const (
	mostObjects  = 100_000
	mostOfFolder = 5000    // files of configuration
	mostLooked   = 100_000 // files and folders that are gone through for them
)

// parseObjects reads the definitions of one file. Lines that are none are left out: they are for others to complain of.
func parseObjects(file, text string) []object {
	var all []object
	var now *object
	for n, line := range joined(text) {
		line = strings.TrimSpace(uncomment(line))
		switch {
		case line == "":
		case now == nil:
			now = begin(line, fmt.Sprintf("%s:%d", file, n))
		case line == "}":
			if len(all) < mostObjects {
				all = append(all, *now)
			}
			now = nil
		default:
			key, value := cutSpace(line)
			now.directives[strings.ToLower(key)] = value
		}
	}
	return all
}

// begin reads `define KIND {`; nil for any other line.
func begin(line, place string) *object {
	define, rest := cutSpace(line)
	if define != "define" {
		return nil
	}
	kind := strings.TrimSpace(strings.TrimSuffix(rest, "{"))
	if kind == "" || strings.ContainsAny(kind, " \t{}") {
		return nil
	}
	return &object{kind: kind, place: place, directives: make(map[string]string)}
}

func cutSpace(line string) (word, rest string) {
	i := strings.IndexAny(line, " \t{")
	if i < 0 {
		return line, ""
	}
	return line[:i], strings.TrimSpace(line[i:])
}

// joined yields the lines of a file with their numbers; one that ends in a backslash goes on in the next.
func joined(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		whole, first, n := "", 0, 0
		for line := range strings.Lines(text) {
			n++
			if whole == "" {
				first = n
			}
			line = strings.TrimRight(line, "\r\n")
			if part, goesOn := strings.CutSuffix(line, `\`); goesOn && len(whole) < 1<<16 {
				whole += part
				continue
			}
			if !yield(first, whole+line) {
				return
			}
			whole = ""
		}
		if whole != "" {
			yield(first, whole)
		}
	}
}

// uncomment cuts a comment off: # begins one at the start of a line, ; anywhere unless a backslash stands before it.
func uncomment(line string) string {
	if strings.HasPrefix(strings.TrimSpace(line), "#") {
		return ""
	}
	for i := 0; i < len(line); i++ {
		if line[i] == ';' && (i == 0 || line[i-1] != '\\') {
			return line[:i]
		}
	}
	return line
}

// templates gives objects what they inherit: `use` names others of their kind by their `name`, the first that says something counts.
type templates map[string]object // by kind and name

func templatesOf(all []object) templates {
	t := make(templates)
	for _, o := range all {
		if name := o.directives["name"]; name != "" {
			t[o.kind+"/"+name] = o
		}
	}
	return t
}

// resolve returns everything that holds for an object. A value that begins with + is added to what is inherited; null takes it away.
func (t templates) resolve(o object) map[string]string {
	merged := t.inherit(o, make(map[string]bool))
	maps.DeleteFunc(merged, func(_, value string) bool { return value == "null" })
	for key, value := range merged {
		merged[key] = strings.TrimPrefix(value, "+")
	}
	return merged
}

// inherit merges an object with its templates. Each of them counts once, however often it is named: they may name each other.
func (t templates) inherit(o object, seen map[string]bool) map[string]string {
	merged := maps.Clone(o.directives)
	for name := range strings.SplitSeq(o.directives["use"], ",") {
		key := o.kind + "/" + strings.TrimSpace(name)
		parent, known := t[key]
		if !known || seen[key] {
			continue
		}
		seen[key] = true
		for directive, value := range t.inherit(parent, seen) {
			own, has := merged[directive]
			added, adds := strings.CutPrefix(own, "+")
			switch {
			case directive == "name" || directive == "register" || directive == "use":
			case !has:
				merged[directive] = value
			case adds:
				merged[directive] = value + "," + added
			}
		}
	}
	return merged
}

// configFiles lists the *.cfg files below a folder in order, or the file itself.
func configFiles(dir string) ([]string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if !info.IsDir() {
		return []string{dir}, nil
	}
	var files []string
	looked := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if looked++; err != nil {
			return err
		}
		if looked > mostLooked || len(files) == mostOfFolder {
			return fmt.Errorf("%s has too many files to be a configuration", dir)
		}
		if !d.IsDir() && strings.HasSuffix(d.Name(), ".cfg") {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	slices.Sort(files)
	return files, nil
}
