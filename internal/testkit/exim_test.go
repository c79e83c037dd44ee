package testkit_test

import (
	"crypto/tls"
	"errors"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

func TestEximTakesMailAndRefusesAsTold(t *testing.T) {
	t.Parallel()
	e := testkit.Exim(t)
	for _, want := range []int{451, 550, 250} {
		e.Answer(t, want)
		err := send(e, e.Password)
		var refused *textproto.Error
		if want == 250 && err != nil || want != 250 && (!errors.As(err, &refused) || refused.Code != want) {
			t.Errorf("told to answer %d: %v", want, err)
		}
	}
	m := e.Wait(t, 1, 30*time.Second)[0]
	if diff := cmp.Diff([]string{"it rings", "<desk@example.test>"}, []string{m.Header.Get("Subject"), m.Header.Get("Return-Path")}); diff != "" {
		t.Errorf("the message (-want +got):\n%s", diff)
	}
	if all := e.Messages(t); len(all) != 1 {
		t.Errorf("%d messages in the mailbox; refused ones must not be there", len(all))
	}
}

func TestEximWantsTheRightPasswordAndTLS(t *testing.T) {
	t.Parallel()
	e := testkit.Exim(t)
	var refused *textproto.Error
	if err := send(e, "guess"); !errors.As(err, &refused) || refused.Code != 535 {
		t.Errorf("a wrong password: %v", err)
	}
	c, err := smtp.Dial(e.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if ok, _ := c.Extension("AUTH"); ok {
		t.Error("it offers AUTH before STARTTLS")
	}
	if err := errors.Join(c.Mail("desk@example.test"), c.Rcpt("oncall@example.test")); err == nil || !strings.Contains(err.Error(), "authentication required") {
		t.Errorf("mail from a stranger: %v", err)
	}
}

// send is a client of the standard library, so that the server is not tested by what it is made to test.
func send(e *testkit.EximServer, password string) error {
	c, err := smtp.Dial(e.Address)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.StartTLS(&tls.Config{ServerName: e.Host, RootCAs: e.Certificate.Pool}); err != nil {
		return err
	}
	if err := c.Auth(smtp.PlainAuth("", e.User, password, e.Host)); err != nil {
		return err
	}
	if err := c.Mail("desk@example.test"); err != nil {
		return err
	}
	if err := c.Rcpt("oncall@example.test"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte("Subject: it rings\r\n\r\nAnd rings.\r\n")); err != nil {
		return err
	}
	return errors.Join(w.Close(), c.Quit())
}
