package checks

import (
	"context"
	"fmt"
	"time"

	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Kind{
		Name: "directory",
		Doc:  "A directory by its path. Its timestamp changes when a name is added to it, removed or changed; what its files hold does not touch it.",
		Example: `check directory voicemail with path /var/spool/asterisk/voicemail
    if failed uid asterisk then alert
`,
		Values: inodeValues(),
		Found:  true,
		New:    func(s *control.Service) Check { return &directory{spec: s} },
	})
}

// directory watches one directory.
type directory struct{ spec *control.Service }

func (d *directory) Validate() error { return validatePath(d.spec) }

// Run looks at the directory itself, never into it.
func (d *directory) Run(_ context.Context, r *Report) error {
	info, why, err := lookAt(d.spec.Path)
	if err != nil {
		return err
	}
	if why == "" && !info.IsDir() {
		why = fmt.Sprintf("%s is %s, not a directory", d.spec.Path, typeName(info.Mode()))
	}
	if why != "" {
		r.Existence, r.Why = Absent, why
		return nil
	}
	describe(d.spec, info, time.Now(), r)
	return nil
}
