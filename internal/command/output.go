package command

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// capped keeps the first bytes of an output and counts the rest, which it reads all the same: a program must never block on a full pipe.
type capped struct {
	mu   sync.Mutex
	kept []byte
	max  int
	lost int64
}

func newCapped(maxBytes int) *capped {
	if maxBytes <= 0 {
		maxBytes = DefaultOutput
	}
	return &capped{max: maxBytes}
}

// ReadFrom reads r to its end.
func (c *capped) ReadFrom(r io.Reader) (int64, error) {
	var total int64
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		c.add(buf[:n])
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

func (c *capped) add(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := min(len(b), c.max-len(c.kept))
	c.kept = append(c.kept, b[:room]...)
	c.lost += int64(len(b) - room)
}

// String returns what was kept as valid UTF-8, with a mark where it was cut.
func (c *capped) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := strings.ToValidUTF8(string(c.kept), "\uFFFD")
	if c.lost > 0 {
		text += fmt.Sprintf("\n[cut: %d more bytes]", c.lost)
	}
	return text
}
