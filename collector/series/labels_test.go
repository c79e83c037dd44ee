package series

import (
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/dialtone/dialtone"
)

func TestJobs(t *testing.T) {
	for name, want := range map[string]string{
		"node_load1": "node", "up": "node", "dialtone_node_up": "dialtone", "uptime_seconds": "dialtone", "nginx_cpu": "dialtone",
	} {
		if got, ok := seriesLabels("web1", &dialtone.Sample{Name: name}); !ok || got.Get(model.JobLabel) != want || got.Get(model.InstanceLabel) != "web1" {
			t.Errorf("%s became %s, want job %s", name, got, want)
		}
	}
}

// FuzzSeriesLabels holds what the TSDB relies on: whatever an agent sends, a series has a valid name, labels in order, each once, and
// is its own node's; and two samples have the same key only when they are of the same series.
func FuzzSeriesLabels(f *testing.F) {
	f.Add("node_load1", "cpu", "0", "mode", "idle")
	f.Add("m", "instance", "other", "exported_instance", "x")
	f.Add("m", "job", "", "__name__", "n")
	f.Add("a", "b\x00", "\xff", "b", "\n")
	f.Add("1", "", "", "", "")
	f.Fuzz(func(t *testing.T, name, name1, value1, name2, value2 string) {
		s := dialtone.Sample{Name: name, Labels: []dialtone.Label{{Name: name1, Value: value1}, {Name: name2, Value: value2}}}
		shifted := dialtone.Sample{Name: name + name1, Labels: []dialtone.Label{{Name: value1, Value: name2}, {Name: value2}}}
		if name1+value1+name2+value2 != "" && string(appendKey(nil, &s)) == string(appendKey(nil, &shifted)) && !same(s, shifted) {
			t.Errorf("%+v and %+v have the same key", s, shifted)
		}
		ls, ok := seriesLabels("web1", &s)
		if !ok {
			return
		}
		if ls.Get("instance") != "web1" || ls.Get(model.MetricNameLabel) != name {
			t.Errorf("%+v became %s", s, ls)
		}
		if !ls.IsValid(model.LegacyValidation) {
			t.Errorf("%s is not valid", ls)
		}
		before := ""
		ls.Range(func(l labels.Label) {
			if l.Name <= before || l.Value == "" {
				t.Errorf("%s is out of order, twice or empty in %s", l.Name, ls)
			}
			before = l.Name
		})
	})
}

func same(a, b dialtone.Sample) bool {
	return a.Name == b.Name && a.Labels[0] == b.Labels[0] && a.Labels[1] == b.Labels[1]
}
