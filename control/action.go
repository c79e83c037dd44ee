package control

import "strings"

// mostActions bounds a chain of actions.
const mostActions = 8

// actions are the rows of the table of actions; exec and heal have more to say.
var actions = map[string]ActionKind{
	"alert": Alert, "restart": Restart, "start": Start, "stop": Stop, "exec": Exec,
	"unmonitor": Unmonitor, "timeout": Unmonitor, "ignore": Ignore, "heal": Heal, "drain": Drain,
}

// chain parses ACTION [then ACTION …].
func (p *parser) chain() Action {
	first := p.action()
	last := &first
	for n := 1; !p.failed && p.peek().is("then"); n++ {
		if n == mostActions {
			p.fail(p.peek(), "", "more than %d actions follow one another", mostActions)
			break
		}
		p.take()
		next := p.action()
		last.Next = &next
		last = &next
	}
	return first
}

func (p *parser) action() Action {
	t := p.peek()
	kind, known := actions[strings.ToLower(t.text)]
	if !known || t.kind != bareWord {
		choice(p, "action", actions)
		return Action{}
	}
	p.take() // on a line of its own an action reads like the beginning of a statement
	switch kind {
	case Exec:
		return p.exec()
	case Heal:
		return p.heal()
	case Alert, Restart, Start, Stop, Unmonitor, Ignore, Drain:
	}
	return Action{Kind: kind}
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

// heal parses the rest of `heal NAME`. Which healers there are the parser does not know.
func (p *parser) heal() Action {
	p.usage = "if TEST then heal NAME"
	name, _ := p.value("a healer's name")
	return Action{Kind: Heal, Healer: strings.ToLower(name)}
}
