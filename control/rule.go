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
	r := &Rule{Pos: p.position(at), Test: p.lastOf(p.test())}
	r.Window = p.window()
	p.expect("then")
	r.Then = p.chain()
	p.ruleOptions(r)
	if p.atElse() {
		p.separators()
		p.take()
		r.Else = p.recovery()
		p.ruleOptions(r)
	}
	if p.failed {
		return
	}
	r.Text = p.written(at)
	p.service.Rules = append(p.service.Rules, r)
}

// lastOf reads on where several comparisons stand in one rule, `if cpu > 90% and memory > 80%`. Monit takes such a list and tests the
// last of it alone, which is not what it says: so do we, and say so.
func (p *parser) lastOf(test Test) Test {
	for {
		_, compared := test.(*Compare)
		t := p.peek()
		if p.failed || !compared || t.kind != bareWord || t.first || !p.comparable(strings.ToLower(t.text)) {
			return test
		}
		p.file.Problems = append(p.file.Problems, &Problem{
			Pos: p.position(t), Service: p.service.Name, Partial: true, Why: "of several tests in one rule only the last is made, as Monit does",
			Mend: "write a rule for each",
		})
		test = p.test()
	}
}

// comparable reports whether a comparison may begin with the word.
func (p *parser) comparable(word string) bool {
	return p.isValue(word) || p.isValue(otherPhrases[word])
}

// atElse reports whether an else follows, perhaps behind a comma.
func (p *parser) atElse() bool {
	return p.peek().is("else") || p.peek().is(",") && p.ahead(1).is("else")
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
	l.Then = p.chain()
	if p.failed {
		return
	}
	l.Text = p.written(at)
	p.service.Limits = append(p.service.Limits, l)
}

// window parses what stands between test and `then`: nothing, N cycles, N [times within] M cycles, or a time.
func (p *parser) window() Window {
	p.separators()
	at := p.peek()
	if at.kind != numeral {
		return Window{}
	}
	if p.timeHere() {
		return Window{For: p.wait()}
	}
	w := Window{Count: p.count("the number of failures", 1, mostSamples)}
	w.Cycles = w.Count
	if p.peek().kind == numeral {
		w.Cycles = p.count("the number of cycles", 1, mostSamples)
	}
	if !p.accept("cycles", "cycle") {
		p.expected(`"cycles", or a unit of time`)
	}
	if w.Count > w.Cycles {
		p.warn(at, "", "%d times cannot happen within %d cycles", w.Count, w.Cycles)
	}
	p.separators()
	return w
}

// timeHere reports whether the number here is one with a unit of time.
func (p *parser) timeHere() bool {
	spelled := p.front().unit
	if next := p.ahead(1); spelled == "" && next.kind == bareWord {
		spelled = next.text
	}
	return units[strings.ToLower(spelled)].dimension == aTime
}

// recovery parses what follows `else`: [if succeeded|passed|recovered] [WINDOW] [then] ACTION.
func (p *parser) recovery() *Recovery {
	if p.accept("if") && !p.accept("succeeded", "success", "passed", "recovered") && p.peek().kind != numeral {
		p.expected("succeeded, passed or recovered")
	}
	r := &Recovery{Window: p.window()}
	p.accept("then")
	r.Then = p.chain()
	return r
}

// ruleOptions parses what may follow the actions of a rule: severity and runbook. At the beginning of a line they are statements,
// for all rules of the service.
func (p *parser) ruleOptions(r *Rule) {
	for !p.failed {
		switch t := p.peek(); {
		case t.is("severity") && !t.first:
			p.take()
			r.Severity, _ = choice(p, "severity", severities)
		case t.is("runbook") && !t.first:
			p.take()
			r.Runbook = p.webPage()
		default:
			return
		}
	}
}

// written is the statement from its first token to the one taken last, in one line, without comments and
// secrets.
func (p *parser) written(from token) string {
	end := p.last.off + len(p.last.raw)
	l := newLexer(&source{text: p.src.text[from.off:end]})
	var b strings.Builder
	var before token
	for t := l.next(); t.kind != endOfText; t = l.next() {
		if t.space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		if before.is("password", "secret") {
			t.raw = stars
		}
		b.WriteString(strings.ReplaceAll(t.raw, "\n", " "))
		before = t
	}
	return mask(b.String())
}
