package muninnode

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/dialtone/dialtone/checks/munin"
)

const mostLine = 4096 // bytes of one question

// talk is one connection.
type talk struct {
	server *Server
	conn   net.Conn
	in     *bufio.Reader
	master string // its address
	multi  bool   // it knows of plugins with several graphs
	dirty  bool   // it takes values with a description
}

func newTalk(s *Server, conn net.Conn, master string) *talk {
	return &talk{server: s, conn: conn, in: bufio.NewReaderSize(conn, mostLine), master: master}
}

// run answers line for line until the master quits, is silent for too long, or sends what is no line.
func (t *talk) run(ctx context.Context) {
	if !t.say("# munin node at " + t.server.config.Host + "\n") {
		return
	}
	for {
		_ = t.conn.SetReadDeadline(time.Now().Add(idle))
		line, err := t.in.ReadSlice('\n')
		if err != nil {
			return
		}
		answer, more := t.answer(ctx, string(line))
		if !more || !t.say(answer) {
			return
		}
	}
}

func (t *talk) say(text string) bool {
	_ = t.conn.SetWriteDeadline(time.Now().Add(writing))
	_, err := t.conn.Write([]byte(text))
	return err == nil
}

// answer is what one line is answered with; more is false when it ends the connection.
func (t *talk) answer(ctx context.Context, line string) (answer string, more bool) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return unknownCommand, true
	}
	argument := ""
	if len(words) > 1 {
		argument = words[1]
	}
	switch strings.ToLower(words[0]) {
	case "quit", ".":
		return "", false
	case "version":
		return fmt.Sprintf("munins node on %s version: %s (dialtone)\n", t.server.config.Host, t.server.config.Version), true
	case "cap":
		return t.capabilities(words[1:]), true
	case "nodes":
		return t.nodes(ctx), true
	case "list":
		return t.list(ctx, argument), true
	case "config", "fetch":
		return t.ask(ctx, strings.ToLower(words[0]), argument), true
	}
	return unknownCommand, true
}

const unknownCommand = "# Unknown command. Try cap, list, nodes, config, fetch, version or quit\n"

// capabilities takes what the master can do, and says what this side can.
func (t *talk) capabilities(theirs []string) string {
	t.multi = slices.Contains(theirs, "multigraph")
	t.dirty = slices.Contains(theirs, "dirtyconfig")
	return "cap multigraph dirtyconfig\n"
}

// nodes are this machine and those that plugins speak for.
func (t *talk) nodes(ctx context.Context) string {
	names := []string{t.server.config.Host}
	for _, known := range t.server.learn(ctx, t.server.config.Plugins()) {
		if known.host != "" && !slices.Contains(names, known.host) {
			names = append(names, known.host)
		}
	}
	slices.Sort(names)
	return strings.Join(names, "\n") + "\n.\n"
}

// list names the plugins of one node. A master that does not know of several graphs is not told of plugins that have them.
func (t *talk) list(ctx context.Context, node string) string {
	if node == "" {
		node = t.server.config.Host
	}
	var names []string
	for name, known := range t.server.learn(ctx, t.server.config.Plugins()) {
		host := known.host
		if host == "" {
			host = t.server.config.Host
		}
		if host == node && (t.multi || !known.multi) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ") + "\n"
}

// ask runs a plugin and hands on what it says, without empty lines, which would be none of the protocol's.
func (t *talk) ask(ctx context.Context, verb, name string) string {
	all := t.server.config.Plugins()
	i := slices.IndexFunc(all, func(p munin.Plugin) bool { return p.Name() == name })
	if i < 0 {
		return "# Unknown service\n.\n"
	}
	argument := verb
	if verb == "fetch" {
		argument = ""
	}
	p := all[i]
	p.Master, p.Node, p.NoDirty = t.master, t.server.config.Host, !t.dirty
	text, err := p.Run(ctx, argument)
	if err != nil {
		t.server.config.Log.Warn("a plugin failed for a Munin master", "plugin", name, "error", err)
		return "# Bad exit\n.\n"
	}
	return lines(text) + ".\n"
}

// lines are those of a plugin that may stand in an answer: neither an empty one nor one that would end it.
func lines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) != "" && line != "." {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
