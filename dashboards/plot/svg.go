package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// SVG writes the graph for a page: no headline, and classes instead of colors, so that the page's style sheet gives both
// themes. Names and titles are escaped; whatever they hold cannot leave their place.
func (p *Plot) SVG(w io.Writer) error {
	return p.writeSVG(w, p.graph(), func(which paint, _ string) string { return `class="` + string(which) + `"` })
}

// SVGFile writes the graph with its headline as a file that stands alone, with the colors of the theme in it.
func (p *Plot) SVGFile(w io.Writer) error {
	d := p.poster()
	back := fill{paper, []spot{{0, 0}, {d.width, 0}, {d.width, d.height}, {0, d.height}}}
	d.shapes = append([]shape{back}, d.shapes...)
	palette := palettes[p.Theme]
	return p.writeSVG(w, d, func(which paint, attribute string) string {
		c := palette[which]
		return fmt.Sprintf(`%s="#%02x%02x%02x" %s-opacity="%s"`, attribute, c.R, c.G, c.B, attribute, number(float64(c.A)/255))
	})
}

// writeSVG writes shapes; asAttributes says how a paint becomes attributes of a fill or a stroke.
func (p *Plot) writeSVG(w io.Writer, d *drawing, asAttributes func(which paint, attribute string) string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 %s %s" font-family="Inter, Helvetica, Arial, sans-serif">`,
		number(d.width), number(d.height))
	fmt.Fprintf(&b, "<title>%s</title>", escape(p.Title))
	if words := p.describe(); words != "" {
		fmt.Fprintf(&b, "<desc>%s</desc>", escape(words))
	}
	for _, s := range d.shapes {
		b.WriteByte('\n')
		switch s := s.(type) {
		case fill:
			fmt.Fprintf(&b, `<path %s d="%sZ"/>`, asAttributes(s.paint, "fill"), path(s.spots))
		case line:
			fmt.Fprintf(&b, `<path %s fill="none" stroke-width="%s"%s d="%s"/>`, asAttributes(s.paint, "stroke"), number(s.width), dashes(s.dash), path(s.spots))
		case text:
			fmt.Fprintf(&b, `<text %s x="%s" y="%s" font-size="%s"%s>%s</text>`,
				asAttributes(s.paint, "fill"), number(s.at.x), number(s.at.y), number(s.size), textStyle(s), escape(s.words))
		}
	}
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}

// describe says in words what the lines show: latest, least and greatest of each.
func (p *Plot) describe() string {
	var all []string
	if p.Why != "" {
		all = append(all, p.Why)
	}
	for _, s := range p.Series {
		if sum := s.Summary(); sum.Count > 0 {
			all = append(all, fmt.Sprintf("%s: %s at the end, between %s and %s.", s.Name, p.Unit.Format(sum.Last), p.Unit.Format(sum.Min), p.Unit.Format(sum.Max)))
		}
	}
	return strings.Join(all, " ")
}

func path(spots []spot) string {
	buf := make([]byte, 0, 12*len(spots))
	for i, at := range spots {
		letter := byte('L')
		if i == 0 {
			letter = 'M'
		}
		buf = append(buf, letter)
		buf = strconv.AppendFloat(buf, round(at.x), 'f', -1, 64)
		buf = append(buf, ' ')
		buf = strconv.AppendFloat(buf, round(at.y), 'f', -1, 64)
	}
	return string(buf)
}

func dashes(length float64) string {
	if length == 0 {
		return ""
	}
	return fmt.Sprintf(` stroke-dasharray="%s"`, number(length))
}

func textStyle(t text) string {
	style := ""
	if t.anchor != "" {
		style = ` text-anchor="` + t.anchor + `"`
	}
	if t.bold {
		style += ` font-weight="600"`
	}
	return style
}

func round(v float64) float64 {
	if v < 0 {
		return float64(int(v*10-0.5)) / 10
	}
	return float64(int(v*10+0.5)) / 10
}

func number(v float64) string { return strconv.FormatFloat(float64(int(v*100+0.5))/100, 'f', -1, 64) }

// escape writes hostile text as XML character data; what XML cannot hold becomes U+FFFD.
func escape(words string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(words)); err != nil {
		return ""
	}
	return b.String()
}
