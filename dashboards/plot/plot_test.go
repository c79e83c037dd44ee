package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

var start = time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)

// wave is a line of n points a minute apart, without chance in it.
func wave(n int, low, high float64) []Point {
	points := make([]Point, n)
	for i := range points {
		at := float64(i)
		v := low + (high-low)*(0.5+0.4*math.Sin(at/17)+0.1*math.Sin(at*1.7))
		points[i] = Point{start.Add(time.Duration(i) * time.Minute), v}
	}
	return points
}

func without(points []Point, from, to int) []Point {
	return append(append([]Point{}, points[:from]...), points[to:]...)
}

// plots are the graphs that golden files hold, each with a way to go wrong.
func plots() map[string]*Plot {
	cpu := without(wave(180, 10, 70), 60, 75)
	for i := 120; i < len(cpu); i++ {
		cpu[i].Value = 97
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		berlin = time.UTC
	}
	return map[string]*Plot{
		"incident": {
			Title: "asterisk used 97 % of a processor when it stopped answering",
			Why:   "The healer restarted it twice at 03:20; last week at this time it used 40 %.",
			Series: []Series{
				{Name: "asterisk", Points: cpu},
				{Name: "last week", Style: LastWeek, Points: wave(180, 20, 60)},
				{Name: "limit 80 %", Style: Capacity, Points: []Point{{start, 80}, {start.Add(3 * time.Hour), 80}}},
			},
			Bands: []Band{{From: start.Add(132 * time.Minute), Label: "incident"}},
			Marks: []Mark{{At: start.Add(135 * time.Minute), Kind: Heal, Label: "restart"}, {At: start.Add(20 * time.Minute), Kind: Deploy}},
			From:  start, To: start.Add(3 * time.Hour), Step: time.Minute, Unit: Percent, Zone: berlin, Width: 600, Height: 260,
		},
		"week": {
			Title:  "Memory: 3.1 GiB in use",
			Series: []Series{{Name: "used", Points: days(7)}, {Name: "swap", Points: []Point{{start, 0}, {start.AddDate(0, 0, 7), 3e8}}}},
			From:   start, To: start.AddDate(0, 0, 7), Unit: Bytes, Zone: berlin, Theme: Dark,
		},
		"crowded": {
			Title: "Six services share one processor", Unit: Percent, From: start, To: start.Add(time.Hour), Step: time.Minute,
			Series: []Series{
				{Name: "nginx", Points: wave(60, 1, 2)},
				{Name: "memcached", Points: wave(60, 1, 2.1)},
				{Name: "mysql", Points: wave(60, 1, 2.2)},
				{Name: "gunicorn with a very long name", Points: wave(60, 1, 2.3)},
				{Name: "celery", Points: wave(60, 1, 2.4)},
				{Name: "rabbitmq", Points: wave(60, 1, 30)},
			},
		},
		"state": {
			Title: "nginx is critical", Unit: State, From: start, To: start.Add(time.Hour), Theme: Dark,
			Series: []Series{{Name: "nginx", Points: []Point{{start, 1}, {start.Add(30 * time.Minute), 1}, {start.Add(31 * time.Minute), 3}, {start.Add(time.Hour), 3}}}},
		},
		"empty":   {Title: "No figures yet", From: start, To: start.Add(time.Hour)},
		"hostile": {Title: `</title><script>alert(1)</script>`, Why: "a\x00b & \"c\"", Series: []Series{{Name: `<img src=x onerror=1>`, Points: wave(60, 1, 2)}}, From: start, To: start.Add(time.Hour)},
	}
}

func days(n int) []Point {
	var points []Point
	for i := range n * 48 {
		points = append(points, Point{start.Add(time.Duration(i) * 30 * time.Minute), 2.6e9 + 1e9*math.Sin(float64(i)/24*math.Pi)})
	}
	return points
}

func TestSVGIsAsLookedAt(t *testing.T) {
	for name, p := range plots() {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := p.SVG(&got); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".svg", got.Bytes())
			got.Reset()
			if err := p.SVGFile(&got); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".file.svg", got.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); look at it, then run with -update:\n%s", name, diff)
	}
}

