package checks

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Kind{
		Name: "fifo",
		Doc:  "A FIFO (named pipe) by its path. It is looked at and never opened: a reader or writer that waits at it is not disturbed.",
		Example: `check fifo commands with path /run/nagios/rw/nagios.cmd
    if failed permission 660 then alert
`,
		Values: inodeValues(),
		Found:  true,
		New:    func(s *control.Service) Check { return &fifo{spec: s} },
	})
}

// fifo watches one FIFO.
type fifo struct{ spec *control.Service }

func (f *fifo) Validate() error { return validatePath(f.spec) }

// Run looks at the FIFO itself.
func (f *fifo) Run(_ context.Context, r *Report) error {
	info, why, err := lookAt(f.spec.Path)
	if err != nil {
		return err
	}
	if why == "" && info.Mode().Type() != os.ModeNamedPipe {
		why = fmt.Sprintf("%s is %s, not a FIFO", f.spec.Path, typeName(info.Mode()))
	}
	if why != "" {
		r.Existence, r.Why = Absent, why
		return nil
	}
	describe(f.spec, info, time.Now(), r)
	return nil
}
