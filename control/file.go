// Package control is the control file: the language of node rules, a superset of Monit's.
//
// Load and Parse turn text into a File, or into every error of that text at once, each with file:line:col, the source line,
// a caret and a hint. The package knows words and grammar only: it never looks at the machine, runs nothing, and does not know
// which checks exist beyond the words that its Vocabulary gives it.
package control

import "fmt"

// Position is a place in a control file. The zero value is "nowhere": a statement that nobody wrote (an implicit rule).
type Position struct {
	File string
	Line int // from 1
	Col  int // from 1, in characters
}

// String returns file:line:col, or "built in" for the zero value.
func (p Position) String() string {
	if p.File == "" {
		return "built in"
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Place returns file:line, the form that pages and events carry.
func (p Position) Place() string {
	if p.File == "" {
		return "built in"
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// File is one control file with all that it includes, valid as a whole.
type File struct {
	Path     string
	Settings Settings
	Services []*Service // in the order written; names are unique
	Problems []*Problem // of this machine, in the order found; the services that they concern point to theirs
}

// Service returns the service of that name, or nil.
func (f *File) Service(name string) *Service {
	for _, s := range f.Services {
		if s.Name == name {
			return s
		}
	}
	return nil
}
