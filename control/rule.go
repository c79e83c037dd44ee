package control

import "strings"

// mostSamples is how many cycles a rule's history holds (Monit's 64 bits).
const mostSamples = 64

// rule parses `if TEST [WINDOW] then ACTION [else …]` and `if N restarts within M cycles then ACTION`.
func (p *parser) rule(at token) {
	if p.peek().kind == numeral {
		p.restartLimit(at)
		return
	}
	r := &Rule{Pos: p.position(at), Test: p.test()}
	r.Window = p.window()
	p.expect("then")
	r.Then = p.action()
	if p.accept("else") {
		r.Else = p.recovery()
	}
	if p.failed {
		return
	}
	r.Text = p.written(at)
	p.service.Rules = append(p.service.Rules, r)
}

func (p *parser) restartLimit(at token) {
	p.usage = "if N restarts within M cycles then ACTION"
	l := &RestartLimit{Pos: p.position(at), Restarts: p.count("the number of restarts", 1, mostCycles)}
	if !p.accept("restarts", "restart") {
		p.expected(`"restarts"`)
	}
	l.Cycles = p.count("the number of cycles", 1, mostCycles)
	if !p.accept("cycles", "cycle") {
		p.expected(`"cycles"`)
	}
	p.expect("then")
	l.Then = p.action()
	if p.failed {
		return
	}
	l.Text = p.written(at)
	p.service.Limits = append(p.service.Limits, l)
}

// window parses what stands between test and `then`: nothing, N cycles, or N [times within] M cycles.
func (p *parser) window() Window {
	at := p.peek()
	if at.kind != numeral {
		return Window{}
	}
	w := Window{Count: p.count("the number of failures", 1, mostSamples)}
	w.Cycles = w.Count
	if p.peek().kind == numeral {
		w.Cycles = p.count("the number of cycles", 1, mostSamples)
	}
	if !p.accept("cycles", "cycle") {
		p.expected(`"cycles"`)
	}
	if w.Count > w.Cycles {
		p.warn(at, "", "%d times cannot happen within %d cycles", w.Count, w.Cycles)
	}
	return w
}

// recovery parses what follows `else`: [if succeeded|passed|recovered] [WINDOW] [then] ACTION.
func (p *parser) recovery() *Recovery {
	if p.accept("if") && !p.accept("succeeded", "success", "passed", "recovered") && p.peek().kind != numeral {
		p.expected("succeeded, passed or recovered")
	}
	r := &Recovery{Window: p.window()}
	p.accept("then")
	r.Then = p.action()
	return r
}

// actions are the rows of the table of actions; exec is the one that has more to say.
var actions = map[string]ActionKind{
	"alert": Alert, "restart": Restart, "start": Start, "stop": Stop, "exec": Exec,
	"unmonitor": Unmonitor, "timeout": Unmonitor,
}

func (p *parser) action() Action {
	t := p.peek()
	if known, ok := actions[strings.ToLower(t.text)]; ok && t.kind == bareWord {
		p.take() // on a line of its own an action reads like the beginning of a statement
		if known == Exec {
			return p.exec()
		}
		return Action{Kind: known}
	}
	if t.is("ignore") {
		p.notYet(t, "allowed here: "+strings.Join(sortedKeys(actions), ", "))
		return Action{}
	}
	k, _ := choice(p, "action", actions)
	return Action{Kind: k}
}

// exec parses the rest of `exec "COMMAND" … [repeat every [N] cycles]`.
func (p *parser) exec() Action {
	p.usage = `exec "COMMAND" [as uid USER [and gid GROUP]] [with timeout N seconds] [repeat every N cycles]`
	a := Action{Kind: Exec, Exec: p.command()}
	if !p.accept("repeat") {
		return a
	}
	p.accept("every")
	a.Repeat = 1
	if p.peek().kind == numeral {
		a.Repeat = p.count("the number of cycles", 1, mostCycles)
	}
	if !p.accept("cycles", "cycle") {
		p.expected(`"cycles"`)
	}
	return a
}

// written is the statement from its first token to the one taken last, in one line, without comments.
func (p *parser) written(from token) string {
	end := p.last.off + len(p.last.raw)
	l := newLexer(&source{text: p.src.text[from.off:end]})
	var b strings.Builder
	for t := l.next(); t.kind != endOfText; t = l.next() {
		if t.space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strings.ReplaceAll(t.raw, "\n", " "))
	}
	return b.String()
}
