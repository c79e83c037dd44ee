package mail

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// parcel is an order for one message to ada.
func parcel(servers ...*control.MailServer) order {
	r := row{ID: "1@web1", To: "ada@example.com", From: "dialtone@web1.example", Subject: "nginx on web1 is down", Body: "process is not running\n.\nend\n", At: night}
	return order{
		servers: servers, timeout: 5 * time.Second, hostname: "web1.example", to: r.To, messages: [][]byte{r.message()}, from: []string{r.From},
		failed: func(*control.MailServer, error) {}, log: slog.New(slog.DiscardHandler),
	}
}

// exim is how a control file would name exim: STARTTLS that is verified, and a password.
func exim(e *testkit.EximServer) *control.MailServer {
	return &control.MailServer{
		Host: e.Host, Port: e.Port, Username: e.User, Password: control.Secret(e.Password), TLS: &control.TLS{CAFile: e.Certificate.CertFile},
	}
}

func TestMailThroughARealServer(t *testing.T) {
	e := testkit.Exim(t)
	if taken, err := sendSMTP(t.Context(), parcel(exim(e))); taken != 1 || err != nil {
		t.Fatalf("%d taken: %v", taken, err)
	}
	m := e.Wait(t, 1, 30*time.Second)[0]
	if subjectOf(t, m) != "nginx on web1 is down" || m.Header.Get("Message-Id") != "<1@web1>" || m.Header.Get("Return-Path") != "<dialtone@web1.example>" {
		t.Errorf("%v", m.Header)
	}
	if body := bodyOf(t, m); !strings.Contains(body, "process is not running\n.\nend") {
		t.Errorf("%q", body)
	}
}

func TestMailServersThatDoNotTakeIt(t *testing.T) {
	e := testkit.Exim(t)
	for name, c := range map[string]struct {
		change func(*control.MailServer)
		answer int
		want   string
	}{
		"wrong password":       {func(s *control.MailServer) { s.Password = "guess" }, 250, "logging in as dialtone: 535"},
		"stranger's signature": {func(s *control.MailServer) { s.TLS.CAFile = "" }, 250, "certificate"},
		"no mailbox":           {nil, 550, "no such mailbox"},
		"later":                {nil, 451, "try again later"},
		"no password":          {func(s *control.MailServer) { s.Username = "" }, 250, "authentication required"},
		"TLS at once":          {func(s *control.MailServer) { s.TLS.On = true }, 250, "TLS"},
		"dead":                 {func(s *control.MailServer) { s.Port = testkit.FreePort(t) }, 250, "connection refused"},
	} {
		e.Answer(t, c.answer)
		server := exim(e)
		if c.change != nil {
			c.change(server)
		}
		taken, err := sendSMTP(t.Context(), parcel(server))
		if taken != 0 || err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.want)) {
			t.Errorf("%s: %d taken, %v", name, taken, err)
		}
		if err != nil && (strings.Contains(err.Error(), e.Password) || strings.Contains(err.Error(), "guess")) {
			t.Errorf("%s: the error tells the password: %v", name, err)
		}
	}
	if got := len(e.Messages(t)); got != 0 {
		t.Errorf("%d mails arrived", got)
	}
}

func TestTheNextServerTakesWhatADeadAndADeafOneDoNot(t *testing.T) {
	e := testkit.Exim(t)
	dead := &control.MailServer{Host: "127.0.0.1", Port: testkit.FreePort(t)}
	deaf := &control.MailServer{Host: "127.0.0.1", Port: deafServer(t)}
	o := parcel(dead, deaf, exim(e))
	o.timeout = 300 * time.Millisecond
	var bad []int
	o.failed = func(s *control.MailServer, _ error) { bad = append(bad, s.Port) }
	began := time.Now()
	if taken, err := sendSMTP(t.Context(), o); taken != 1 || err != nil {
		t.Fatalf("%d taken: %v", taken, err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if len(bad) != 2 || bad[0] != dead.Port || bad[1] != deaf.Port {
		t.Errorf("told as bad: %v", bad)
	}
	e.Wait(t, 1, 30*time.Second)
}

// deafServer accepts, and never answers.
func deafServer(t *testing.T) (port int) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		done.Wait()
		for _, c := range conns {
			_ = c.Close()
		}
	})
	_, text, _ := net.SplitHostPort(l.Addr().String())
	port, _ = strconv.Atoi(text)
	return port
}

