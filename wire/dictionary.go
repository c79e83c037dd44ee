package wire

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/dialtone/dialtone"
)

// A dictionary gives each series a number, in the order of definition. Its bytes:
//
//	byte     1: forget everything before this, 0: goes on
//	uvarint  number of series
//	then for each: name, uvarint number of labels, then name and value of each; a text is a uvarint length and its bytes
const (
	dictGoesOn byte = iota
	dictAfresh
)

// seriesOverhead is what a series costs a decoder beside its text, in bytes; it is counted against MaxDictionary.
const seriesOverhead = 96

// CheckSeries says why a series cannot be sent: a name or label that is empty, too long or not UTF-8, or labels that
// are not sorted and unique. The zero answer is nil: it can.
func CheckSeries(name string, labels []dialtone.Label) error {
	if err := checkText("name of a metric", name, 1, MaxName); err != nil {
		return err
	}
	if len(labels) > MaxLabels {
		return corrupt("%s has %d labels, at most %d are allowed", name, len(labels), MaxLabels)
	}
	last := ""
	for _, l := range labels {
		if err := checkText("name of a label", l.Name, 1, MaxName); err != nil {
			return err
		}
		if err := checkText("value of a label", l.Value, 0, MaxValue); err != nil {
			return err
		}
		if l.Name <= last || l.Name == "__name__" {
			return corrupt("labels of %s: %q after %q (sorted, unique and without __name__ are allowed)", name, l.Name, last)
		}
		last = l.Name
	}
	return nil
}

func checkText(what, s string, least, most int) error {
	if len(s) < least || len(s) > most {
		return corrupt("%s of %d bytes, %d to %d are allowed", what, len(s), least, most)
	}
	if !utf8.ValidString(s) {
		return corrupt("%s %q is not UTF-8", what, s)
	}
	return nil
}

// column is what both sides remember of one series between batches.
type column struct{ bits uint64 }

// numbers is the encoder's side of a dictionary.
type numbers struct {
	ids     map[string]uint32
	columns []column
	size    int
	key     []byte // reused
	fresh   []byte // definitions since the last take
	added   int
	afresh  bool
}

func newNumbers() numbers { return numbers{ids: make(map[string]uint32), afresh: true} }

// of returns the number of a series, defining it when it is new.
func (n *numbers) of(s *dialtone.Sample) uint32 {
	n.key = appendSeries(n.key[:0], s)
	if id, ok := n.ids[string(n.key)]; ok {
		return id
	}
	id := uint32(len(n.columns))
	n.ids[string(n.key)] = id
	n.columns = append(n.columns, column{})
	n.size += len(n.key) + seriesOverhead
	n.fresh = append(n.fresh, n.key...)
	n.added++
	return id
}

// take returns the definitions since the last take as a dictionary, nil when there are none.
func (n *numbers) take() []byte {
	if n.added == 0 {
		return nil
	}
	mark := dictGoesOn
	if n.afresh {
		mark = dictAfresh
	}
	dict := append(make([]byte, 0, len(n.fresh)+8), mark)
	dict = binary.AppendUvarint(dict, uint64(n.added))
	dict = append(dict, n.fresh...)
	n.fresh, n.added, n.afresh = n.fresh[:0], 0, false
	return dict
}

func (n *numbers) full(more int) bool {
	return len(n.columns)+more > MaxSeries || n.size > MaxDictionary/2
}

func appendSeries(dst []byte, s *dialtone.Sample) []byte {
	dst = appendText(dst, s.Name)
	dst = binary.AppendUvarint(dst, uint64(len(s.Labels)))
	for _, l := range s.Labels {
		dst = appendText(appendText(dst, l.Name), l.Value)
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// series is the decoder's side of one series. Its labels are shared by every sample that is decoded of it.
type series struct {
	column
	name   string
	labels []dialtone.Label
}

// book is the decoder's side of a dictionary.
type book struct {
	series []series
	size   int
}

// add reads a dictionary. After an error the book is not to be used.
func (b *book) add(dict []byte) error {
	c := cursor{rest: dict}
	if mark := c.byte(); mark == dictAfresh {
		*b = book{}
	} else if mark != dictGoesOn {
		c.fail("dictionary begins with %d", mark)
	}
	for n := c.count("series", MaxSeries-len(b.series)); n > 0 && c.err == nil; n-- {
		s, size, err := readSeries(&c)
		if err != nil {
			return err
		}
		if b.size += size + seriesOverhead; b.size > MaxDictionary {
			return fmt.Errorf("dictionary is over the limit of %d bytes: %w", MaxDictionary, ErrCorrupt)
		}
		b.series = append(b.series, s)
	}
	return c.end()
}

func readSeries(c *cursor) (series, int, error) {
	before := len(c.rest)
	s := series{name: string(c.bytes(uint64(c.count("bytes of name", MaxName))))}
	if n := c.count("labels", MaxLabels); n > 0 {
		s.labels = make([]dialtone.Label, n)
	}
	for i := range s.labels {
		s.labels[i].Name = string(c.bytes(uint64(c.count("bytes of label name", MaxName))))
		s.labels[i].Value = string(c.bytes(uint64(c.count("bytes of label value", MaxValue))))
	}
	if c.err != nil {
		return s, 0, c.err
	}
	size := before - len(c.rest) + 32*len(s.labels)
	return s, size, CheckSeries(s.name, s.labels)
}
