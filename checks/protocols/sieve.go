package protocols

import (
	"context"
	"net"
	"regexp"
	"strconv"
	"strings"
)

func init() {
	register(Protocol{
		Name: "sieve", StartTLS: true, Validate: validateLogin, Speak: speakSieve,
		Doc: "A ManageSieve server greets with its capabilities and OK, and tells them again when it is asked (RFC 5804)." +
			" With TLS options and without TLS from the first byte it changes to TLS with STARTTLS; with a username it logs in" +
			" (AUTHENTICATE PLAIN). It ends with LOGOUT.",
	})
}

func speakSieve(ctx context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "ManageSieve")
	capable, final, err := answerOfSieve(k)
	switch {
	case err != nil:
		return err
	case !strings.HasPrefix(final, "OK"):
		return k.unwelcome(final)
	case !capable.has("IMPLEMENTATION"):
		return k.stranger([]byte(final))
	}
	if t.upgrades() {
		capable, err = startTLSofSieve(ctx, k, capable)
	} else {
		err = askSieve(k, "CAPABILITY")
	}
	if err == nil && t.Username != "" {
		err = loginSieve(k, capable)
	}
	if err != nil {
		return err
	}
	k.farewell(ctx, "LOGOUT\r\n")
	return nil
}

// sieveData are the lines of an answer before the last: a name in quotes and perhaps a value.
type sieveData []string

func (d sieveData) has(name string) bool {
	_, found := offered(d, `"`+name+`"`)
	return found
}

// literal is the length of a text that follows a line (RFC 5804 section 4): {12} or {12+}.
var literal = regexp.MustCompile(`\{([0-9]{1,5})\+?\}$`)

// answerOfSieve reads the lines of an answer, up to OK, NO or BYE.
func answerOfSieve(k *talk) (data sieveData, final string, err error) {
	for range mostLines {
		line, err := lineOfSieve(k)
		if err != nil {
			return nil, "", err
		}
		switch word, _, _ := strings.Cut(line, " "); {
		case has([]string{"OK", "NO", "BYE"}, word):
			return data, strings.ToUpper(word) + strings.TrimPrefix(line, word), nil
		case !strings.HasPrefix(line, `"`):
			return nil, "", k.stranger([]byte(line))
		}
		data = append(data, line)
	}
	return nil, "", tell("%s answers without end", k.t)
}

// lineOfSieve reads a line with the literals in it.
func lineOfSieve(k *talk) (string, error) {
	line, err := k.readLine()
	for err == nil && len(line) < longestLine {
		size := literal.FindStringSubmatch(line)
		if size == nil {
			return line, nil
		}
		n, _ := strconv.Atoi(size[1]) // at most five digits
		var text []byte
		if text, err = k.read(min(n, longestLine)); err != nil {
			return "", err
		}
		var rest string
		rest, err = k.readLine()
		line = strings.TrimSuffix(line, size[0]) + quotedString(string(text)) + rest
	}
	return line, err
}

// askSieve sends a command that is no secret; the answer must be OK.
func askSieve(k *talk, command string) error {
	if err := k.send(command + "\r\n"); err != nil {
		return err
	}
	_, final, err := answerOfSieve(k)
	if err == nil && !strings.HasPrefix(final, "OK") {
		return k.refused(command, final)
	}
	return err
}

// startTLSofSieve changes to TLS, after which the server tells its capabilities by itself.
func startTLSofSieve(ctx context.Context, k *talk, capable sieveData) (sieveData, error) {
	if !capable.has("STARTTLS") {
		return nil, k.noTLS("STARTTLS")
	}
	if err := askSieve(k, "STARTTLS"); err != nil {
		return nil, err
	}
	if err := k.upgrade(ctx); err != nil {
		return nil, err
	}
	again, final, err := answerOfSieve(k)
	if err == nil && !strings.HasPrefix(final, "OK") {
		return nil, k.unwelcome(final)
	}
	return again, err
}

func loginSieve(k *talk, capable sieveData) error {
	ways, _ := offered(capable, `"SASL"`)
	if !has(strings.Fields(strings.Trim(strings.Join(ways, " "), `"`)), "PLAIN") {
		return tell("%s offers no login with a password (SASL PLAIN)", k.t)
	}
	if err := k.send(`AUTHENTICATE "PLAIN" ` + quotedString(k.t.saslPlain()) + "\r\n"); err != nil {
		return err
	}
	_, final, err := answerOfSieve(k)
	if err == nil && !strings.HasPrefix(final, "OK") {
		return k.noLogin(final)
	}
	return err
}
