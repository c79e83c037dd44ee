package series

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/dialtone/dialtone"
)

// Bounds of what one series may be called. The longest that a node has for good reasons are mount points (4096 bytes on Linux).
const (
	maxLabels = 40
	maxName   = 200  // bytes
	maxValue  = 4096 // bytes
)

// seriesLabels makes the labels of a series of a node: those of the sample, its name, and which node and job it comes from. What a
// sample itself says of instance and job is kept as exported_instance and exported_job, as Prometheus does when it scrapes. It returns
// false for what is no series of the data model: agents are not trusted.
func seriesLabels(node string, s *dialtone.Sample) (labels.Labels, bool) {
	if !validName(s.Name) || len(s.Labels) > maxLabels {
		return labels.EmptyLabels(), false
	}
	b := labels.NewScratchBuilder(len(s.Labels) + 3)
	b.Add(model.MetricNameLabel, s.Name)
	b.Add(model.InstanceLabel, node)
	b.Add(model.JobLabel, job(s.Name))
	for _, l := range s.Labels {
		if !validLabel(l) {
			return labels.EmptyLabels(), false
		}
		if l.Value != "" { // an empty label is none
			b.Add(exported(l.Name), l.Value)
		}
	}
	b.Sort()
	ls := b.Labels()
	_, twice := ls.HasDuplicateLabelNames()
	return ls, !twice
}

// job says which program measured: the machine's own metrics have node_exporter's names, and up is of the machine; the rest is ours.
func job(name string) string {
	if name == "up" || strings.HasPrefix(name, "node_") {
		return "node"
	}
	return "dialtone"
}

func exported(name string) string {
	if name == model.InstanceLabel || name == model.JobLabel {
		return model.ExportedLabelPrefix + name
	}
	return name
}

func validName(name string) bool {
	return len(name) <= maxName && model.LegacyValidation.IsValidMetricName(name)
}

func validLabel(l dialtone.Label) bool {
	return len(l.Name) <= maxName && model.LegacyValidation.IsValidLabelName(l.Name) &&
		!strings.HasPrefix(l.Name, model.ReservedLabelPrefix) && len(l.Value) <= maxValue && utf8.ValidString(l.Value)
}

// appendKey appends bytes that are the same for the same name and labels only: every part follows its length.
func appendKey(key []byte, s *dialtone.Sample) []byte {
	key = appendPart(key, s.Name)
	for _, l := range s.Labels {
		key = appendPart(appendPart(key, l.Name), l.Value)
	}
	return key
}

func appendPart(key []byte, part string) []byte {
	return append(binary.AppendUvarint(key, uint64(len(part))), part...)
}
