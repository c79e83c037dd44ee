package protocols

import "strings"

// mostLines bounds an answer of many lines.
const mostLines = 1000

// reply is an answer of SMTP, FTP and NNTP: three digits for programs and text for people (RFC 5321 section 4.2, RFC 959 section
// 4.2, RFC 3977 section 3.2).
type reply struct {
	code  string
	first string   // the first line as it came
	lines []string // of an answer of many lines, those between the first and the last, and the last: without the code
}

// answer reads a reply whose code must begin with one of want: "220", or "2" for any success. Asked is what it answers, for the
// sentence; empty for a greeting. It must hold no secret.
func (k *talk) answer(asked string, want ...string) (reply, error) {
	r, err := k.reply()
	if err != nil {
		return reply{}, err
	}
	for _, code := range want {
		if strings.HasPrefix(r.code, code) {
			return r, nil
		}
	}
	if asked == "" {
		return r, k.unwelcome(r.first)
	}
	return r, k.refused(asked, r.first)
}

// command sends one line and reads the reply to it, as answer does.
func (k *talk) command(line string, want ...string) (reply, error) {
	if err := k.send(line + "\r\n"); err != nil {
		return reply{}, err
	}
	return k.answer(line, want...)
}

// unwelcome says that the far side speaks the protocol, and serves nobody now.
func (k *talk) unwelcome(line string) error {
	return tell("%s turns %s clients away: it greeted with %s", k.t, k.protocol, quote([]byte(line)))
}

// reply reads one reply, of however many lines.
func (k *talk) reply() (reply, error) {
	line, err := k.readLine()
	if err != nil {
		return reply{}, err
	}
	if !beginsWithCode(line) {
		return reply{}, k.stranger([]byte(line))
	}
	r := reply{code: line[:3], first: line}
	if len(line) == 3 || line[3] == ' ' {
		return r, nil
	}
	for range mostLines {
		line, err := k.readLine()
		if err != nil {
			return reply{}, err
		}
		text, last := strings.CutPrefix(line, r.code+" ")
		r.lines = append(r.lines, strings.TrimPrefix(text, r.code+"-"))
		if last || line == r.code {
			return r, nil
		}
	}
	return reply{}, tell("%s sends an answer without end, which begins with %s", k.t, quote([]byte(r.first)))
}

func beginsWithCode(line string) bool {
	if len(line) < 3 || line[0] < '1' || line[0] > '5' {
		return false
	}
	digits := line[1] >= '0' && line[1] <= '9' && line[2] >= '0' && line[2] <= '9'
	return digits && (len(line) == 3 || line[3] == ' ' || line[3] == '-')
}

// offers looks for a line that begins with a word, in any case, and returns the words behind it: AUTH PLAIN LOGIN.
func (r reply) offers(word string) (params []string, found bool) { return offered(r.lines, word) }

func offered(lines []string, word string) (params []string, found bool) {
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) > 0 && strings.EqualFold(words[0], word) {
			return words[1:], true
		}
	}
	return nil, false
}

// listed reads the lines of a list that ends with a dot alone (RFC 3977 section 3.1.1, RFC 1939 section 3), without it.
func (k *talk) listed() ([]string, error) {
	var lines []string
	for range mostLines {
		line, err := k.readLine()
		if err != nil {
			return nil, err
		}
		if line == "." {
			return lines, nil
		}
		lines = append(lines, strings.TrimPrefix(line, "."))
	}
	return nil, tell("%s sends a list without end", k.t)
}

// has says whether words hold a word, in any case.
func has(words []string, word string) bool {
	for _, w := range words {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}
