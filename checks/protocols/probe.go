package protocols

import (
	"context"
	"time"

	"github.com/dialtone/dialtone/control"
)

// Probe tries one connection, as often as its test allows; the last try counts. Address is who is asked where the test names no
// host. It returns how long that try took, from the first packet to the last answer, and nil or a sentence.
func Probe(ctx context.Context, c *control.Connection, address string) (took time.Duration, err error) {
	p, err := protocolOf(c)
	if err != nil {
		return 0, err
	}
	t := targetOf(p, c, address)
	for range max(1, c.Retry) {
		began := time.Now()
		err = try(ctx, p, t)
		took = time.Since(began)
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	if err == nil {
		err = judgeResponse(t, took)
	}
	return took, err
}

// try connects once and speaks the protocol, all within the time-out of the test.
func try(ctx context.Context, p Protocol, t Target) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	conn, err := dial(ctx, t)
	if err != nil {
		return sentence(err, t)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := p.Speak(ctx, conn, t); err != nil {
		clean := withoutSecrets(sentence(err, t).Error(), t)
		if Distrusts(err) {
			return distrusted(clean)
		}
		return told(clean)
	}
	return nil
}

// judgeResponse is `responsetime > 200 ms`: an answer that comes is a failure when its time so compares.
func judgeResponse(t Target, took time.Duration) error {
	if t.ResponseOp == "" || !t.ResponseOp.Holds(took.Seconds(), t.Response.Seconds()) {
		return nil
	}
	return tell("%s answered in %s (limit %s %s)", t, took.Round(time.Millisecond/10), t.ResponseOp, t.Response)
}
