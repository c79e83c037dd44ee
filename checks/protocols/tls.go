package protocols

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/dialtone/dialtone/control"
)

// upgrade makes TLS of a connection that is in clear text, as the test's options want it; a test without options gets the defaults:
// TLS 1.2 or later, a certificate that chains to this machine's roots, names the host that was asked, and is not out of date. When it
// fails the connection is closed. Its errors are sentences, but for time-outs and broken connections.
func upgrade(ctx context.Context, conn net.Conn, t Target) (net.Conn, error) {
	options := t.TLS
	if options == nil {
		options = &control.TLS{}
	}
	config, err := clientConfig(options, t)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(handshakeFault(err, t), conn.Close())
	}
	return secure, nil
}

// clientConfig leaves the certificate to judgeCertificate, which knows options that crypto/tls has not.
func clientConfig(o *control.TLS, t Target) (*tls.Config, error) {
	v := versions[o.Version]
	config := &tls.Config{
		ServerName: serverName(t), MinVersion: v.least, MaxVersion: v.most, CipherSuites: cipherSuites(o.Ciphers),
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection verifies
	}
	roots, err := rootsOf(o)
	if err != nil {
		return nil, tell("the CA certificates for %s cannot be read: %v", t, err)
	}
	config.VerifyConnection = func(s tls.ConnectionState) error {
		return judgeCertificate(s.PeerCertificates, o, roots, config.ServerName, t)
	}
	if o.ClientPEM == "" {
		return config, nil
	}
	own, err := tls.LoadX509KeyPair(o.ClientPEM, o.ClientPEM)
	if err != nil {
		return nil, tell("the client certificate for %s cannot be used: %v", t, err)
	}
	config.Certificates = []tls.Certificate{own}
	return config, nil
}

// serverName is whom the certificate must name: the Host header of an HTTP test, or who was asked.
func serverName(t Target) string { return withoutZone(withoutPort(cmp.Or(hostHeader(t), t.host))) }

// withoutZone drops the interface of fe80::1%eth0, which means nothing to anybody else.
func withoutZone(host string) string {
	host, _, _ = strings.Cut(host, "%")
	return host
}

func withoutPort(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// versions are what may be negotiated. A version that is named is the only one.
var versions = map[string]struct{ least, most uint16 }{
	"":       {least: tls.VersionTLS12},
	"auto":   {least: tls.VersionTLS12},
	"tlsv1":  {tls.VersionTLS10, tls.VersionTLS10},
	"tlsv11": {tls.VersionTLS11, tls.VersionTLS11},
	"tlsv12": {tls.VersionTLS12, tls.VersionTLS12},
	"tlsv13": {tls.VersionTLS13, tls.VersionTLS13},
}

func validateTLS(o *control.TLS) error {
	if o == nil {
		return nil
	}
	if _, known := versions[o.Version]; !known {
		return fmt.Errorf("TLS version %q is not one of auto, tlsv1, tlsv11, tlsv12, tlsv13: older ones are broken", o.Version)
	}
	if o.Checksum != "" && hashOf(o.Checksum) == nil {
		return fmt.Errorf("certificate checksum %q is none of MD5, SHA-1 and SHA-256 (32, 40 or 64 hexadecimal digits)", o.Checksum)
	}
	return nil
}

// handshakeFault says why TLS did not come about.
func handshakeFault(err error, t Target) error {
	if _, is := errors.AsType[told](err); is || timedOut(err) || Distrusts(err) {
		return err
	}
	if record, is := errors.AsType[tls.RecordHeaderError](err); is {
		return tell("%s does not speak TLS: it answered %s", t, quote(record.RecordHeader[:]))
	}
	if broken(err) || errors.Is(err, syscall.ECONNRESET) {
		return tell("%s closed the connection when TLS should have begun", t)
	}
	return tell("TLS with %s did not come about: %v", t, err)
}

// judgeCertificate verifies what the far side showed. A certificate that is pinned by its checksum proves itself: neither its issuer
// nor its name is asked for then.
func judgeCertificate(chain []*x509.Certificate, o *control.TLS, roots *x509.CertPool, name string, t Target) error {
	if len(chain) == 0 {
		return tell("%s showed no certificate", t)
	}
	leaf := chain[0]
	if o.Checksum != "" {
		if got := digest(o.Checksum, leaf.Raw); got != o.Checksum {
			return tell("the certificate of %s is another one: its checksum is %s, wanted %s", t, got, o.Checksum)
		}
	}
	if !o.VerifyOff {
		if err := verify(chain, o, roots, name); err != nil {
			return distrusted(fmt.Sprintf("the certificate of %s is not valid: %s", t, certificateFault(err)))
		}
	}
	if left := time.Until(leaf.NotAfter); o.ValidDays > 0 && left <= time.Duration(o.ValidDays)*24*time.Hour {
		return tell("the certificate of %s ends on %s, in %d days (wanted: more than %d)",
			t, leaf.NotAfter.UTC().Format(time.DateTime), int(left.Hours()/24), o.ValidDays)
	}
	return nil
}

func verify(chain []*x509.Certificate, o *control.TLS, roots *x509.CertPool, name string) error {
	leaf, now := chain[0], time.Now()
	itself := o.SelfSigned && leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil
	if o.Checksum != "" || itself {
		if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
			return x509.CertificateInvalidError{Cert: leaf, Reason: x509.Expired}
		}
		return nil
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: name, CurrentTime: now})
	return err
}

func certificateFault(err error) string {
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil {
		return fmt.Sprintf("it was valid from %s to %s", invalid.Cert.NotBefore.UTC().Format(time.DateTime), invalid.Cert.NotAfter.UTC().Format(time.DateTime))
	}
	return strings.TrimPrefix(err.Error(), "x509: ")
}
