package plot

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// density is the number of picture pixels in a CSS pixel: phones and good screens have two or more.
const density = 2

// PNG writes the graph with its headline as a picture for messages, which cannot show SVG.
func (p *Plot) PNG(w io.Writer) error {
	d := p.poster()
	c, err := newCanvas(d, palettes[p.Theme])
	if err != nil {
		return err
	}
	for _, s := range d.shapes {
		switch s := s.(type) {
		case fill:
			c.polygons(s.paint, [][]spot{s.spots})
		case line:
			c.polygons(s.paint, outline(s))
		case text:
			if err := c.write(s); err != nil {
				return err
			}
		}
	}
	encoder := png.Encoder{CompressionLevel: png.DefaultCompression}
	if err := encoder.Encode(w, c.img); err != nil {
		return fmt.Errorf("writing a graph as PNG: %w", err)
	}
	return nil
}

// canvas is a picture being drawn. The image is a plain *image.RGBA, for which x/image has fast paths.
type canvas struct {
	img     *image.RGBA
	palette map[paint]color.NRGBA
	faces   map[textFace]font.Face
}

type textFace struct {
	size float64
	bold bool
}

func newCanvas(d *drawing, palette map[paint]color.NRGBA) (*canvas, error) {
	const most = 8000 // pixels a side: 256 MB would be drawn for a typing error otherwise
	width, height := int(math.Ceil(d.width*density)), int(math.Ceil(d.height*density))
	if width > most || height > most {
		return nil, fmt.Errorf("a graph of %d x %d pixels is too large; at most %d a side", width, height, most)
	}
	c := &canvas{img: image.NewRGBA(image.Rect(0, 0, width, height)), palette: palette, faces: map[textFace]font.Face{}}
	draw.Draw(c.img, c.img.Bounds(), image.NewUniform(palette[paper]), image.Point{}, draw.Src)
	return c, nil
}

// polygons fills closed outlines together, rasterising only the box around them.
func (c *canvas) polygons(which paint, outlines [][]spot) {
	box := bounds(outlines).Intersect(c.img.Bounds())
	if box.Empty() {
		return
	}
	r := vector.NewRasterizer(box.Dx(), box.Dy())
	ox, oy := float64(box.Min.X), float64(box.Min.Y)
	for _, spots := range outlines {
		for i, at := range spots {
			x, y := float32(at.x*density-ox), float32(at.y*density-oy)
			if i == 0 {
				r.MoveTo(x, y)
				continue
			}
			r.LineTo(x, y)
		}
		r.ClosePath()
	}
	r.Draw(c.img, box, image.NewUniform(c.palette[which]), image.Point{})
}

func bounds(outlines [][]spot) image.Rectangle {
	least, most := spot{math.Inf(1), math.Inf(1)}, spot{math.Inf(-1), math.Inf(-1)}
	for _, spots := range outlines {
		for _, at := range spots {
			least = spot{math.Min(least.x, at.x), math.Min(least.y, at.y)}
			most = spot{math.Max(most.x, at.x), math.Max(most.y, at.y)}
		}
	}
	if least.x > most.x {
		return image.Rectangle{}
	}
	return image.Rect(int(math.Floor(least.x*density)), int(math.Floor(least.y*density)), int(math.Ceil(most.x*density))+1, int(math.Ceil(most.y*density))+1)
}

func (c *canvas) write(t text) error {
	key := textFace{t.size * density, t.bold}
	face := c.faces[key]
	if face == nil {
		var err error
		if face, err = newFace(key.size, key.bold); err != nil {
			return fmt.Errorf("loading the font of graphs: %w", err)
		}
		c.faces[key] = face
	}
	pen := font.Drawer{Dst: c.img, Src: image.NewUniform(c.palette[t.paint]), Face: face}
	x := t.at.x * density
	switch wide := float64(pen.MeasureString(t.words)) / 64; t.anchor {
	case "end":
		x -= wide
	case "middle":
		x -= wide / 2
	}
	pen.Dot = fixed.Point26_6{X: fixed.Int26_6(x * 64), Y: fixed.Int26_6(t.at.y * density * 64)}
	pen.DrawString(t.words)
	return nil
}
