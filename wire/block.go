package wire

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A block is what waits in an agent's spool: batches with a dictionary of their own, so that it can be read whatever
// else was lost. It is packed once, when it is written, and sent as it lies there. Its bytes:
//
//	uint32  CRC-32C over the rest, big-endian
//	byte    1: the rest is zstd, 0: it is not
//	then for each batch: uvarint length and dictionary (0: none), uvarint length and batch, as of [Encoder]
const (
	blockPlain byte = iota
	blockPacked
)

// EncodeBlock returns batches as a block. More than fits into a frame is an error.
func EncodeBlock(batches []Batch) ([]byte, error) {
	enc := NewEncoder()
	var body []byte
	for _, b := range batches {
		dict, batch, err := enc.Encode(b)
		if err != nil {
			return nil, err
		}
		body = append(binary.AppendUvarint(body, uint64(len(dict))), dict...)
		body = append(binary.AppendUvarint(body, uint64(len(batch))), batch...)
	}
	if len(body) > MaxFrame/2 {
		return nil, fmt.Errorf("block of %d bytes is over the limit of %d", len(body), MaxFrame/2)
	}
	mark := blockPlain
	if small, ok := pack(body); ok {
		mark, body = blockPacked, small
	}
	block := append(make([]byte, crcSize, crcSize+1+len(body)), mark)
	block = append(block, body...)
	binary.BigEndian.PutUint32(block, crc32.Checksum(block[crcSize:], castagnoli))
	return block, nil
}

// CheckBlock says whether a block is as it was written.
func CheckBlock(block []byte) error {
	if len(block) < crcSize+1 {
		return corrupt("block of %d bytes", len(block))
	}
	if crc32.Checksum(block[crcSize:], castagnoli) != binary.BigEndian.Uint32(block) {
		return corrupt("checksum of a block of %d bytes differs", len(block))
	}
	return nil
}

// DecodeBlock hands the batches of a block to each, one at a time. It stops at the first error, its own or that of each.
func DecodeBlock(block []byte, each func(Batch) error) error {
	if err := CheckBlock(block); err != nil {
		return err
	}
	body := block[crcSize+1:]
	if block[crcSize] == blockPacked {
		var err error
		if body, err = unpack(nil, body); err != nil {
			return fmt.Errorf("unpacking block: %w", err)
		}
	}
	c, dec := cursor{rest: body}, Decoder{}
	for len(c.rest) > 0 {
		dict := c.bytes(c.uvarint())
		batch := c.bytes(c.uvarint())
		if c.err != nil {
			return c.err
		}
		if err := dec.next(dict, batch, each); err != nil {
			return err
		}
	}
	return c.err
}

func (d *Decoder) next(dict, batch []byte, each func(Batch) error) error {
	if len(dict) > 0 {
		if err := d.Dict(dict); err != nil {
			return err
		}
	}
	b, err := d.Batch(batch)
	if err != nil {
		return err
	}
	return each(b)
}

// AppendSamples appends a samples frame: a batch of the connection's encoder for one run.
func AppendSamples(dst []byte, run int, batch []byte) ([]byte, error) {
	return AppendFrame(dst, TypeSamples, append(binary.AppendUvarint(make([]byte, 0, len(batch)+2), uint64(run)), batch...))
}

// AppendBlock appends a block frame for one run; last is the number of the block's last batch.
func AppendBlock(dst []byte, run int, last uint64, block []byte) ([]byte, error) {
	body := binary.AppendUvarint(make([]byte, 0, len(block)+12), uint64(run))
	body = binary.AppendUvarint(body, last)
	return AppendFrame(dst, TypeBlock, append(body, block...))
}

// SamplesBody splits a samples frame into its run and its batch.
func SamplesBody(body []byte) (run int, batch []byte, err error) {
	c := cursor{rest: body}
	run = c.count("as place of a run", MaxRuns-1)
	return run, c.rest, c.err
}

// BlockBody splits a block frame into its run, the number of its last batch, and the block.
func BlockBody(body []byte) (run int, last uint64, block []byte, err error) {
	c := cursor{rest: body}
	run, last = c.count("as place of a run", MaxRuns-1), c.uvarint()
	return run, last, c.rest, c.err
}
