package wire

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// worthPacking is the size from which zstd is tried; below it a dictionary of a few series gains nothing.
const worthPacking = 512

// The encoder is the smallest that zstd offers: an agent shares its machine with the callers. Both are made on first use.
var (
	packer = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	})
	unpacker = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(MaxFrame), zstd.WithDecoderMaxWindow(MaxFrame))
	})
)

// pack returns body as zstd, and whether it became smaller by an eighth at least.
func pack(body []byte) ([]byte, bool) {
	if len(body) < worthPacking {
		return nil, false
	}
	enc, err := packer()
	if err != nil {
		return nil, false
	}
	small := enc.EncodeAll(body, nil)
	return small, len(small) < len(body)-len(body)/8
}

// unpack appends what small unpacks to, at most MaxFrame bytes.
func unpack(dst, small []byte) ([]byte, error) {
	dec, err := unpacker()
	if err != nil {
		return nil, fmt.Errorf("starting zstd: %w", err)
	}
	out, err := dec.DecodeAll(small, dst)
	if err != nil {
		return nil, corrupt("zstd: %v", err)
	}
	return out, nil
}
