package checks

import (
	"cmp"
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
			{Name: "checksum", Help: "Checksum of the content in hexadecimal: MD5, SHA-1 or SHA-256 as the rule says or by the length of the one expected, else SHA-256. `failed checksum` without one expects what the agent saw first."},
			{Name: "content", Help: "The content, compared by its checksum; `content = \"REGEX\"` looks at the lines that it gains."},
		}, inodeValues()...),
		Found: true,
		Reads: true,
		New:   func(s *control.Service) Check { return newFile(s) },
	})
}

// newFile takes the bounds of what is read of a growing file from the control file.
func newFile(s *control.Service) *file {
	return &file{spec: s, sums: sums{}, tail: tail{
		maxLine: cmp.Or(s.Bounds.FileContentBuffer, defaultLine), maxLook: int64(cmp.Or(s.Bounds.FileContentPerLook, defaultLook)),
	}}
}

// file watches one file.
type file struct {
	spec *control.Service
	tail tail
	sums sums
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
	if err := f.sums.report(ctx, f.spec, info, r); err != nil {
		return err
	}
	return f.follow(ctx, r)
}

// follow reads what the file has gained. While an expression cannot be read, nothing is: what is gained meanwhile waits.
func (f *file) follow(ctx context.Context, r *Report) error {
	s, err := newSieve(f.spec)
	if err != nil || s == nil {
		return nil //nolint:nilerr // the other rules of the file go on; Inspect has told of the expressions
	}
	r.Gained = true
	err = f.tail.read(ctx, f.spec.Path, s.take)
	r.Lines = s.kept
	return err
}

// isFile: sockets count, as in Monit; so do devices, which no other kind is for.
func isFile(mode os.FileMode) bool { return !mode.IsDir() && mode.Type() != os.ModeNamedPipe }