func TestNobodyWaitsForADeafServerWhenTheAgentStops(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	o := parcel(&control.MailServer{Host: "127.0.0.1", Port: deafServer(t)})
	o.timeout = time.Minute
	began := time.Now()
	if _, err := sendSMTP(ctx, o); err == nil || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

// stranger is a mail server of few words, at an address that does not count as this machine. It notes what it is told.
type stranger struct {
	port   int
	offers string // after EHLO
	then   string // the same over TLS; empty: nothing more
	pair   testkit.KeyPair

	mu       sync.Mutex
	said     []string
	messages []string
}

func newStranger(t *testing.T, offers string) *stranger {
	t.Helper()
	s := &stranger{offers: offers, pair: testkit.Certificate(t)}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.2:0")
	if err != nil {
		t.Skipf("127.0.0.2 cannot be had: %v", err)
	}
	_, text, _ := net.SplitHostPort(l.Addr().String())
	s.port, _ = strconv.Atoi(text)
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() { s.serve(conn); _ = conn.Close() })
		}
	})
	t.Cleanup(func() { _ = l.Close(); done.Wait() })
	return s
}

func (s *stranger) serve(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, "220 stranger\r\n")
	r, offers := bufio.NewReader(conn), s.offers
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		s.mu.Lock()
		s.said = append(s.said, line)
		s.mu.Unlock()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		answer := "250 fine"
		switch {
		case verb == "EHLO":
			answer = "250-stranger\r\n250 " + offers
		case verb == "STARTTLS":
			_, _ = io.WriteString(conn, "220 go\r\n")
			if conn, r = s.upgrade(conn); conn == nil {
				return
			}
			offers = cmp.Or(s.then, "8BITMIME")
			continue
		case line == "AUTH LOGIN":
			answer = "334 " + base64.StdEncoding.EncodeToString([]byte("Wer da?"))
		case line == base64.StdEncoding.EncodeToString([]byte("dialtone")):
			answer = "334 " + base64.StdEncoding.EncodeToString([]byte("Und?"))
		case line == base64.StdEncoding.EncodeToString([]byte("secret")):
			answer = "235 welcome"
		case line == base64.StdEncoding.EncodeToString([]byte("guess")):
			answer = "535 no"
		case verb == "DATA":
			_, _ = io.WriteString(conn, "354 go\r\n")
			var text strings.Builder
			for {
				if line, err = r.ReadString('\n'); err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(strings.TrimPrefix(line, "."))
			}
			s.mu.Lock()
			s.messages = append(s.messages, text.String())
			s.mu.Unlock()
		}
		_, _ = io.WriteString(conn, answer+"\r\n")
	}
}

func (s *stranger) upgrade(conn net.Conn) (net.Conn, *bufio.Reader) {
	pair, err := tls.LoadX509KeyPair(s.pair.CertFile, s.pair.KeyFile)
	if err != nil {
		return nil, nil
	}
	secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(context.Background()); err != nil {
		return nil, nil
	}
	return secure, bufio.NewReader(secure)
}

func (s *stranger) heard(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(strings.Join(s.said, "\n"), text)
}

