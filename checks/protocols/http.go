package protocols

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"net"
	"net/http"
	"regexp"
	"strings"

	"github.com/dialtone/dialtone/control"
)

func init() {
	const doc = "The far side answers an HTTP/1.1 request with a status below 400, or as the test's status, checksum and content want it " +
		"(RFC 9110); redirects are not followed. A username and password are sent as basic authentication (RFC 7617)."
	register(Protocol{Name: "http", Doc: doc, Validate: validateHTTP, Speak: speakHTTP})
	register(Protocol{Name: "https", Doc: "http over TLS from the first byte (RFC 9110). The certificate must name the host, or the one of hostheader.", TLS: true, Validate: validateHTTP, Speak: speakHTTP})
}

// Bounds of what an HTTP server may send.
const (
	longestHead = 256 << 10 // bytes of headers, those of interim answers included
	bodyLooked  = 1 << 20   // bytes of a body that content looks at where `set limits` names no other number
	maxInterim  = 5         // answers of status 1xx before the real one
)

var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") // a token of RFC 9110, section 5.6.2

func validateHTTP(c *control.Connection) error {
	if _, err := regexp.Compile("(?s)" + c.HTTP.Content); err != nil {
		return fmt.Errorf("content %q: %w", c.HTTP.Content, err)
	}
	if c.HTTP.Checksum != "" && hashOf(c.HTTP.Checksum) == nil {
		return fmt.Errorf("checksum %q is none of MD5, SHA-1 and SHA-256 (32, 40 or 64 hexadecimal digits)", c.HTTP.Checksum)
	}
	for _, h := range c.HTTP.Headers {
		if !headerName.MatchString(h.Name) || strings.ContainsAny(h.Value, "\r\n\x00") {
			return fmt.Errorf("http header %q cannot be sent: a name has letters, digits and hyphens, a value no line end", h.Name)
		}
	}
	_, err := request(context.Background(), Target{Connection: c, host: "localhost"})
	return err
}

func speakHTTP(ctx context.Context, conn net.Conn, t Target) error {
	req, err := request(ctx, t)
	if err != nil {
		return tell("the request to %s cannot be written: %v", t, err)
	}
	answer, err := exchange(conn, req, t)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if err := judgeStatus(answer, t); err != nil {
		return err
	}
	return judgeBody(answer, t)
}

// exchange sends a request and reads the head of its answer, whose length is bounded: net/http would read on for as long as headers
// come. The caller closes the body, whose length is for the caller to bound.
func exchange(conn io.ReadWriter, req *http.Request, t Target) (*http.Response, error) {
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	head := &io.LimitedReader{R: conn, N: longestHead}
	answer, err := readAnswer(bufio.NewReader(head), req, t)
	if err != nil && head.N <= 0 {
		return nil, tell("%s sent headers of more than %d bytes", t, longestHead)
	}
	head.N = math.MaxInt64
	return answer, err
}

// request builds what is sent: one request, after which the connection ends.
func request(ctx context.Context, t Target) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, cmp.Or(t.HTTP.Method, http.MethodGet), "http://localhost/"+strings.TrimPrefix(t.HTTP.Request, "/"), nil)
	if err != nil {
		return nil, fmt.Errorf("request %q: %w", t.HTTP.Request, err)
	}
	req.Host = authority(t)
	req.Close = true
	if t.Username != "" {
		req.SetBasicAuth(t.Username, t.Password.Reveal())
	}
	for _, h := range t.HTTP.Headers {
		if !strings.EqualFold(h.Name, "Host") {
			req.Header.Add(h.Name, h.Value)
		}
	}
	for name, value := range map[string]string{"User-Agent": "dialtone", "Accept": "*/*"} {
		if req.Header.Get(name) == "" {
			req.Header.Set(name, value)
		}
	}
	return req, nil
}

// authority is the Host header: what the test names, or who is asked, without a port that goes without saying.
func authority(t Target) string {
	named := hostHeader(t)
	switch {
	case named != "":
		return named
	case t.UnixSocket != "":
		return "localhost"
	case t.Port == 80 && !t.tls || t.Port == 443 && t.tls:
		return strings.TrimSuffix(net.JoinHostPort(t.host, ""), ":") // [::1] for IPv6
	}
	return t.String()
}

