package mail

import (
	"bytes"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"time"
)

const maxAddress = 512 // a name and an address (RFC 5321, section 4.5.3.1)

// message is the row as RFC 5322 wants it: one part of plain text, so that it reads the same everywhere, a pager's screen included.
func (r row) message() []byte {
	var b bytes.Buffer
	header := func(name, value string) {
		if value != "" {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	header("From", addresses(r.From))
	header("To", addresses(r.To))
	header("Reply-To", addresses(r.ReplyTo))
	header("Subject", mime.QEncoding.Encode("utf-8", r.Subject))
	header("Date", r.At.Local().Format(time.RFC1123Z))
	header("Message-ID", "<"+r.ID+">")
	if r.Thread != "" {
		header("References", "<"+r.Thread+">")
		header("In-Reply-To", "<"+r.Thread+">")
	}
	header("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	if r.Urgent {
		header("Importance", "high")
	}
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(r.Body, "\r\n", "\n"))) // into memory: never fails
	_ = w.Close()
	return b.Bytes()
}

// addresses is a header of addresses as it is written on the wire: names that are not ASCII are encoded, and nothing begins a line.
func addresses(text string) string {
	text = firstBytes(text, maxAddress)
	parsed, err := netmail.ParseAddress(oneLine(text))
	if err != nil {
		return strings.Map(ascii, oneLine(text)) // root, as monitrc files write it
	}
	if parsed.Name == "" {
		return parsed.Address
	}
	return parsed.String()
}

func ascii(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// addressOf is the address alone, as SMTP takes it.
func addressOf(text string) string {
	text = firstBytes(text, maxAddress)
	if parsed, err := netmail.ParseAddress(oneLine(text)); err == nil {
		return parsed.Address
	}
	return strings.Map(ascii, strings.ReplaceAll(oneLine(text), " ", ""))
}
