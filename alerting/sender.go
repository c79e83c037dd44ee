package alerting

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/alerting/notify"
)

// Deadlines and pauses of sending. A way in trouble is tried again every few seconds, so that pages leave within five
// seconds of its return; a single message that is refused waits longer each time and delays nobody else.
const (
	attemptTimeout = 10 * time.Second
	drawTimeout    = 500 * time.Millisecond
	settleTimeout  = 5 * time.Second // of one write; a desk that is stopping waits this long for it
	firstPause     = time.Second
	wayPause       = 5 * time.Second  // longest between attempts on a way that does not answer
	rowPause       = 60 * time.Second // longest between attempts of a refused message
	longestPause   = 15 * time.Minute // longest that a far side may ask for
)

// sender is the one worker of a way. Nothing it does is seen by the workers of other ways.
type sender struct {
	desk    *Desk
	way     Way
	wake    chan struct{}
	trouble int       // attempts in a row at which the way did not answer
	rest    time.Time // no attempt before this
	storm   storm
	drawing chan struct{} // holds a token while a graph is drawn; a grapher that hangs is not asked again
}

func newSender(d *Desk, way Way) *sender {
	return &sender{
		desk: d, way: way, wake: make(chan struct{}, 1), drawing: make(chan struct{}, 1),
		storm: storm{most: stormMessages},
	}
}

func (s *sender) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		rows, wait := s.next(time.Now())
		if len(rows) > 0 {
			s.send(ctx, rows)
		}
		if ctx.Err() != nil {
			return
		}
		if len(rows) > 0 {
			continue
		}
		if wait > 0 {
			timer.Reset(min(wait, clockCheck))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// next returns the rows of the next message, or how long to wait for it; 0: until something changes.
func (s *sender) next(now time.Time) ([]*row, time.Duration) {
	if due(s.rest, now, longestPause) {
		s.rest = time.Time{}
	}
	if !s.rest.IsZero() {
		return nil, s.rest.Sub(now)
	}
	s.desk.mu.RLock()
	rows, next := s.desk.books.ready(s.way.Name, now)
	s.desk.mu.RUnlock()
	if len(rows) == 0 {
		if next.IsZero() {
			return nil, 0
		}
		return nil, next.Sub(now)
	}
	return s.storm.group(rows, now)
}

// send claims the rows, makes one attempt and writes down how it went.
func (s *sender) send(ctx context.Context, rows []*row) {
	ids, batch := make([]string, len(rows)), rows[0].Batch
	for i, r := range rows {
		ids[i] = r.ID
	}
	if batch == "" && len(rows) > 1 {
		batch = "digest-" + rows[0].ID
	}
	var incidents []*incident
	err := s.desk.commit(ctx, func(dr *draft) (err error) {
		rows, incidents, err = dr.claim(ids, s.way.Name, batch)
		return err
	})
	if err != nil {
		s.complain(ctx, "claiming notices", err)
		return
	}
	if len(rows) == 0 {
		return
	}
	receipt, err := s.attempt(ctx, s.compose(ctx, rows, incidents))
	if err != nil && ctx.Err() != nil {
		return // whether it arrived is unknown: the next start finds the rows in "sending" and sends them again
	}
	s.settle(ctx, rows, receipt, err)
}

func (s *sender) compose(ctx context.Context, rows []*row, incidents []*incident) notify.Message {
	now := time.Now()
	if len(rows) == 1 {
		m := s.desk.message(rows[0], incidents[0].Incident, now)
		if rows[0].Batch != "" {
			m.ID = rows[0].Batch // what is left of a digest that may have arrived
		}
		m.Thread = incidents[0].Threads[s.way.Name]
		m.Image = s.draw(ctx, m.Incident)
		return m
	}
	m := s.desk.message(rows[0], dialtone.Incident{}, now)
	m.ID, m.Kind = rows[0].Batch, dialtone.NoticeResolved
	for i, r := range rows {
		if r.alarm() {
			m.Kind = dialtone.NoticeFiring
		}
		m.Digest = append(m.Digest, notify.Line{
			Kind: r.Kind, Combined: r.Combined, Incident: incidents[i].Incident, Link: s.desk.link(r.Incident),
		})
	}
	return m
}

// draw returns the incident's graph, or nil when there is none in time: a page without a picture beats a late one.
func (s *sender) draw(ctx context.Context, in dialtone.Incident) []byte {
	if s.desk.grapher == nil {
		return nil
	}
	select {
	case s.drawing <- struct{}{}:
	default:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, drawTimeout)
	drawn := make(chan []byte, 1)
	go func() {
		defer cancel()
		defer func() { <-s.drawing }()
		png, err := s.desk.grapher.IncidentPNG(ctx, in)
		if err != nil {
			png = nil
		}
		drawn <- png
	}()
	select {
	case png := <-drawn:
		return png
	case <-ctx.Done():
		return nil
	}
}

func (s *sender) attempt(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	receipt, err := s.way.Notifier.Send(ctx, m)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer within " + attemptTimeout.String())
	}
	return receipt, err
}

