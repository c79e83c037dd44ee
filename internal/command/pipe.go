package command

import (
	"os"
	"time"
)

// pipe is one stream of a program's output, read as it comes. A nil pipe is a stream that nobody asked for.
type pipe struct {
	read  *os.File // our end
	write *os.File // the program's; ours is closed once it runs
	kept  *capped
	done  chan struct{} // closed once it was read to the end
}

func newPipe(maxBytes int) (*pipe, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &pipe{read: read, write: write, kept: newCapped(maxBytes), done: make(chan struct{})}, nil
}

// close gives both ends back, of a program that did not start.
func (p *pipe) close() {
	if p == nil {
		return
	}
	_ = p.write.Close()
	_ = p.read.Close()
}

// listen reads until the stream ends, or drain ends it.
func (p *pipe) listen() {
	if p == nil {
		return
	}
	_ = p.write.Close() // the child has its own copy
	go func() {
		defer close(p.done)
		_, _ = p.kept.ReadFrom(p.read)
	}()
}

// drain reads what is there, and no longer than a moment for more.
func (p *pipe) drain() {
	if p == nil {
		return
	}
	_ = p.read.SetReadDeadline(time.Now().Add(drainGrace))
	<-p.done
	_ = p.read.Close()
}

func (p *pipe) text() string {
	if p == nil {
		return ""
	}
	return p.kept.String()
}
