package plot

import (
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// typeface is one weight: the font, and the width of its ASCII letters in ems, so that measuring needs no lock.
type typeface struct {
	font  *sfnt.Font
	width [128]float64
}

// faces holds the regular and the bold weight. The fonts are compiled in, so a failure to read them is a broken build.
var faces = sync.OnceValue(func() *[2]typeface {
	return &[2]typeface{readFace(goregular.TTF), readFace(gobold.TTF)}
})

func readFace(ttf []byte) typeface {
	parsed, err := sfnt.Parse(ttf)
	if err != nil {
		return typeface{}
	}
	t := typeface{font: parsed}
	var buf sfnt.Buffer
	const em = 1000
	for r := range rune(len(t.width)) {
		t.width[r] = otherWidth
		index, err := parsed.GlyphIndex(&buf, r)
		if err != nil {
			continue
		}
		if adv, err := parsed.GlyphAdvance(&buf, index, fixed.I(em), font.HintingNone); err == nil {
			t.width[r] = float64(adv) / 64 / em
		}
	}
	return t
}

// otherWidth is the assumed width, in ems, of letters outside ASCII.
const otherWidth = 0.62

// advance is the width of words in CSS pixels.
func advance(words string, size float64, bold bool) float64 {
	face := &faces()[0]
	if bold {
		face = &faces()[1]
	}
	sum := 0.0
	for _, r := range words {
		if int(r) < len(face.width) {
			sum += face.width[r]
			continue
		}
		sum += otherWidth
	}
	return sum * size
}

// newFace makes a face for one picture; an opentype.Face must not be shared.
func newFace(size float64, bold bool) (font.Face, error) {
	t := &faces()[0]
	if bold {
		t = &faces()[1]
	}
	return opentype.NewFace(t.font, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
}
