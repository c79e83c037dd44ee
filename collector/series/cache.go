package series

import (
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

const (
	seriesIdle = time.Hour        // a series without samples for so long counts no longer towards MaxSeries
	sweepEvery = 10 * time.Minute // how often nodes that have gone are forgotten
)

// nodeCache remembers what is being appended to, node by node, so that a sample is found by its name instead of by its labels.
// It is bounded by MaxSeries for each node, and a node that sends nothing for an hour is forgotten.
type nodeCache struct {
	maxSeries int

	mu    sync.Mutex
	nodes map[string]*nodeSeries
	swept time.Time
}

// nodeSeries is what one node is sending. Its lock is held over a whole batch: what is late is compared with what is stored.
type nodeSeries struct {
	mu     sync.Mutex
	known  map[string]*series // by appendKey
	swept  time.Time
	rows   []row  // scratch of Append
	key    []byte // scratch of Append
	usedAt time.Time
}

// series is one series that samples are appended to.
type series struct {
	ref    storage.SeriesRef // 0: none yet; one that is no longer valid is harmless, the labels go with it
	labels labels.Labels
	newest int64 // ms: a sample after it is certainly not stored yet
	usedAt time.Time
}

func newNodeCache(maxSeries int) nodeCache {
	return nodeCache{maxSeries: maxSeries, nodes: map[string]*nodeSeries{}, swept: time.Now()}
}

// node returns the series of a node, and makes room for it.
func (c *nodeCache) node(name string, now time.Time) *nodeSeries {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.swept) > sweepEvery {
		c.swept = now
		for other, n := range c.nodes {
			if now.Sub(n.usedAt) > seriesIdle {
				delete(c.nodes, other)
			}
		}
	}
	n := c.nodes[name]
	if n == nil {
		n = &nodeSeries{known: map[string]*series{}}
		c.nodes[name] = n
	}
	n.usedAt = now
	return n
}

// roomFor reports whether a node may have one more series, and forgets idle ones when it may not.
func (n *nodeSeries) roomFor(limit int, now time.Time) bool {
	if len(n.known) < limit {
		return true
	}
	if now.Sub(n.swept) < time.Minute {
		return false
	}
	n.swept = now
	for key, s := range n.known {
		if now.Sub(s.usedAt) > seriesIdle {
			delete(n.known, key)
		}
	}
	return len(n.known) < limit
}
