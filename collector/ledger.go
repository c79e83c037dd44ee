package collector

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/dialtone/dialtone/wire"
)

// runsKept is how many runs of one agent the ledger remembers; an agent that crashed more often while it was cut off
// gets some batches stored twice, which their IDs and times make harmless.
const runsKept = 2 * wire.MaxRuns

// ledger remembers per run of an agent how far its lanes have come. taken is handed to store or desk, kept is on disk:
// only kept is ever told to an agent, taken saves the store a resend after a broken link.
type ledger struct {
	db *bbolt.DB

	mu     sync.Mutex
	agents map[string]map[string]*progress // agent id → run id
}

type progress struct {
	Kept  wire.Kept `json:"kept"`
	At    time.Time `json:"at"`
	taken wire.Kept
}

// mark is one place in one lane of one run.
type mark struct {
	agent, run string
	lane       wire.Lane
}

func newLedger(db *bbolt.DB) *ledger {
	return &ledger{db: db, agents: map[string]map[string]*progress{}}
}

// open returns what is on disk of each run of a hello.
func (l *ledger) open(h wire.Hello) ([]wire.Kept, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	runs, err := l.runs(h.AgentID)
	if err != nil {
		return nil, err
	}
	kept := make([]wire.Kept, len(h.Runs))
	for i, run := range h.Runs {
		p := runs[run.ID]
		if p == nil {
			p = &progress{At: time.Now().UTC()}
			runs[run.ID] = p
		}
		kept[i] = p.Kept
	}
	return kept, nil
}

// runs returns the runs of an agent, from disk when they are not in memory. The caller holds mu.
func (l *ledger) runs(agent string) (map[string]*progress, error) {
	if runs := l.agents[agent]; runs != nil {
		return runs, nil
	}
	runs := map[string]*progress{}
	prefix := append([]byte(agent), 0)
	err := l.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketKept).Cursor()
		for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
			p := new(progress)
			if err := json.Unmarshal(v, p); err != nil {
				return err
			}
			p.taken = p.Kept
			runs[string(k[len(prefix):])] = p
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was kept of agent %q: %w", agent, err)
	}
	l.agents[agent] = runs
	return runs, nil
}

// at returns the progress of a run, from nothing when it was forgotten. The caller holds mu.
func (l *ledger) at(m mark) *progress {
	runs := l.agents[m.agent]
	if runs == nil {
		runs = map[string]*progress{}
		l.agents[m.agent] = runs
	}
	if runs[m.run] == nil {
		runs[m.run] = &progress{At: time.Now().UTC()}
	}
	return runs[m.run]
}

// fresh reports whether a number of a lane has not been taken yet.
func (l *ledger) fresh(m mark, seq uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return seq > *lane(&l.at(m).taken, m.lane)
}

// take notes that a number was handed on.
func (l *ledger) take(m mark, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	raise(lane(&l.at(m).taken, m.lane), seq)
}

// doubt forgets what was taken but is not kept: the disk said no, so a resend must reach the store again.
func (l *ledger) doubt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, runs := range l.agents {
		for _, p := range runs {
			p.taken = p.Kept
		}
	}
}

// keep writes numbers whose data is on disk, in one transaction.
func (l *ledger) keep(marks map[mark]uint64, now time.Time) error {
	rows, err := l.rows(marks, now)
	if err != nil || len(rows) == 0 {
		return err
	}
	err = l.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketKept)
		for key, value := range rows {
			if value == nil {
				if err := b.Delete([]byte(key)); err != nil {
					return err
				}
			} else if err := b.Put([]byte(key), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing what was kept: %w", err)
	}
	return nil
}

// rows returns the changed rows by key; nil for a run that is forgotten.
func (l *ledger) rows(marks map[mark]uint64, now time.Time) (map[string][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := map[string][]byte{}
	for m, seq := range marks {
		p := l.at(m)
		raise(lane(&p.Kept, m.lane), seq)
		p.At = now.UTC()
		value, err := json.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encoding what was kept: %w", err)
		}
		rows[m.agent+"\x00"+m.run] = value
		if old := oldest(l.agents[m.agent]); old != "" && old != m.run {
			delete(l.agents[m.agent], old)
			rows[m.agent+"\x00"+old] = nil
		}
	}
	return rows, nil
}

// oldest returns the run that was silent longest, when there are too many; else nothing.
func oldest(runs map[string]*progress) string {
	if len(runs) <= runsKept {
		return ""
	}
	found, at := "", time.Time{}
	for run, p := range runs {
		if found == "" || p.At.Before(at) {
			found, at = run, p.At
		}
	}
	return found
}

func raise(n *uint64, to uint64) { *n = max(*n, to) }

// lane returns the number of one lane.
func lane(k *wire.Kept, l wire.Lane) *uint64 {
	if l == wire.LaneEvents {
		return &k.Events
	}
	return &k.Samples
}
