package control

import (
	"errors"
	"strings"
)

// commandOptions end the arguments of a command without quotation marks.
var commandOptions = []string{"uid", "gid", "timeout", "repeat", "else", "then"}

// command parses `[=] "COMMAND" [as uid USER [and gid GROUP]] [with timeout N seconds]`.
func (p *parser) command() *Command {
	if t := p.front(); t.kind == bareWord && !t.noise() && nearest(t.text, []string{"program"}) != "" {
		p.fail(t, `did you mean "program"?`, "a command is a string, not %s", quote(t.text))
		return nil
	}
	p.accept("=")
	written, t := p.value("a command as a string")
	if t.kind == bareWord {
		written = p.commandLine(t)
	}
	if p.failed {
		return nil
	}
	c := &Command{Pos: p.position(t), Text: written}
	p.split(c, t)
	for !p.failed {
		switch {
		case p.accept("uid"):
			c.UID, _ = p.value("a user's name or number")
		case p.accept("gid"):
			c.GID, _ = p.value("a group's name or number")
		case p.accept("timeout"):
			c.Timeout = p.wait()
		default:
			return c
		}
	}
	return c
}

// commandLine takes the arguments of a command without quotation marks, which end with the line, at an option of the command, at
// a comma or at a word that means something else.
func (p *parser) commandLine(first token) string {
	end := first.off + len(first.raw)
	for next := p.front(); !p.failed && isArgument(next) && (!next.space || !next.is(p.commandEnds...)); next = p.front() {
		if next.space && next.is("start", "stop", "restart") {
			p.fail(first, `write it in quotation marks: "`+printable(mask(p.src.text[first.off:end]+" "+next.text))+` …"`, "a command with arguments is one string")
			return ""
		}
		p.take()
		end = next.off + len(next.raw)
	}
	return p.src.text[first.off:end]
}

// isArgument reports whether a token goes on with a command. What stands right behind another token is part of it.
func isArgument(t token) bool {
	switch {
	case t.first || t.kind == endOfText || t.kind == malformed || t.is(",", ";", "}"):
		return false
	case !t.space || t.is("start", "stop", "restart"):
		return true
	}
	return !t.noise() && !t.is(commandOptions...) && !begins(t)
}

// split fills in the argv of a command, or says why it cannot.
func (p *parser) split(c *Command, t token) {
	argv, err := splitArgv(c.Text)
	switch {
	case err != nil:
		p.warn(t, "", "%s", err)
	case len(argv) == 0:
		p.warn(t, "", "the command is empty")
	default:
		c.Argv = argv
	}
}

// absoluteCommand parses a command without which there is nothing to check.
func (p *parser) absoluteCommand() *Command {
	at := p.peek()
	c := p.command()
	if !p.failed && len(c.Argv) > 0 && !strings.HasPrefix(c.Argv[0], "/") {
		p.warn(at, `write where the program is, as "/usr/bin/`+printable(c.Argv[0])+`", or use "/bin/sh -c '…'"`, "a command begins with an absolute path, not with %s", quote(c.Argv[0]))
	}
	return c
}

var (
	errQuoteOpen = errors.New("a quotation mark in the command is not closed")
	errBackslash = errors.New("the command ends in a backslash")
	errNUL       = errors.New("the command has a NUL character in it")
)

// splitArgv cuts a command into words as a shell would, and does nothing else that a shell does: single quotes keep everything,
// a backslash keeps the character behind it (within double quotes only " and \), white space divides.
func splitArgv(command string) ([]string, error) {
	var argv []string
	var arg strings.Builder
	var open rune
	inWord, escaped := false, false
	for _, r := range command {
		switch {
		case r == 0:
			return nil, errNUL
		case escaped:
			if open == '"' && r != '"' && r != '\\' {
				arg.WriteByte('\\')
			}
			arg.WriteRune(r)
			escaped = false
		case r == '\\' && open != '\'':
			escaped, inWord = true, true
		case open != 0 && r == open:
			open = 0
		case open == 0 && (r == '"' || r == '\''):
			open, inWord = r, true
		case open == 0 && strings.ContainsRune(" \t\r\n", r):
			if inWord {
				argv = append(argv, arg.String())
				arg.Reset()
			}
			inWord = false
		default:
			arg.WriteRune(r)
			inWord = true
		}
	}
	switch {
	case open != 0:
		return nil, errQuoteOpen
	case escaped:
		return nil, errBackslash
	case inWord:
		argv = append(argv, arg.String())
	}
	return argv, nil
}
