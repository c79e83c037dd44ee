package control

import "time"

// The bounds of limits: none smaller than any test could use, none that would fill the memory.
const (
	leastBuffer = 1
	mostBuffer  = 64 << 20
)

// setLimits parses `set limits { NAME: N UNIT, … }`.
func (p *parser) setLimits(s *Settings) {
	l := &s.Limits
	size := func(to *int) func() { return func() { *to = p.bufferSize() } }
	wait := func(to *time.Duration) func() { return func() { *to = p.wait() } }
	p.block("limit", map[string]func(){
		"programoutput":     size(&l.ProgramOutput),
		"sendexpectbuffer":  size(&l.SendExpectBuffer),
		"filecontentbuffer": size(&l.FileContentBuffer),
		"httpcontentbuffer": size(&l.HTTPContentBuffer),
		"networktimeout":    wait(&l.NetworkTimeout),
		"programtimeout":    wait(&l.ProgramTimeout),
		"starttimeout":      wait(&l.StartTimeout),
		"stoptimeout":       wait(&l.StopTimeout),
		"restarttimeout":    wait(&l.RestartTimeout),
		"exectimeout":       wait(&l.ExecTimeout),
	})
}

// bufferSize takes a number of bytes.
func (p *parser) bufferSize() int {
	at := p.peek()
	amount, dim, written := p.quantity()
	switch {
	case p.failed:
	case dim != aSize && dim != aNumber:
		p.warn(at, "write: N B, N kB or N MB", "%s is no size", quote(written))
	case amount < leastBuffer || amount > mostBuffer:
		p.warn(at, "", "a limit is from 1 B to 64 MB")
	default:
		return int(amount)
	}
	return 0
}

// setExpectBuffer parses `set expectbuffer N [UNIT]`, the older way to write a limit.
func (p *parser) setExpectBuffer(s *Settings) { s.Limits.SendExpectBuffer = p.bufferSize() }
