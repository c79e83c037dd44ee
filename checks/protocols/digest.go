package protocols

import (
	"crypto/md5"  //nolint:gosec // Monit's checksums, which people have written down
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// hashOf is the algorithm that a wanted checksum's length tells; nil when it tells none.
func hashOf(want string) hash.Hash {
	if _, err := hex.DecodeString(want); err != nil {
		return nil
	}
	switch len(want) {
	case 2 * md5.Size:
		return md5.New() //nolint:gosec // as above
	case 2 * sha1.Size:
		return sha1.New() //nolint:gosec // as above
	case 2 * sha256.Size:
		return sha256.New()
	}
	return nil
}

// digest is the checksum of data in the algorithm of a wanted checksum, which hashOf knows.
func digest(want string, data []byte) string {
	h := hashOf(want)
	_, _ = h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}
