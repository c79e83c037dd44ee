package protocols

import (
	"crypto/md5"  //nolint:gosec // Monit's checksums, which people have written down
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"encoding/hex"
)

// digest is the checksum of data in the algorithm that a wanted checksum's length tells; empty when it tells none.
func digest(want string, data []byte) string {
	if _, err := hex.DecodeString(want); err != nil {
		return ""
	}
	switch len(want) {
	case 2 * md5.Size:
		sum := md5.Sum(data) //nolint:gosec // as above
		return hex.EncodeToString(sum[:])
	case 2 * sha1.Size:
		sum := sha1.Sum(data) //nolint:gosec // as above
		return hex.EncodeToString(sum[:])
	case 2 * sha256.Size:
		sum := sha256.Sum256(data)
		return hex.EncodeToString(sum[:])
	}
	return ""
}
