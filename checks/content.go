package checks

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"github.com/dialtone/dialtone/control"
)

// maxPatterns bounds the file of expressions of a content test, in bytes.
const maxPatterns = 1 << 20

// patternFile is a file of expressions as it was last read.
type patternFile struct {
	version  version
	patterns []*regexp.Regexp
}

// What was compiled is kept for as long as the agent runs: there is as much of it as control files name.
var (
	patternsByText sync.Map // string -> *regexp.Regexp
	patternFiles   sync.Map // path -> patternFile
)

// Patterns returns the expressions of a content test: those written, and those of its file, one a line, which is read again when it has
// changed. Empty lines are no expressions.
func Patterns(c *control.Content) ([]*regexp.Regexp, error) {
	if c.File == "" {
		return compileAll(c.Patterns)
	}
	of, err := readPatterns(c.File)
	if err != nil || len(c.Patterns) == 0 {
		return of, err
	}
	written, err := compileAll(c.Patterns)
	return append(written, of...), err
}

func compileAll(texts []string) ([]*regexp.Regexp, error) {
	all := make([]*regexp.Regexp, len(texts))
	for i, text := range texts {
		known, is := patternsByText.Load(text)
		if !is {
			compiled, err := regexp.Compile(text)
			if err != nil {
				return nil, fmt.Errorf("reading the expression %q: %w", text, err)
			}
			known, _ = patternsByText.LoadOrStore(text, compiled)
		}
		all[i] = known.(*regexp.Regexp)
	}
	return all, nil
}

func readPatterns(path string) ([]*regexp.Regexp, error) {
	// O_NONBLOCK: a FIFO in the place of the file must not hold up the check.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("reading expressions: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading expressions: %w", err)
	}
	v := versionOf(info)
	if known, is := patternFiles.Load(path); is && known.(patternFile).version == v {
		return known.(patternFile).patterns, nil
	}
	if info.Size() > maxPatterns {
		return nil, fmt.Errorf("reading expressions: %s is larger than %d bytes", path, maxPatterns)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPatterns))
	if err != nil {
		return nil, fmt.Errorf("reading expressions: %w", err)
	}
	patterns, err := parsePatterns(path, string(text))
	if err != nil {
		return nil, err
	}
	patternFiles.Store(path, patternFile{v, patterns})
	return patterns, nil
}

// parsePatterns reads one expression a line; an error names the file and the line.
func parsePatterns(path, text string) ([]*regexp.Regexp, error) {
	var all []*regexp.Regexp
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		p, err := regexp.Compile(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		all = append(all, p)
	}
	return all, nil
}