// hostHeader is the Host header that the test names; empty: none.
func hostHeader(t Target) string {
	for _, h := range t.HTTP.Headers {
		if strings.EqualFold(h.Name, "Host") {
			return h.Value
		}
	}
	return t.HTTP.Host
}

// readAnswer reads the head of the final answer. What does not begin like HTTP is shown, for it names the server that is there
// instead.
func readAnswer(r *bufio.Reader, req *http.Request, t Target) (*http.Response, error) {
	for range maxInterim {
		start, err := r.Peek(len("HTTP/"))
		if string(start) != "HTTP/" {
			return nil, notHTTP(r, err, t)
		}
		answer, err := http.ReadResponse(r, req)
		if err != nil {
			if timedOut(err) {
				return nil, err
			}
			return nil, tell("%s sent an answer that is not HTTP: %v", t, err)
		}
		if answer.StatusCode >= 200 || answer.StatusCode == http.StatusSwitchingProtocols {
			return answer, nil
		}
	}
	return nil, tell("%s sends interim answers and no final one", t)
}

func notHTTP(r *bufio.Reader, err error, t Target) error {
	said, _ := r.Peek(r.Buffered())
	if len(said) > 0 {
		line, _, _ := strings.Cut(string(said), "\n")
		return tell("%s answered %s, which is not HTTP", t, quote([]byte(strings.TrimRight(line, "\r"))))
	}
	if errors.Is(err, io.EOF) {
		return tell("%s closed the connection without an answer", t)
	}
	return err
}

func judgeStatus(answer *http.Response, t Target) error {
	want := t.HTTP
	if want.StatusOp == "" {
		if answer.StatusCode >= 400 {
			return tell("%s answered HTTP status %s to %s", t, answer.Status, answer.Request.URL.Path)
		}
		return nil
	}
	if want.StatusOp.Holds(float64(answer.StatusCode), float64(want.Status)) {
		return nil
	}
	return tell("%s answered HTTP status %s to %s, wanted status %s %d", t, answer.Status, answer.Request.URL.Path, want.StatusOp, want.Status)
}

// judgeBody reads the body, of whose beginning content is asked and of all of which the checksum is made. Also without a wish for
// either a body that breaks off is a failure: the page that callers see breaks off too.
func judgeBody(answer *http.Response, t Target) error {
	body, sum := io.Reader(answer.Body), hashOf(t.HTTP.Checksum)
	if sum != nil {
		body = io.TeeReader(body, sum)
	}
	var text bytes.Buffer
	start := io.Writer(&text)
	if t.HTTP.Content == "" {
		start = io.Discard
	}
	if err := copyBody(start, body, t); err != nil {
		return err
	}
	if sum != nil {
		if err := judgeChecksum(body, sum, t); err != nil {
			return err
		}
	}
	return judgeContent(text.Bytes(), t)
}

// judgeChecksum reads the rest of a body, whose bytes go by way of sum.
func judgeChecksum(rest io.Reader, sum hash.Hash, t Target) error {
	if _, err := io.Copy(io.Discard, rest); err != nil {
		return bodyFault(err, t)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != t.HTTP.Checksum {
		return tell("%s answered a body whose checksum is %s, wanted %s", t, got, t.HTTP.Checksum)
	}
	return nil
}

// copyBody copies the beginning of a body, as much as tests look at.
func copyBody(to io.Writer, body io.Reader, t Target) error {
	_, err := io.Copy(to, io.LimitReader(body, int64(cmp.Or(t.Buffer, bodyLooked))))
	return bodyFault(err, t)
}

func bodyFault(err error, t Target) error {
	switch {
	case err == nil:
		return nil
	case timedOut(err):
		return tell("%s answered, but its body of HTTP did not end within %s", t, t.timeout)
	}
	return tell("%s broke its answer off: %v", t, err)
}

func judgeContent(text []byte, t Target) error {
	if t.HTTP.Content == "" {
		return nil
	}
	pattern, err := regexp.Compile("(?s)" + t.HTTP.Content)
	if err != nil {
		return tell("content %q: %v", t.HTTP.Content, err)
	}
	switch found := pattern.Match(text); {
	case !found && !t.HTTP.ContentNot:
		return tell("%s answered without the content %q", t, t.HTTP.Content)
	case found && t.HTTP.ContentNot:
		return tell("%s answered with the content %q", t, t.HTTP.Content)
	}
	return nil
}
