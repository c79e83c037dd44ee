package series

import (
	"errors"
	"net/url"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
)

// absent answers for the parts of a Prometheus server that are not in this one.
type absent struct{}

// ScrapePools are none: agents send, nobody scrapes them.
func (absent) ScrapePools() []string { return nil }

// TargetsActive are none.
func (absent) TargetsActive() map[string][]*scrape.Target { return nil }

// TargetsDropped are none.
func (absent) TargetsDropped() map[string][]*scrape.Target { return nil }

// TargetsDroppedCounts are none.
func (absent) TargetsDroppedCounts() map[string]int { return map[string]int{} }

// ScrapePoolConfig finds none.
func (absent) ScrapePoolConfig(string) (*config.ScrapeConfig, error) {
	return nil, errors.New("nothing is scraped here")
}

// Alertmanagers are none: the desk pages.
func (absent) Alertmanagers() []*url.URL { return nil }

// DroppedAlertmanagers are none.
func (absent) DroppedAlertmanagers() []*url.URL { return nil }

// RuleGroups are none.
func (absent) RuleGroups() []*rules.Group { return nil }

// AlertingRules are none.
func (absent) AlertingRules() []*rules.AlertingRule { return nil }

// admin is what the API asks of a TSDB beyond DB's own methods.
type admin struct{ *tsdb.DB }

// Stats counts series and labels of the head.
func (a admin) Stats(label string, limit int) (*tsdb.Stats, error) {
	return a.Head().Stats(label, limit), nil
}

// WALReplayStatus says that the replay is over: the API is served after it.
func (a admin) WALReplayStatus() (tsdb.WALReplayStatus, error) { return tsdb.WALReplayStatus{}, nil }

// BlockMetas describes the blocks on disk.
func (a admin) BlockMetas() ([]tsdb.BlockMeta, error) { return a.DB.BlockMetas(), nil }