// settle writes down the outcome, also while the desk is stopping. While the disk refuses, the outcome is kept here and
// tried again: sending once more would only make duplicates.
func (s *sender) settle(ctx context.Context, rows []*row, receipt notify.Receipt, sendErr error) {
	s.learn(sendErr, rows[0].Attempt)
	for {
		err := s.record(ctx, func(dr *draft) error { return s.enter(dr, rows, receipt, sendErr) })
		if err == nil {
			return
		}
		s.complain(ctx, "recording a notice's outcome", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(firstPause):
		}
	}
}

func (s *sender) record(ctx context.Context, do func(*draft) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	return s.desk.commit(ctx, do)
}

func (s *sender) enter(dr *draft, rows []*row, receipt notify.Receipt, sendErr error) error {
	for _, r := range rows {
		var err error
		if sendErr == nil {
			err = dr.delivered(r, receipt)
		} else {
			err = dr.failed(r, sendErr.Error(), s.retryAt(dr.now, sendErr, r.Attempt))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// learn tells the way's trouble from the message's.
func (s *sender) learn(err error, attempt int) {
	switch {
	case err == nil:
		s.storm.count(time.Now())
		if s.trouble > 0 {
			s.desk.log.Info("notifier answers again", "way", s.way.Name, "attempt", attempt)
		}
		s.trouble, s.rest = 0, time.Time{}
	case notify.Rejected(err):
		s.trouble = 0
		if attempt == 1 {
			s.desk.log.Warn("notice refused", "way", s.way.Name, "error", err)
		}
	default:
		s.trouble++
		if s.trouble == 1 {
			s.desk.log.Warn("notifier does not take notices", "way", s.way.Name, "error", err)
		}
		s.rest = time.Now().Add(s.pause(err))
	}
}

func (s *sender) pause(err error) time.Duration {
	if asked := notify.Pause(err); asked > 0 {
		return min(asked, longestPause)
	}
	return backoff(s.trouble, wayPause)
}

// retryAt is the zero time when only the way has to rest: then the row leaves as soon as the way does.
func (s *sender) retryAt(now time.Time, err error, attempt int) time.Time {
	if !notify.Rejected(err) {
		return time.Time{}
	}
	return now.Add(backoff(attempt, rowPause))
}

// backoff doubles from one second to longest, less up to a fifth by chance, so that many do not return at one instant.
func backoff(attempt int, longest time.Duration) time.Duration {
	d := longest
	if attempt < 10 {
		d = min(firstPause<<max(attempt-1, 0), longest)
	}
	return d - rand.N(d/5+1)
}

func (s *sender) complain(ctx context.Context, doing string, err error) {
	if ctx.Err() != nil {
		return
	}
	s.desk.log.Error("outbox cannot be written", "doing", doing, "way", s.way.Name, "error", err)
	s.rest = time.Now().Add(firstPause)
}
