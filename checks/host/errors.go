package host

import (
	"errors"
	"syscall"
)

// unsupported reports whether a kernel has a file but not what it is about: pressure files say so when it was switched off at boot,
// and files of network interfaces when the interface is down or virtual.
func unsupported(err error) bool {
	return errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.EINVAL)
}