func TestPNGIsAsLookedAt(t *testing.T) {
	for _, name := range []string{"incident", "week", "crowded", "state", "empty"} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := plots()[name].PNG(&got); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".png")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer want.Close()
			samePicture(t, want, &got)
		})
	}
}

// samePicture allows one pixel in five hundred to differ visibly: floating point differs a little between processors.
func samePicture(t *testing.T, want, got io.Reader) {
	t.Helper()
	a, err := png.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := png.Decode(got)
	if err != nil {
		t.Fatal(err)
	}
	if a.Bounds() != b.Bounds() {
		t.Fatalf("the picture is %v, want %v", b.Bounds(), a.Bounds())
	}
	differ := 0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			if far(a, b, x, y) {
				differ++
			}
		}
	}
	if all := a.Bounds().Dx() * a.Bounds().Dy(); differ*500 > all {
		t.Errorf("%d of %d pixels differ; look at the picture, then run with -update", differ, all)
	}
}

func far(a, b image.Image, x, y int) bool {
	r1, g1, b1, _ := a.At(x, y).RGBA()
	r2, g2, b2, _ := b.At(x, y).RGBA()
	const most = 12 << 8
	return diff(r1, r2) > most || diff(g1, g2) > most || diff(b1, b2) > most
}

func diff(a, b uint32) uint32 { return max(a, b) - min(a, b) }

func TestGapsAreDrawnAsGaps(t *testing.T) {
	p := &Plot{From: start, To: start.Add(time.Hour), Step: time.Minute, Series: []Series{{Points: without(wave(60, 1, 2), 20, 30)}}}
	p.Series[0].Points[40].Value = math.NaN()
	if got := len(p.frame().stretches(p.Series[0], p.Step)); got != 3 {
		t.Errorf("%d stretches, want 3: ten minutes are missing and one point is NaN", got)
	}
}

func TestOnePointIsSeen(t *testing.T) {
	p := &Plot{From: start, To: start.Add(time.Hour), Series: []Series{{Points: []Point{{start.Add(time.Minute), 5}}}}}
	got := p.frame().stretches(p.Series[0], 0)
	if len(got) != 1 || len(got[0]) != 2 || got[0][1].x-got[0][0].x != 2 {
		t.Errorf("one point became %v, want a short dash", got)
	}
}

func TestPictureTooLargeIsRefused(t *testing.T) {
	p := &Plot{Width: 100000, Height: 100000}
	if err := p.PNG(io.Discard); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("error is %v", err)
	}
}

func FuzzSVGStaysWellFormed(f *testing.F) {
	f.Add("</title><script>", "\x00\xff]]>", 1.0, 2.0)
	f.Add("", "&amp;", math.Inf(1), math.NaN())
	f.Add("x", "y", -1e308, 1e308)
	f.Fuzz(func(t *testing.T, title, name string, a, b float64) {
		p := &Plot{
			Title: title, Why: name, From: start, To: start.Add(time.Hour),
			Series: []Series{{Name: name, Points: []Point{{start, a}, {start.Add(time.Minute), b}}}},
			Bands:  []Band{{From: start, Label: title}},
		}
		for _, write := range []func(io.Writer) error{p.SVG, p.SVGFile} {
			var out bytes.Buffer
			if err := write(&out); err != nil {
				t.Fatal(err)
			}
			wellFormed(t, out.Bytes())
		}
	})
}

// wellFormed fails on XML that a browser could read otherwise than it was meant.
func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	known := map[string]bool{"svg": true, "title": true, "desc": true, "path": true, "text": true}
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if element, ok := token.(xml.StartElement); ok && !known[element.Name.Local] {
			t.Fatalf("element <%s> in\n%s", element.Name.Local, svg)
		}
	}
}

func BenchmarkSVG(b *testing.B) { benchmark(b, (*Plot).SVG) }
func BenchmarkPNG(b *testing.B) { benchmark(b, (*Plot).PNG) }

func benchmark(b *testing.B, write func(*Plot, io.Writer) error) {
	p := plots()["incident"]
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		if err := write(p, &out); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(out.Len()))
	}
}
