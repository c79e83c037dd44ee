package wire

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dialtone/dialtone"
)

// sameBits compares samples as the wire must keep them: milliseconds of time, every bit of the value.
var sameBits = cmp.Options{
	cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }),
	cmp.Comparer(func(a, b time.Time) bool { return a.UnixMilli() == b.UnixMilli() }),
	cmp.Comparer(func(a, b []dialtone.Label) bool { return fmt.Sprint(a) == fmt.Sprint(b) }),
}

var awkward = []float64{
	0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), math.Float64frombits(0x7ff0000000000002),
	math.Float64frombits(0xfff8000000000001), math.MaxFloat64, math.SmallestNonzeroFloat64, exact, exact + 2, -exact,
	0.001, 0.01, 0.1, 1.005, 123456.789, 1e300, 1e-300, 9007199254740.993, math.Pi,
}

func drawValue(t *rapid.T) float64 {
	switch rapid.IntRange(0, 4).Draw(t, "form") {
	case 0:
		return rapid.SampledFrom(awkward).Draw(t, "awkward")
	case 1:
		return float64(rapid.Int64().Draw(t, "integer"))
	case 2:
		return float64(rapid.Int32().Draw(t, "milli")) / 1000
	case 3:
		return math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
	}
	return rapid.Float64().Draw(t, "float")
}

func drawSample(t *rapid.T) dialtone.Sample {
	s := dialtone.Sample{
		Name:  rapid.SampledFrom([]string{"a", "b", "node_load1", "größe"}).Draw(t, "name"),
		At:    time.UnixMilli(rapid.Int64Range(-1<<40, 1<<45).Draw(t, "at")),
		Value: drawValue(t),
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "labels") {
		s.Labels = append(s.Labels, dialtone.Label{Name: fmt.Sprintf("l%d", i), Value: rapid.StringN(0, 3, 9).Draw(t, "value")})
	}
	if CheckSeries(s.Name, s.Labels) != nil {
		t.Skip("not UTF-8")
	}
	return s
}

func TestBatchesComeBackBitForBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		enc, dec := NewEncoder(), new(Decoder)
		for seq := range rapid.IntRange(1, 6).Draw(t, "batches") {
			want := Batch{Seq: uint64(seq) + 1, Samples: rapid.SliceOfN(rapid.Custom(drawSample), 1, 20).Draw(t, "samples")}
			got := through(t, enc, dec, want)
			if diff := cmp.Diff(want, got, sameBits); diff != "" {
				t.Fatalf("batch differs (-sent +read):\n%s", diff)
			}
		}
	})
}

func TestBlocksComeBackBitForBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want, got []Batch
		for seq := range rapid.IntRange(1, 6).Draw(t, "batches") {
			want = append(want, Batch{Seq: uint64(seq), Samples: rapid.SliceOfN(rapid.Custom(drawSample), 1, 20).Draw(t, "samples")})
		}
		block, err := EncodeBlock(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := DecodeBlock(block, func(b Batch) error { got = append(got, b); return nil }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, sameBits); diff != "" {
			t.Fatalf("block differs (-written +read):\n%s", diff)
		}
	})
}

