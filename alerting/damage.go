package alerting

import (
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"
)

// readable runs step, which reads the desk's file for the first time. A damaged file makes bbolt fail or panic, and one that was
// cut short faults; all of them become an error that says what to do.
func readable(path string, step func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if found := recover(); found != nil {
			err = damaged(path, fmt.Errorf("%v", found))
		}
	}()
	err = step()
	if err == nil {
		return nil
	}
	if _, refused := errors.AsType[syscall.Errno](err); refused {
		return fmt.Errorf("reading %s: %w", path, err) // about the disk or the file's mode, not about what stands in the file
	}
	return damaged(path, err)
}

func damaged(path string, err error) error {
	return fmt.Errorf("%s is damaged (%w): move it aside and start again (mv %s %s.damaged); "+
		"incidents, the timeline and notices that have not left begin anew, nothing else is lost", path, err, path, path)
}
