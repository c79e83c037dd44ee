package wire

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// How a value is written, as two bits.
const (
	tagSame  byte = iota // the same bits as before: nothing follows
	tagInt               // both are integers: varint difference
	tagMilli             // a thousandth is the finest digit: varint difference in thousandths
	tagXor               // the bits that changed: a byte (zero bytes in front <<4 | bytes that follow), then those bytes
)

// exact is the largest magnitude up to which every integer is a float64.
const exact = 1 << 53

// encode appends v to dst as its difference from the value before, and returns its tag. The form is chosen by trying
// whether it gives back every bit, so that -0, the payload of a NaN and infinities arrive as they were.
func (c *column) encode(dst []byte, v float64) (byte, []byte) {
	was, now := math.Float64frombits(c.bits), math.Float64bits(v)
	if now == c.bits {
		return tagSame, dst
	}
	before := c.bits
	c.bits = now
	if a, ok := whole(was); ok {
		if b, ok := whole(v); ok && math.Float64bits(float64(b)) == now {
			return tagInt, binary.AppendVarint(dst, b-a)
		}
	}
	if a, ok := nearest(was); ok {
		if b, ok := nearest(v); ok && math.Float64bits(float64(b)/1000) == now {
			return tagMilli, binary.AppendVarint(dst, b-a)
		}
	}
	return tagXor, appendXor(dst, before^now)
}

// decode reads a value with its tag.
func (c *column) decode(in *cursor, tag byte) float64 {
	was := math.Float64frombits(c.bits)
	switch tag {
	case tagInt:
		a, ok := whole(was)
		if !ok {
			in.fail("integer difference from %v", was)
		}
		c.bits = math.Float64bits(float64(a + in.varint()))
	case tagMilli:
		a, ok := nearest(was)
		if !ok {
			in.fail("difference in thousandths from %v", was)
		}
		c.bits = math.Float64bits(float64(a+in.varint()) / 1000)
	case tagXor:
		c.bits ^= readXor(in)
	}
	return math.Float64frombits(c.bits)
}

// whole returns v when it is an integer small enough to be exact.
func whole(v float64) (int64, bool) {
	if v != math.Trunc(v) || math.Abs(v) > exact {
		return 0, false
	}
	return int64(v), true
}

// nearest returns v in thousandths, rounded, when that is small enough to be exact. The explicit conversion keeps the
// product from being fused with anything, so that both sides round alike on every processor.
func nearest(v float64) (int64, bool) { return whole(math.Round(float64(v * 1000))) }

func appendXor(dst []byte, x uint64) []byte {
	front := bits.LeadingZeros64(x) / 8
	n := 8 - front - bits.TrailingZeros64(x)/8
	dst = append(dst, byte(front<<4|n))
	for i := range n {
		dst = append(dst, byte(x>>(56-8*(front+i))))
	}
	return dst
}

func readXor(in *cursor) uint64 {
	head := in.byte()
	front, n := int(head>>4), int(head&15)
	if n == 0 || front+n > 8 {
		in.fail("xor of %d bytes after %d", n, front)
		return 0
	}
	var x uint64
	for i, b := range in.bytes(uint64(n)) {
		x |= uint64(b) << (56 - 8*(front+i))
	}
	return x
}