// through sends one batch from an encoder to a decoder.
func through(t interface {
	Helper()
	Fatal(args ...any)
}, enc *Encoder, dec *Decoder, b Batch,
) Batch {
	t.Helper()
	dict, body, err := enc.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	if dict != nil {
		if err := dec.Dict(dict); err != nil {
			t.Fatal(err)
		}
	}
	got, err := dec.Batch(body)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestEveryAwkwardValueFollowsEveryOther(t *testing.T) {
	enc, dec := NewEncoder(), new(Decoder)
	for _, before := range awkward {
		for _, after := range awkward {
			for _, v := range []float64{before, after} {
				want := Batch{Seq: 1, Samples: []dialtone.Sample{{Name: "a", At: epoch, Value: v}}}
				if diff := cmp.Diff(want, through(t, enc, dec, want), sameBits); diff != "" {
					t.Errorf("%v after %v (-sent +read):\n%s", after, before, diff)
				}
			}
		}
	}
}

func TestAFullDictionaryStartsAgain(t *testing.T) {
	enc, dec := NewEncoder(), new(Decoder)
	for round := range MaxSeries/MaxBatch + 3 {
		b := Batch{Seq: uint64(round), Samples: make([]dialtone.Sample, MaxBatch)}
		for i := range b.Samples {
			b.Samples[i] = dialtone.Sample{Name: "m", Labels: []dialtone.Label{{Name: "n", Value: fmt.Sprintf("%d.%d", round, i)}}, At: epoch, Value: 7}
		}
		got := through(t, enc, dec, b)
		if want := fmt.Sprintf("%d.%d", round, MaxBatch-1); got.Samples[MaxBatch-1].Labels[0].Value != want {
			t.Fatalf("last label of round %d is %v, want %s", round, got.Samples[MaxBatch-1].Labels, want)
		}
		if len(dec.book.series) > MaxSeries {
			t.Fatalf("decoder holds %d series", len(dec.book.series))
		}
	}
}

func TestSamplesOfOneSeriesShareLabels(t *testing.T) {
	enc, dec := NewEncoder(), new(Decoder)
	b := Batch{Seq: 1, Samples: newSteady(1).next()}
	one, two := through(t, enc, dec, b), through(t, enc, dec, b)
	if &one.Samples[0].Labels[0] != &two.Samples[0].Labels[0] {
		t.Error("labels were copied; a store cannot recognize the series by them")
	}
}

func TestBatchSize(t *testing.T) {
	for _, n := range []int{0, MaxBatch + 1} {
		if _, _, err := NewEncoder().Encode(Batch{Samples: make([]dialtone.Sample, n)}); err == nil {
			t.Errorf("a batch of %d samples was taken", n)
		}
	}
}

func TestCheckSeries(t *testing.T) {
	long := strings.Repeat("x", MaxValue+1)
	tests := []struct {
		name   string
		metric string
		labels []dialtone.Label
		want   string // empty: allowed
	}{
		{"plain", "up", nil, ""},
		{"empty value", "up", []dialtone.Label{{Name: "a"}}, ""},
		{"sorted", "up", []dialtone.Label{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}}, ""},
		{"no name", "", nil, "name of a metric of 0 bytes"},
		{"long name", long, nil, "name of a metric"},
		{"unsorted", "up", []dialtone.Label{{Name: "b"}, {Name: "a"}}, "sorted"},
		{"twice", "up", []dialtone.Label{{Name: "a"}, {Name: "a"}}, "unique"},
		{"reserved", "up", []dialtone.Label{{Name: "__name__"}}, "__name__"},
		{"long value", "up", []dialtone.Label{{Name: "a", Value: long}}, "value of a label of 4097 bytes"},
		{"not UTF-8", "up", []dialtone.Label{{Name: "a", Value: "\xff"}}, "UTF-8"},
		{"many", "up", make([]dialtone.Label, MaxLabels+1), "65 labels"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckSeries(tt.metric, tt.labels)
			if tt.want == "" && err != nil {
				t.Fatalf("refused: %v", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, ErrCorrupt)) {
				t.Fatalf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func TestBytesPerSample(t *testing.T) {
	const series, rounds = 1000, 60
	live, block := bytesPerSample(t, series, rounds)
	t.Logf("%d series, %d rounds: live %.2f, spooled in blocks of 12 rounds %.2f bytes a sample", series, rounds, live, block)
	if live > 3 || block > 3 {
		t.Errorf("live %.2f, block %.2f bytes a sample; at most 3 were promised", live, block)
	}
}

func bytesPerSample(t *testing.T, series, rounds int) (live, block float64) {
	t.Helper()
	source, enc := newSteady(series), NewEncoder()
	var waiting []Batch
	var liveBytes, blockBytes int
	for round := range rounds {
		b := Batch{Seq: uint64(round), Samples: source.next()}
		_, batch, err := enc.Encode(b)
		if err != nil {
			t.Fatal(err)
		}
		if round > 0 { // the first round carries whole values, once per connection
			liveBytes += len(batch)
		}
		if waiting = append(waiting, b); len(waiting) == 12 {
			blk, err := EncodeBlock(waiting)
			if err != nil {
				t.Fatal(err)
			}
			blockBytes, waiting = blockBytes+len(blk), nil
		}
	}
	return float64(liveBytes) / float64(series*(rounds-1)), float64(blockBytes) / float64(series*rounds)
}

func BenchmarkEncode(b *testing.B) {
	source, enc := newSteady(1000), NewEncoder()
	batches := [][]dialtone.Sample{source.next(), source.next(), source.next()}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := enc.Encode(Batch{Seq: uint64(i), Samples: batches[i%3]}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/sample")
}

func BenchmarkDecode(b *testing.B) {
	source, enc, dec := newSteady(1000), NewEncoder(), new(Decoder)
	dict, first, _ := enc.Encode(Batch{Seq: 1, Samples: source.next()})
	if err := errors.Join(dec.Dict(dict), second(dec.Batch(first))); err != nil {
		b.Fatal(err)
	}
	_, body, _ := enc.Encode(Batch{Seq: 2, Samples: constant(source.next())})
	if err := second(dec.Batch(body)); err != nil {
		b.Fatal(err)
	}
	_, body, _ = enc.Encode(Batch{Seq: 3, Samples: constant(source.next())})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dec.Batch(body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/sample")
}

func second[T any](_ T, err error) error { return err }

// constant rounds values to integers, so that one batch can be decoded again and again.
func constant(samples []dialtone.Sample) []dialtone.Sample {
	for i := range samples {
		samples[i].Value = math.Trunc(samples[i].Value)
	}
	return samples
}
