package plot

import "math"

// outline turns a line into polygons to fill: a box for each piece and a small disc at each joint, all turning the same way so
// that overlaps do not cancel out.
func outline(l line) [][]spot {
	spots := l.spots
	pieces := [][]spot{spots}
	if l.dash > 0 {
		pieces = dashed(spots, l.dash)
	}
	var out [][]spot
	half := l.width / 2
	for _, piece := range pieces {
		for i := 1; i < len(piece); i++ {
			if box := thick(piece[i-1], piece[i], half); box != nil {
				out = append(out, box)
			}
			if i > 1 {
				out = append(out, disc(piece[i-1], half))
			}
		}
	}
	return out
}

// thick is the box around the piece of a line from a to b; nil when they are the same place.
func thick(a, b spot, half float64) []spot {
	dx, dy := b.x-a.x, b.y-a.y
	length := math.Hypot(dx, dy)
	if length == 0 {
		return nil
	}
	nx, ny := -dy/length*half, dx/length*half
	return []spot{{a.x + nx, a.y + ny}, {a.x - nx, a.y - ny}, {b.x - nx, b.y - ny}, {b.x + nx, b.y + ny}}
}

// disc is an octagon that turns the same way as thick's boxes.
func disc(at spot, half float64) []spot {
	const d = math.Sqrt2 / 2
	turns := [8]spot{{1, 0}, {d, d}, {0, 1}, {-d, d}, {-1, 0}, {-d, -d}, {0, -1}, {d, -d}}
	out := make([]spot, len(turns))
	for i, t := range turns {
		out[i] = spot{at.x + t.x*half, at.y + t.y*half}
	}
	return out
}

// dashed cuts a line into dashes of a length with spaces of the same length between.
func dashed(spots []spot, length float64) [][]spot {
	var out [][]spot
	var now []spot
	drawn, left := true, length
	for i := 1; i < len(spots); i++ {
		a, b := spots[i-1], spots[i]
		whole := math.Hypot(b.x-a.x, b.y-a.y)
		if whole == 0 {
			continue
		}
		for done := 0.0; done < whole; {
			part := math.Min(left, whole-done)
			if drawn {
				if len(now) == 0 {
					now = append(now, between(a, b, done/whole))
				}
				now = append(now, between(a, b, (done+part)/whole))
			}
			done += part
			left -= part
			if left <= 1e-9 {
				if drawn {
					out = append(out, now)
				}
				now, drawn, left = nil, !drawn, length
			}
		}
	}
	if len(now) > 1 {
		out = append(out, now)
	}
	return out
}

func between(a, b spot, part float64) spot {
	return spot{a.x + (b.x-a.x)*part, a.y + (b.y-a.y)*part}
}
