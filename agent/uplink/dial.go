package uplink

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/dialtone/dialtone/wire"
)

// target is where the collector is, checked.
type target struct {
	url  *url.URL
	addr string
	tls  *tls.Config // nil: plain, to a loopback address only
}

// deniedError is an answer that trying again soon does not change: a person must act first.
type deniedError struct{ why string }

func (e *deniedError) Error() string { return e.why }

func parseTarget(text, caFile string) (target, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return target{}, fmt.Errorf("collector address %q is not of the form https://host:port", text)
	}
	port := u.Port()
	switch u.Scheme {
	case "https":
		if port == "" {
			port = "443"
		}
		conf, err := tlsConfig(u.Hostname(), caFile)
		return target{url: u, addr: net.JoinHostPort(u.Hostname(), port), tls: conf}, err
	case "http":
		if port == "" {
			port = "80"
		}
		if !loopback(u.Hostname()) {
			return target{}, fmt.Errorf("collector address %q: plain http would show the token to the network; use https, http is for loopback addresses", text)
		}
		return target{url: u, addr: net.JoinHostPort(u.Hostname(), port)}, nil
	}
	return target{}, fmt.Errorf("collector address %q begins neither with https:// nor with http://", text)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func tlsConfig(host, caFile string) (*tls.Config, error) {
	conf := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if caFile == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("reading the collector's certificate authority: %w", err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", caFile)
	}
	return conf, nil
}

// token returns what to show. A token file that anybody may read is refused: the token would be everybody's.
func (u *Uplink) token() (string, error) {
	if u.cfg.TokenFile == "" {
		return u.cfg.Token, nil
	}
	info, err := os.Stat(u.cfg.TokenFile)
	if err != nil {
		return "", fmt.Errorf("reading token: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		return "", &deniedError{fmt.Sprintf("token file %s has mode %04o, so that others can read or change it: run chmod 0600 %[1]s", u.cfg.TokenFile, mode)}
	}
	text, err := os.ReadFile(u.cfg.TokenFile)
	if err != nil {
		return "", fmt.Errorf("reading token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", &deniedError{fmt.Sprintf("token file %s holds no token (one line of printable characters)", u.cfg.TokenFile)}
	}
	return token, nil
}

// dial connects and asks for the stream. The reader holds what came with the answer.
func (u *Uplink) dial(ctx context.Context) (net.Conn, *bufio.Reader, error) {
	token, err := u.token()
	if err != nil {
		return nil, nil, err
	}
	conn, err := u.connect(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting: %w", err)
	}
	r, err := u.upgrade(conn, token)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, r, nil
}

func (u *Uplink) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, u.timing.dial)
	defer cancel()
	dialer := &net.Dialer{KeepAlive: 30 * time.Second}
	if u.target.tls != nil {
		conn, err := (&tls.Dialer{NetDialer: dialer, Config: u.target.tls}).DialContext(ctx, "tcp", u.target.addr)
		return conn, u.advised(err)
	}
	conn, err := dialer.DialContext(ctx, "tcp", u.target.addr)
	if err != nil {
		return nil, err
	}
	if at, ok := conn.RemoteAddr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		err := &deniedError{fmt.Sprintf("%s is %s, which is not this machine: use https", u.target.addr, conn.RemoteAddr())}
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// advised adds to an error what mends it, where that is in the control file.
func (u *Uplink) advised(err error) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		return err
	}
	if u.cfg.CAFile != "" {
		return fmt.Errorf("%w; the authority in %s did not sign it: copy the collector's ca.pem there", err, u.cfg.CAFile)
	}
	return fmt.Errorf("%w; name the collector's authority in the control file: set collector %s with token file … ca file PATH", err, u.cfg.URL)
}

// upgrade asks for the stream (RFC 9110, 7.8).
func (u *Uplink) upgrade(conn net.Conn, token string) (*bufio.Reader, error) {
	if err := conn.SetDeadline(time.Now().Add(u.timing.dial)); err != nil {
		return nil, err
	}
	at := &url.URL{Scheme: u.target.url.Scheme, Host: u.target.url.Host, Path: strings.TrimRight(u.target.url.Path, "/") + wire.Path}
	req := &http.Request{Method: http.MethodGet, URL: at, Host: u.target.url.Host, Header: http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {wire.Protocol}, "Authorization": {"Bearer " + token}, "User-Agent": {"dialtone-agent/" + u.cfg.Version},
	}}
	if err := req.Write(conn); err != nil {
		return nil, fmt.Errorf("asking for the stream: %w", err)
	}
	r := bufio.NewReaderSize(conn, 4<<10)
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, fmt.Errorf("asking for the stream: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols && strings.EqualFold(resp.Header.Get("Upgrade"), wire.Protocol) {
		return r, nil
	}
	why, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
	return nil, answered(resp, strings.TrimSpace(string(why)))
}

// answered is what an answer other than the stream means.
func answered(resp *http.Response, why string) error {
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return &deniedError{"the collector refused the token: " + why}
	case code == http.StatusUpgradeRequired:
		return &deniedError{"the collector speaks another version of the stream: " + why}
	case code >= http.StatusInternalServerError:
		return fmt.Errorf("the collector takes nobody at present: %s: %.100q", resp.Status, why)
	}
	return &deniedError{fmt.Sprintf("what answers at the collector's address is no collector: %s: %.100q", resp.Status, why)}
}