func TestPasswordsGoToNoStranger(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString([]byte("secret"))
	for name, c := range map[string]struct {
		offers string
		server control.MailServer
		want   string // of the error; empty: it is sent
	}{
		"no TLS offered":            {"AUTH LOGIN", control.MailServer{Username: "dialtone"}, "a password is not sent in clear text"},
		"a certificate for another": {"STARTTLS", control.MailServer{Username: "dialtone"}, "certificate"},
		"TLS wanted, none offered":  {"AUTH LOGIN", control.MailServer{TLS: &control.TLS{}}, "offers no STARTTLS"},
		"nothing asked, none":       {"8BITMIME", control.MailServer{}, ""},
		"nothing asked, any TLS":    {"STARTTLS", control.MailServer{}, ""},
		"verification off":          {"STARTTLS", control.MailServer{TLS: &control.TLS{VerifyOff: true}}, ""},
	} {
		s := newStranger(t, c.offers)
		c.server.Host, c.server.Port, c.server.Password = "127.0.0.2", s.port, "secret"
		taken, err := sendSMTP(t.Context(), parcel(&c.server))
		if c.want == "" && (err != nil || taken != 1) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %d taken, %v", name, taken, err)
		}
		if s.heard(secret) {
			t.Errorf("%s: the password was sent", name)
		}
	}
}

func TestLoginAnswersTwoPrompts(t *testing.T) {
	s := newStranger(t, "STARTTLS")
	s.then = "AUTH LOGIN"
	server := &control.MailServer{Host: "127.0.0.2", Port: s.port, Username: "dialtone", Password: "secret", TLS: &control.TLS{VerifyOff: true}}
	if taken, err := sendSMTP(t.Context(), parcel(server)); taken != 1 || err != nil {
		t.Errorf("%d taken: %v", taken, err)
	}
	server.Password = "guess"
	if _, err := sendSMTP(t.Context(), parcel(server)); err == nil || !strings.Contains(err.Error(), "logging in as dialtone: 535") {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestAServerThatNeverStopsTalkingIsLeft(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for err == nil {
			_, err = io.WriteString(conn, strings.Repeat("220-talk", 4096))
		}
	})
	defer done.Wait()
	defer l.Close()
	_, text, _ := net.SplitHostPort(l.Addr().String())
	port, _ := strconv.Atoi(text)
	if _, err := sendSMTP(t.Context(), parcel(&control.MailServer{Host: "127.0.0.1", Port: port})); err == nil || !strings.Contains(err.Error(), "says more than") {
		t.Errorf("%v", err)
	}
}

func TestAServerThatFailedIsLastForAMinute(t *testing.T) {
	file := &control.File{}
	file.Settings.Mail.Servers = []*control.MailServer{{Host: "one"}, {Host: "two"}}
	o := newOffice(Config{File: func() *control.File { return file }}, usual, nil, nil)
	first := o.order(file, "ada@example.com")
	first.failed(first.servers[0], io.EOF)
	if got := o.order(file, "ada@example.com").servers[0].Host; got != "two" {
		t.Errorf("the first choice is %s", got)
	}
	o.bad["one:25"] = time.Now().Add(-time.Second)
	if got := o.order(file, "ada@example.com").servers[0].Host; got != "one" {
		t.Errorf("after a minute the first choice is %s", got)
	}
}

func TestThePortsOfMail(t *testing.T) {
	for _, c := range []struct {
		server   control.MailServer
		port     int
		implicit bool
	}{
		{control.MailServer{}, 25, false},
		{control.MailServer{TLS: &control.TLS{}}, 25, false},
		{control.MailServer{TLS: &control.TLS{On: true}}, 465, true},
		{control.MailServer{Port: 465, TLS: &control.TLS{On: true}}, 465, true},
		{control.MailServer{Port: 587, TLS: &control.TLS{On: true}}, 587, false},
		{control.MailServer{Port: 2525}, 2525, false},
	} {
		if port, now := portOf(&c.server), implicit(&c.server); port != c.port || now != c.implicit {
			t.Errorf("%+v: port %d, implicit %t", c.server, port, now)
		}
	}
}
