package mail

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dialtone/dialtone/control"
)

// Where so many messages wait for one receiver, they leave as one, and so many at most in one.
const (
	digestFrom = 10
	digestMost = 200
)

// sender hands messages for one receiver to the first server that takes them, and returns how many it has taken, in their order. The
// error is why not all.
type sender func(ctx context.Context, o order) (taken int, err error)

// order is what a sender needs.
type order struct {
	servers  []*control.MailServer // in the order to be tried
	tls      *control.TLS          // of servers that say nothing themselves
	timeout  time.Duration         // of each step
	hostname string
	to       string
	messages [][]byte
	from     []string
	failed   func(*control.MailServer, error) // is told of each server that took nothing more
	log      *slog.Logger
}

// office sends what is in the outbox. One goroutine does, so a server that hangs delays mail and nothing else.
type office struct {
	cfg    Config
	timing timing
	box    *outbox
	send   sender
	wake   chan struct{}
	bad    map[string]time.Time // servers that took nothing, and when they are first choice again

	mu     sync.Mutex
	sent   uint64
	why    string
	whyAt  time.Time
	silent bool // said that mail cannot be delivered
}

func newOffice(cfg Config, t timing, box *outbox, send sender) *office {
	return &office{cfg: cfg, timing: t, box: box, send: send, wake: make(chan struct{}, 1), bad: map[string]time.Time{}}
}

func (o *office) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
			timer.Reset(o.timing.batch)
			continue
		case <-timer.C:
		}
		timer.Reset(o.round(ctx, time.Now()))
	}
}

// last sends what is new when the agent stops; what has been tried in vain before can wait.
func (o *office) last(ctx context.Context) {
	for _, to := range o.box.receivers(time.Now(), func(s *slot) bool { return s.tries == 0 }) {
		o.deliver(ctx, to)
	}
}

// round sends all that is due, and returns how long nothing else will be.
func (o *office) round(ctx context.Context, now time.Time) time.Duration {
	o.box.expire(now.Add(-o.timing.stale))
	for _, to := range o.box.receivers(now, nil) {
		if ctx.Err() != nil {
			break
		}
		o.deliver(ctx, to)
	}
	return o.box.next(time.Now())
}

// deliver sends what waits for one receiver, in the order written.
func (o *office) deliver(ctx context.Context, to string) {
	slots, lost := o.box.waiting(to, digestMost)
	slots, rows := o.box.read(slots)
	if len(rows) == 0 {
		return
	}
	file := o.cfg.File()
	ord := o.order(file, to)
	whole := len(rows) >= digestFrom
	if whole {
		rows = []row{folded(rows)}
	}
	if lost > 0 {
		rows[0].Body = fmt.Sprintf("%d earlier messages to you were dropped: the outbox was full, or no server took them for days.\n\n", lost) + rows[0].Body
	}
	for _, r := range rows {
		ord.messages, ord.from = append(ord.messages, r.message()), append(ord.from, addressOf(r.From))
	}
	taken, err := o.send(ctx, ord)
	sent := slots[:taken]
	if whole && taken > 0 {
		sent = slots
	}
	o.account(to, sent, slots[len(sent):], lost, err)
}

// account notes what became of messages.
func (o *office) account(to string, sent, left []*slot, lost int, err error) {
	if len(sent) > 0 {
		if bad := o.box.delivered(to, sent, lost); bad != nil {
			o.cfg.Log.Error("mail that was delivered may be sent again: the state folder cannot be written", "error", bad)
		}
	}
	o.box.postpone(left, o.timing, time.Now())
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent += uint64(len(sent))
	switch {
	case err == nil:
		o.why = ""
		if o.silent {
			o.silent = false
			o.cfg.Log.Info("mail is delivered again")
		}
		return
	case !o.silent:
		o.silent = true
		o.cfg.Log.Error("mail cannot be delivered; it waits and is tried again", "to", to, "error", err)
	}
	o.why, o.whyAt = err.Error(), time.Now().UTC()
}

// order says by which servers to send: those that failed within the last minute come last.
func (o *office) order(file *control.File, to string) order {
	mail, now := file.Settings.Mail, time.Now()
	servers := slices.Clone(mail.Servers)
	if len(servers) == 0 {
		servers = []*control.MailServer{{Host: "localhost"}}
	}
	slices.SortStableFunc(servers, func(a, b *control.MailServer) int {
		return compareBool(o.bad[addressOfServer(a)].After(now), o.bad[addressOfServer(b)].After(now))
	})
	ord := order{
		servers: servers, tls: file.Settings.TLS, timeout: mail.Timeout, hostname: mail.Hostname, to: addressOf(to), log: o.cfg.Log,
		failed: func(s *control.MailServer, _ error) { o.bad[addressOfServer(s)] = time.Now().Add(time.Minute) },
	}
	if ord.timeout <= 0 {
		ord.timeout = 5 * time.Second
	}
	if ord.hostname == "" {
		ord.hostname = o.cfg.Hostname
	}
	return ord
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (o *office) stats() Stats {
	o.mu.Lock()
	s := Stats{Sent: o.sent, LastError: o.why, LastErrorAt: o.whyAt}
	o.mu.Unlock()
	o.box.mu.Lock()
	defer o.box.mu.Unlock()
	s.Waiting, s.Dropped = len(o.box.slots), o.box.dropped
	if len(o.box.slots) > 0 {
		s.Oldest = o.box.slots[0].at
	}
	return s
}

// folded makes one message of many. Its ID is made of theirs.
func folded(rows []row) row {
	first, newest := rows[0], rows[len(rows)-1]
	ids := make([]string, 0, len(rows))
	var b strings.Builder
	fmt.Fprintf(&b, "So many messages waited at once that they come as one, the oldest first.\n\n")
	for _, r := range rows {
		ids = append(ids, r.ID)
		fmt.Fprintf(&b, "%s  %s\n", r.At.Local().Format(time.DateTime), r.Subject)
	}
	const most = 8 << 10
	for _, r := range rows {
		if b.Len() > maxBody {
			b.WriteString("\nThe texts of the others are left out.\n")
			break
		}
		fmt.Fprintf(&b, "\n%s\n%s\n", strings.Repeat("-", 72), firstBytes(r.Body, most))
		newest.Urgent = newest.Urgent || r.Urgent
	}
	_, host, _ := strings.Cut(first.ID, "@")
	newest.ID, newest.Thread = digest(ids...)+"@"+host, ""
	newest.Subject = firstBytes(fmt.Sprintf("%d messages from %s: %s, …", len(rows), first.Node, first.Subject), maxSubject)
	newest.Body = b.String()
	return newest
}
