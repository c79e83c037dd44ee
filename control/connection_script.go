package control

import (
	"strconv"
	"strings"
)

// mostExchanges bounds a script of send and expect.
const mostExchanges = 64

func (p *parser) send(d *dial) {
	s, _ := p.value("a text to send")
	p.exchange(d, Exchange{Send: unescaped(s)})
}

// expectAnswer takes an expression. Its NUL characters are written \0, as the answer's are shown.
func (p *parser) expectAnswer(d *dial) {
	p.exchange(d, Exchange{Expect: p.regex()})
}

func (p *parser) exchange(d *dial, e Exchange) {
	if len(d.Script) == mostExchanges {
		p.warn(p.last, "", "more than %d times send and expect", mostExchanges)
		return
	}
	d.Script = append(d.Script, e)
}

// unescaped reads \r, \n, \t, \\ and \0xNN, which is the byte of that number; any other backslash stands for itself.
func unescaped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if plain, known := escaped[s[i+1]]; known {
			b.WriteByte(plain)
			i++
			continue
		}
		if n, is := hexByte(s[i:]); is {
			b.WriteByte(n)
			i += len(`\0xNN`) - 1
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

var escaped = map[byte]byte{'r': '\r', 'n': '\n', 't': '\t', '\\': '\\'}

// hexByte reads \0xNN.
func hexByte(s string) (byte, bool) {
	if len(s) < len(`\0xNN`) || !strings.EqualFold(s[:3], `\0x`) {
		return 0, false
	}
	n, err := strconv.ParseUint(s[3:5], 16, 8)
	return byte(n), err == nil
}
