package mail

import (
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"testing"
)

func subjectOf(t *testing.T, m *netmail.Message) string {
	t.Helper()
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Errorf("subject %q: %v", m.Header.Get("Subject"), err)
	}
	return subject
}

func bodyOf(t *testing.T, m *netmail.Message) string {
	t.Helper()
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Errorf("body: %v", err)
	}
	return string(text)
}

func roleOfThisProcess() func() { return nil }
