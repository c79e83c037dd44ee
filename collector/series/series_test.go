package series

import (
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dialtone/dialtone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a store that is closed when the test ends. change may be nil.
func open(t testing.TB, dir string, change func(*Config)) *Store {
	t.Helper()
	cfg := Config{Dir: dir, MinFree: 1, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// now is on a whole second, so that times read well in failures.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

func sample(name string, at time.Time, value float64, labels ...string) dialtone.Sample {
	s := dialtone.Sample{Name: name, At: at, Value: value}
	for i := 0; i < len(labels); i += 2 {
		s.Labels = append(s.Labels, dialtone.Label{Name: labels[i], Value: labels[i+1]})
	}
	return s
}

// batchOf is one push of an agent: n series, all at one time.
func batchOf(n int, at time.Time, value float64) []dialtone.Sample {
	batch := make([]dialtone.Sample, n)
	for i := range batch {
		batch[i] = sample("node_test_total", at, value+float64(i), "cpu", cpus[i%len(cpus)], "mode", modes[i/len(cpus)%len(modes)])
	}
	return batch
}

var cpus, modes = numbered("cpu", 100), numbered("mode", 100)

func numbered(word string, n int) []string {
	words := make([]string, n)
	for i := range words {
		words[i] = word + string(rune('0'+i/10)) + string(rune('0'+i%10))
	}
	return words
}

// kept answers how many samples of a selector are stored, over all its series.
func kept(t testing.TB, s *Store, selector string) float64 {
	t.Helper()
	answer, err := s.Query(t.Context(), "sum(count_over_time("+selector+"[2d]))", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if len(answer) == 0 {
		return 0
	}
	return answer[0].Points[0].V
}
