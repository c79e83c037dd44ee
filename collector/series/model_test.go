package series

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/collector"
)

// TestAppendKeepsTheFirstValue holds Append to a map: in whatever order and however often samples come, in batches of
// whatever size, the first value of an instant stays, and what is known or refused is counted as such.
func TestAppendKeepsTheFirstValue(t *testing.T) {
	s, last, nodes := open(t, t.TempDir(), nil), now(), 0
	rapid.Check(t, func(r *rapid.T) {
		nodes++
		node, want := fmt.Sprintf("web%d", nodes), map[string]float64{}
		for range rapid.IntRange(1, 8).Draw(r, "batches") {
			var batch []dialtone.Sample
			var result collector.AppendResult
			for range rapid.IntRange(0, 30).Draw(r, "samples") {
				one := sample("m", last.Add(-time.Duration(rapid.IntRange(0, 40).Draw(r, "minutes ago"))*time.Minute),
					float64(rapid.IntRange(0, 2).Draw(r, "value")), "cpu", cpus[rapid.IntRange(0, 2).Draw(r, "cpu")])
				batch = append(batch, one)
				place := one.Labels[0].Value + one.At.Format(time.TimeOnly)
				switch first, there := want[place]; {
				case !there:
					want[place] = one.Value
				case first == one.Value:
					result.Known++
				default:
					result.Refused++
				}
			}
			if got, err := s.Append(t.Context(), node, batch); err != nil || got != result {
				r.Fatalf("Append = %+v, %v, want %+v", got, err, result)
			}
		}
		if diff := cmp.Diff(want, everything(t, s, node, last)); diff != "" {
			r.Fatalf("stored (-want +got):\n%s", diff)
		}
	})
}

func everything(t *testing.T, s *Store, node string, last time.Time) map[string]float64 {
	t.Helper()
	lines, err := s.Query(t.Context(), `m{instance="`+node+`"}[1h]`, last)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, line := range lines {
		for _, p := range line.Points {
			found[line.Labels[1].Value+p.T.Format(time.TimeOnly)] = p.V
		}
	}
	return found
}
