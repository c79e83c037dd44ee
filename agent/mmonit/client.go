package mmonit

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/agent/statusdoc"
	"github.com/dialtone/dialtone/checks/protocols"
	"github.com/dialtone/dialtone/control"
)

const maxAnswer = 64 << 10 // of an answer, which says nothing beyond its status

// client speaks to one M/Monit.
type client struct {
	made    control.MMonit // what it was made of
	http    *http.Client
	version string
	gzips   bool // the last answer came from one that reads gzip
}

// client returns the client of a statement; one that a reload has changed is made anew.
func (p *Poster) client(to *control.MMonit) (*client, error) {
	if c := p.clients[to.URL]; c != nil && c.made.TLS == to.TLS && c.made.Timeout == to.Timeout {
		return c, nil
	}
	at, err := url.Parse(to.URL)
	if err != nil {
		return nil, err
	}
	options := to.TLS
	if options == nil {
		options = p.cfg.File().Settings.TLS
	}
	port, _ := strconv.Atoi(at.Port()) // for messages; empty where the scheme says it
	config, err := protocols.ClientTLS(options, at.Hostname(), port)
	if err != nil {
		return nil, err
	}
	if old := p.clients[to.URL]; old != nil {
		old.close()
	}
	timeout := to.Timeout
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	c := &client{made: *to, version: p.cfg.Version, http: &http.Client{
		Timeout:       timeout,
		Transport:     &http.Transport{TLSClientConfig: config, MaxIdleConns: 1, IdleConnTimeout: time.Minute, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the password goes nowhere else
	}}
	p.clients[to.URL] = c
	return c, nil
}

func (c *client) close() { c.http.CloseIdleConnections() }

// post sends one document. Anything but a 2xx answer says that it was not taken.
func (c *client) post(ctx context.Context, to *control.MMonit, doc statusdoc.Doc, e *statusdoc.Event) error {
	var body bytes.Buffer
	if err := c.write(&body, doc, e); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "text/xml")
	req.Header.Set("User-Agent", "dialtone/"+c.version)
	if c.gzips {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if to.Username != "" {
		req.SetBasicAuth(to.Username, to.Password.Reveal())
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return plainly(err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // so that the connection can be used again
	_ = answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return fmt.Errorf("it does not know user name and password of set mmonit (%s)", answer.Status)
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return fmt.Errorf("it answers %s", answer.Status)
	}
	c.gzips = readsGzip(answer.Header.Get("Server"))
	return nil
}

func (c *client) write(to *bytes.Buffer, doc statusdoc.Doc, e *statusdoc.Event) error {
	if !c.gzips {
		return statusdoc.WritePost(to, doc, e)
	}
	z := gzip.NewWriter(to)
	return errors.Join(statusdoc.WritePost(z, doc, e), z.Close())
}

// readsGzip: M/Monit says in its answers who it is, and reads gzip from version 3.6 on.
func readsGzip(server string) bool {
	name, version, _ := strings.Cut(strings.ToLower(server), "/")
	if name != "mmonit" {
		return false
	}
	majorText, rest, _ := strings.Cut(version, ".")
	minorText, _, _ := strings.Cut(rest, ".")
	major, errMajor := strconv.Atoi(majorText)
	minor, errMinor := strconv.Atoi(minorText)
	return errMajor == nil && errMinor == nil && (major > 3 || major == 3 && minor >= 6)
}

// plainly leaves out what net/http says around a fault: whoever reads it knows the URL.
func plainly(err error) error {
	if wrapped, is := errors.AsType[*url.Error](err); is {
		if wrapped.Timeout() {
			return errors.New("it does not answer in time")
		}
		return wrapped.Err
	}
	return err
}
