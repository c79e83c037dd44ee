package checks

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Kind{
		Name: "file",
		Doc: "A file or socket by its path. Its checksum is computed, and its lines are read, only where a rule looks at them; " +
			"lines are those that it gains from the first look on, also when it is rotated.",
		Example: `check file dialplan with path /etc/asterisk/extensions.conf
    if changed checksum then alert
    if failed permission 640 then alert
`,
		Values: append([]Value{
			{Name: "size_bytes", Phrases: []string{"size"}, Unit: "bytes", Type: dialtone.Gauge, Help: "Size of the file."},
			{Name: "checksum", Help: "Checksum of the content in hexadecimal: MD5, SHA-1 or SHA-256 by the length of the one expected, else SHA-256."},
		}, inodeValues()...),
		Found: true,
		Reads: true,
		New:   func(s *control.Service) Check { return &file{spec: s} },
	})
}

// file watches one file.
type file struct {
	spec *control.Service
	tail tail
	sum  sum
}

func (f *file) Validate() error { return validatePath(f.spec) }

// Run looks at the file and, where a rule wants that, into it.
func (f *file) Run(ctx context.Context, r *Report) error {
	info, why, err := lookAt(f.spec.Path)
	if err != nil {
		return err
	}
	if why == "" && !isFile(info.Mode()) {
		why = fmt.Sprintf("%s is %s, not a file", f.spec.Path, typeName(info.Mode()))
	}
	if why != "" {
		r.Existence, r.Why = Absent, why
		return nil
	}
	describe(f.spec, info, time.Now(), r)
	r.Value("size_bytes", float64(info.Size()))
	if !info.Mode().IsRegular() {
		return nil
	}
	return f.look(ctx, info, r)
}

func (f *file) look(ctx context.Context, info os.FileInfo, r *Report) error {
	if wants(f.spec, "checksum") {
		text, err := f.sum.of(ctx, f.spec.Path, info, checksumLength(f.spec))
		if err != nil {
			return err
		}
		r.Text("checksum", text)
	}
	if !wantsContent(f.spec) {
		return nil
	}
	lines, err := f.tail.lines(f.spec.Path)
	r.Lines, r.Gained = lines, true
	return err
}

// isFile: sockets count, as in Monit; so do devices, which no other kind is for.
func isFile(mode os.FileMode) bool { return !mode.IsDir() && mode.Type() != os.ModeNamedPipe }

func wantsContent(s *control.Service) bool {
	for _, rule := range s.Rules {
		if _, is := rule.Test.(*control.Content); is {
			return true
		}
	}
	return false
}
