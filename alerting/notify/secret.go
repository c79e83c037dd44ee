package notify

import (
	"fmt"
	"os"
	"strings"
)

// Secret names where a secret is: a file of mode 0600, or an environment variable. It never holds the secret, so settings
// can be printed. The zero value is no secret.
type Secret struct{ File, Env string }

// IsZero reports whether no secret is named.
func (s Secret) IsZero() bool { return s == Secret{} }

// Read returns the secret without white space at its ends. It reads anew each time, so a changed file needs no restart.
func (s Secret) Read() (string, error) {
	if s.File == "" {
		return s.fromEnv()
	}
	info, err := os.Stat(s.File)
	if err != nil {
		return "", fmt.Errorf("reading secret: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("reading secret: %s is open to others (mode %#o): chmod 600 %s", s.File, mode, s.File)
	}
	text, err := os.ReadFile(s.File)
	if err != nil {
		return "", fmt.Errorf("reading secret: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", fmt.Errorf("reading secret: %s is empty", s.File)
	}
	return secret, nil
}

func (s Secret) fromEnv() (string, error) {
	secret := strings.TrimSpace(os.Getenv(s.Env))
	if secret == "" {
		return "", fmt.Errorf("reading secret: the environment variable %q is not set", s.Env)
	}
	return secret, nil
}
