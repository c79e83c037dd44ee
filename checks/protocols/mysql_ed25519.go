package protocols

import (
	"crypto/sha512"
	"slices"

	"filippo.io/edwards25519"
)

const clientEd25519 = "client_ed25519"

// proveEd25519 signs the nonce as Ed25519 does (RFC 8032, 5.1.6), with a key that MariaDB makes of a password of any length, which
// crypto/ed25519 does not take.
func proveEd25519(password, nonce []byte) ([]byte, error) {
	key := sha512.Sum512(password)
	secret, err := edwards25519.NewScalar().SetBytesWithClamping(key[:32])
	if err != nil {
		return nil, err
	}
	public := new(edwards25519.Point).ScalarBaseMult(secret).Bytes()
	once, err := scalarOf(key[32:], nonce)
	if err != nil {
		return nil, err
	}
	commitment := new(edwards25519.Point).ScalarBaseMult(once).Bytes()
	challenge, err := scalarOf(commitment, public, nonce)
	if err != nil {
		return nil, err
	}
	return append(commitment, edwards25519.NewScalar().MultiplyAdd(challenge, secret, once).Bytes()...), nil
}

func scalarOf(parts ...[]byte) (*edwards25519.Scalar, error) {
	sum := sha512.Sum512(slices.Concat(parts...))
	return edwards25519.NewScalar().SetUniformBytes(sum[:])
}
