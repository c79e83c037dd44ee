package door

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	caLife    = 10 * 365 * 24 * time.Hour
	leafLife  = 397 * 24 * time.Hour // the longest that browsers accept
	renewLeft = 30 * 24 * time.Hour
)

// secure puts TLS in front of the listener, and a password where strangers can reach it.
func (d *Door) secure(host string) error {
	cert, err := d.certificate(host)
	if err != nil {
		return err
	}
	if !d.loopback {
		if d.password, err = Secret(passwordFile(d.cfg.Dir)); err != nil {
			return fmt.Errorf("making the password: %w", err)
		}
	}
	d.listener = tls.NewListener(d.listener, &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{cert},
		NextProtos:   []string{"http/1.1"}, // the agents' stream upgrades the connection, which HTTP/2 cannot
	})
	return nil
}

func (d *Door) certificate(host string) (tls.Certificate, error) {
	if d.cfg.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(d.cfg.CertFile, d.cfg.KeyFile)
		if err != nil {
			return cert, fmt.Errorf("reading the certificate %s and its key: %w", d.cfg.CertFile, err)
		}
		return cert, nil
	}
	dir := filepath.Join(d.cfg.Dir, "tls")
	d.caFile = filepath.Join(dir, "ca.pem")
	cert, err := ownCertificate(dir, host, time.Now())
	if err != nil {
		return cert, fmt.Errorf("making a certificate in %s: %w", dir, err)
	}
	return cert, nil
}

// ownCertificate reads or makes the collector's certificate and the authority that agents pin. The authority stays the same for
// years; the certificate is made anew when it is about to end or does not name this host.
func ownCertificate(dir, host string, now time.Time) (tls.Certificate, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tls.Certificate{}, err
	}
	ca, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key"))
	if errors.Is(err, fs.ErrNotExist) {
		ca, err = makePair(dir, "ca", authority(now), nil)
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := tls.LoadX509KeyPair(filepath.Join(dir, "collector.pem"), filepath.Join(dir, "collector.key"))
	if err == nil && now.Add(renewLeft).Before(leaf.Leaf.NotAfter) && covers(leaf.Leaf, host) {
		return leaf, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tls.Certificate{}, err
	}
	return makePair(dir, "collector", server(now, host), &ca)
}

func covers(leaf *x509.Certificate, host string) bool {
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = machineName()
	}
	return leaf.VerifyHostname(host) == nil
}

func authority(now time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: "dialtone collector authority"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
	}
}

func server(now time.Time, host string) *x509.Certificate {
	c := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "dialtone collector"},
		NotBefore:   now.Add(-time.Hour),
		NotAfter:    now.Add(leafLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", machineName()},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if ip := net.ParseIP(host); ip == nil {
		c.DNSNames = append(c.DNSNames, host)
	} else if !ip.IsUnspecified() {
		c.IPAddresses = append(c.IPAddresses, ip)
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return c
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() {
			c.IPAddresses = append(c.IPAddresses, n.IP)
		}
	}
	return c
}

// makePair signs template (by itself where signer is nil) and writes NAME.pem and NAME.key.
func makePair(dir, name string, template *x509.Certificate, signer *tls.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return tls.Certificate{}, err
	}
	parent, parentKey := template, any(key)
	if signer != nil {
		parent, parentKey = signer.Leaf, signer.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	if err := writeWhole(filepath.Join(dir, name+".key"), keyPEM, 0o600); err != nil {
		return tls.Certificate{}, err
	}
	if err := writeWhole(filepath.Join(dir, name+".pem"), certPEM, 0o644); err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

func passwordFile(dir string) string { return filepath.Join(dir, "password") }

// Secret returns the secret in the file, or makes one of at least 128 random bits and writes it there, readable by the owner alone.
// A file that others can read is refused, with the command that mends it.
func Secret(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret := rand.Text()
		return secret, writeWhole(path, []byte(secret+"\n"), 0o600)
	}
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others; run: chmod 600 %s", path, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", fmt.Errorf("%s is empty; remove it and a new one is made", path)
	}
	return secret, nil
}

// writeWhole writes a file so that a reader, or a crash, sees all of it or none.
func writeWhole(path string, data []byte, mode os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return os.Rename(tmp.Name(), path)
}
