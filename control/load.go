package control

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"
)

// defaultInterval is a cycle where the file does not say.
const defaultInterval = 5 * time.Second

// The bounds of what is read.
const (
	maxFileBytes = 16 << 20
	maxTextBytes = 64 << 20 // of a file with all that it includes
	maxIncludes  = 1024
)

// Load reads and checks a control file and all that it includes. Nobody but root and the present user may be able to write any
// of them, since what they name is run. The error is Errors, every mistake of every file, or says why the file at path cannot be
// read and which command mends that. The file that comes with an error is nil.
func Load(path string, v Vocabulary) (*File, error) {
	text, id, err := readVetted(path)
	if err != nil {
		return nil, fmt.Errorf("reading the control file: %w", err)
	}
	p := newParser(path, v)
	p.files = &files{open: []fileID{id}, bytes: len(text)}
	return p.run(path, text)
}

// Parse checks the text of one control file; name stands for it in positions. An include statement is an error, as nothing is
// read from disk. The error is Errors; the file that comes with it is nil. Text is not kept.
func Parse(name string, text []byte, v Vocabulary) (*File, error) {
	return newParser(name, v).run(name, string(text))
}

func newParser(path string, v Vocabulary) *parser {
	return &parser{
		vocabulary: v,
		grammar:    grammar(),
		named:      map[string]*Service{},
		spoken:     map[string]map[string][]Word{},
		file:       &File{Path: path, Settings: Settings{Interval: defaultInterval}},
	}
}

// run parses the outermost text and then what only the whole can tell.
func (p *parser) run(name, text string) (*File, error) {
	p.input = newInput(&source{name: name, text: text})
	if strings.ContainsRune(text, 0) {
		p.report(mark{src: &source{}, pos: Position{File: name, Line: 1, Col: 1}}, "", "this is no text: it has NUL characters")
		return nil, p.errors
	}
	p.statements()
	p.resolve()
	if len(p.errors) > 0 {
		return nil, p.errors
	}
	p.file.bound()
	return p.file, nil
}

// include parses `include GLOB`. What the files say stands as if it were written here, but a check that begins in one of them
// ends with it.
func (p *parser) include(at token) {
	pattern, t := p.value("a path or pattern")
	if p.failed {
		return
	}
	if p.files == nil {
		p.warn(at, "", "only a file on disk can include others")
		return
	}
	paths, err := p.files.match(p.src.name, pattern)
	if err != nil {
		p.lostName = true
		p.fail(t, "", "cannot include %s: %s", printable(pattern), err)
		return
	}
	for _, path := range paths {
		p.includeFile(t, path)
	}
}

// passedOver notes an include of what is not there or is a folder, which Monit passes over in silence.
func (p *parser) passedOver(at token, path string, err error) bool {
	access, ok := errors.AsType[*accessError](err)
	if !ok || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EISDIR) {
		return false
	}
	mend := ""
	if errors.Is(err, syscall.EISDIR) {
		mend = "write: include " + printable(strings.TrimRight(path, "/")) + "/*"
	}
	p.file.Problems = append(p.file.Problems, &Problem{
		Pos: p.position(at), Partial: true, Mend: mend, Why: "nothing is included: " + printable(access.path) + " " + access.problem,
	})
	return true
}

func (p *parser) includeFile(at token, path string) {
	text, err := p.files.enter(path)
	if err != nil {
		if p.passedOver(at, path, err) {
			return
		}
		p.lostName = true
		if access, ok := errors.AsType[*accessError](err); ok {
			p.warn(at, access.mend, "cannot include %s: it %s", printable(path), access.problem)
			return
		}
		p.warn(at, "", "cannot include %s: %s", printable(path), err)
		return
	}
	outer, service, deaf := p.input, p.service, p.deaf
	p.input = newInput(&source{name: path, text: text})
	p.statements()
	p.input, p.service, p.deaf, p.failed = outer, service, deaf, false
	p.files.leave()
}
