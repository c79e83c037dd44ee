package wire

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/dialtone/dialtone"
)

// Batch is the unit that is numbered and acknowledged: samples of any series and times.
type Batch struct {
	Seq     uint64
	Samples []dialtone.Sample
}

// Encoder writes batches in terms of a dictionary that grows as new series come. Each value is written as its difference
// from the one before of the same series, so both sides must see the same batches in the same order: one Encoder per
// connection. The bytes of a batch:
//
//	uvarint  sequence number
//	varint   time of the first sample, ms, from that of the batch before
//	uvarint  n, the number of samples
//	series   runs that add up to n: varint first number from the one expected, uvarint length; numbers in a run count up
//	times    runs that add up to n: varint ms from the sample before, uvarint length; times in a run are equal
//	tags     2 bits a sample, four to a byte, lowest first
//	values   as their tags say
type Encoder struct {
	numbers numbers
	time    int64
	ids     []uint32 // reused
	values  []byte   // reused
}

// NewEncoder returns an encoder with an empty dictionary.
func NewEncoder() *Encoder { return &Encoder{numbers: newNumbers()} }

// Encode returns the definitions that the batch needs first (nil: none) and the batch. Samples must satisfy
// [CheckSeries] and be at most MaxBatch; times keep their milliseconds, values all their bits. An encoder whose
// dictionary is full starts a new one.
func (e *Encoder) Encode(b Batch) (dict, batch []byte, err error) {
	if len(b.Samples) == 0 || len(b.Samples) > MaxBatch {
		return nil, nil, fmt.Errorf("batch of %d samples, 1 to %d are allowed", len(b.Samples), MaxBatch)
	}
	if e.numbers.full(len(b.Samples)) {
		e.numbers, e.time = newNumbers(), 0
	}
	e.ids = e.ids[:0]
	for i := range b.Samples {
		e.ids = append(e.ids, e.numbers.of(&b.Samples[i]))
	}
	first := b.Samples[0].At.UnixMilli()
	batch = binary.AppendUvarint(make([]byte, 0, 64+3*len(b.Samples)), b.Seq)
	batch = binary.AppendVarint(batch, first-e.time)
	batch = binary.AppendUvarint(batch, uint64(len(b.Samples)))
	batch = appendIDs(batch, e.ids)
	batch = appendTimes(batch, first, b.Samples)
	e.time = first
	return e.numbers.take(), e.appendValues(batch, b.Samples), nil
}

func appendIDs(dst []byte, ids []uint32) []byte {
	expected := uint32(0)
	for len(ids) > 0 {
		n := 1
		for n < len(ids) && ids[n] == ids[0]+uint32(n) {
			n++
		}
		dst = binary.AppendVarint(dst, int64(ids[0])-int64(expected))
		dst = binary.AppendUvarint(dst, uint64(n))
		expected = ids[0] + uint32(n)
		ids = ids[n:]
	}
	return dst
}

func appendTimes(dst []byte, last int64, samples []dialtone.Sample) []byte {
	for i := 0; i < len(samples); {
		at, n := samples[i].At.UnixMilli(), 1
		for i+n < len(samples) && samples[i+n].At.UnixMilli() == at {
			n++
		}
		dst = binary.AppendVarint(dst, at-last)
		dst = binary.AppendUvarint(dst, uint64(n))
		last = at
		i += n
	}
	return dst
}

func (e *Encoder) appendValues(dst []byte, samples []dialtone.Sample) []byte {
	e.values = e.values[:0]
	var tags byte
	for i := range samples {
		col := &e.numbers.columns[e.ids[i]]
		var tag byte
		tag, e.values = col.encode(e.values, samples[i].Value)
		tags |= tag << (2 * (i % 4))
		if i%4 == 3 || i == len(samples)-1 {
			dst, tags = append(dst, tags), 0
		}
	}
	return append(dst, e.values...)
}

// Decoder reads what one [Encoder] wrote, in the same order. After an error it is not to be used.
type Decoder struct {
	book book
	time int64
}

// Dict reads definitions.
func (d *Decoder) Dict(dict []byte) error {
	afresh := len(dict) > 0 && dict[0] == dictAfresh
	if err := d.book.add(dict); err != nil {
		return fmt.Errorf("reading dictionary: %w", err)
	}
	if afresh {
		d.time = 0
	}
	return nil
}

// Batch reads one batch. Samples of one series share their labels, over all batches: they must not be changed.
func (d *Decoder) Batch(body []byte) (Batch, error) {
	c := cursor{rest: body}
	b := Batch{Seq: c.uvarint()}
	first := d.time + c.varint()
	n := c.count("samples", min(MaxBatch, 4*len(c.rest)))
	if c.err == nil && n == 0 {
		c.fail("empty batch")
	}
	if c.err != nil {
		return b, fmt.Errorf("reading batch: %w", c.err)
	}
	d.time = first
	b.Samples = make([]dialtone.Sample, n)
	refs := d.readSeries(&c, b.Samples)
	readTimes(&c, first, b.Samples)
	readValues(&c, refs, b.Samples)
	if err := c.end(); err != nil {
		return Batch{Seq: b.Seq}, fmt.Errorf("reading batch %d: %w", b.Seq, err)
	}
	return b, nil
}

func (d *Decoder) readSeries(c *cursor, samples []dialtone.Sample) []*series {
	refs := make([]*series, 0, len(samples))
	expected := int64(0)
	for len(refs) < len(samples) && c.err == nil {
		first := expected + c.varint()
		n := int64(c.count("series in a run", len(samples)-len(refs)))
		if n == 0 || first < 0 || first > int64(len(d.book.series))-n {
			c.fail("series %d…%d of %d", first, first+n-1, len(d.book.series))
			break
		}
		for i := range n {
			s := &d.book.series[first+i]
			samples[len(refs)].Name, samples[len(refs)].Labels = s.name, s.labels
			refs = append(refs, s)
		}
		expected = first + n
	}
	return refs
}

func readTimes(c *cursor, at int64, samples []dialtone.Sample) {
	for len(samples) > 0 && c.err == nil {
		at += c.varint()
		n := c.count("times in a run", len(samples))
		if n == 0 {
			c.fail("run of no times")
			return
		}
		t := time.UnixMilli(at).UTC()
		for i := range n {
			samples[i].At = t
		}
		samples = samples[n:]
	}
}

func readValues(c *cursor, refs []*series, samples []dialtone.Sample) {
	tags := c.bytes(uint64(len(samples)+3) / 4)
	for i := range samples {
		if c.err != nil {
			return
		}
		samples[i].Value = refs[i].decode(c, tags[i/4]>>(2*(i%4))&3)
	}
}
