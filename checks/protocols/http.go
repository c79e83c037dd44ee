package protocols

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"

	"github.com/dialtone/dialtone/control"
)

func init() {
	register(Protocol{
		Name:     "http",
		Doc:      "The far side answers an HTTP/1.1 request with a status below 400, or as the test's status and content want it (RFC 9110). Redirects are not followed.",
		Validate: validateHTTP,
		Speak:    speakHTTP,
	})
}

// Bounds of what an HTTP server may send.
const (
	maxBody    = 1 << 20
	maxInterim = 5 // answers of status 1xx before the real one
)

func validateHTTP(c *control.Connection) error {
	if _, err := regexp.Compile(c.HTTP.Content); err != nil {
		return fmt.Errorf("content %q: %w", c.HTTP.Content, err)
	}
	_, err := request(context.Background(), Target{Connection: c, host: "localhost"})
	return err
}

func speakHTTP(ctx context.Context, conn net.Conn, t Target) error {
	req, err := request(ctx, t)
	if err != nil {
		return tell("the request to %s cannot be written: %v", t, err)
	}
	if err := req.Write(conn); err != nil {
		return err
	}
	answer, err := readAnswer(bufio.NewReader(conn), req, t)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if err := judgeStatus(answer, t); err != nil {
		return err
	}
	return judgeBody(answer, t)
}

// request builds what is sent: one request, after which the connection ends.
func request(ctx context.Context, t Target) (*http.Request, error) {
	method, path := t.HTTP.Method, t.HTTP.Request
	if method == "" {
		method = http.MethodGet
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	authority := t.String()
	if t.UnixSocket != "" {
		authority = "localhost"
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+authority+path, nil)
	if err != nil {
		return nil, fmt.Errorf("request %q: %w", t.HTTP.Request, err)
	}
	if t.HTTP.Host != "" {
		req.Host = t.HTTP.Host
	}
	req.Header.Set("User-Agent", "dialtone")
	req.Header.Set("Accept", "*/*")
	req.Close = true
	return req, nil
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

// judgeBody reads the body, of which the first MiB is what content can match. Also without a wish for content a body that breaks
// off is a failure: the page that callers see breaks off too.
func judgeBody(answer *http.Response, t Target) error {
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err != nil {
		if timedOut(err) {
			return tell("%s answered, but its body of HTTP did not end within %s", t, t.timeout)
		}
		return tell("%s broke its answer off: %v", t, err)
	}
	if t.HTTP.Content == "" {
		return nil
	}
	pattern, err := regexp.Compile(t.HTTP.Content)
	if err != nil {
		return tell("content %q: %v", t.HTTP.Content, err)
	}
	switch found := pattern.Match(body); {
	case !found && !t.HTTP.ContentNot:
		return tell("%s answered without the content %q", t, t.HTTP.Content)
	case found && t.HTTP.ContentNot:
		return tell("%s answered with the content %q", t, t.HTTP.Content)
	}
	return nil
}
