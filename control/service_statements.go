package control

// program parses `start program = "COMMAND" …` and its siblings into the field that they set.
func program(field func(*Service) **Command) func(*parser, token) {
	return func(p *parser, _ token) {
		if c := p.command(); !p.failed {
			*field(p.service) = c
		}
	}
}

func (p *parser) dependsOn(token) {
	for {
		name, t := p.value("a service's name")
		if p.failed {
			return
		}
		p.depends = append(p.depends, dependency{from: p.service, to: name, at: p.mark(t)})
		if !p.accept(",") {
			return
		}
	}
}

func (p *parser) group(token) {
	p.service.Groups = append(p.service.Groups, p.names("a group's name")...)
}

func (p *parser) every(token) { p.service.Every = append(p.service.Every, p.schedule()) }

func (p *parser) notEvery(token) {
	p.expect("every")
	if t := p.peek(); !p.failed && t.kind != quotedText {
		p.expected("a cron schedule as a string")
		return
	}
	e := p.schedule()
	e.Not = true
	p.service.Every = append(p.service.Every, e)
}

// mostCycles bounds counts of cycles that no window keeps.
const mostCycles = 1_000_000

func (p *parser) schedule() Every {
	if p.peek().kind == quotedText {
		return Every{Cron: p.cron()}
	}
	e := Every{Cycles: p.count("the number of cycles", 1, mostCycles)}
	if !p.accept("cycles", "cycle") {
		p.expected(`"cycles"`)
	}
	return e
}

// cron takes a schedule of five fields; names of months and days become numbers.
func (p *parser) cron() string {
	t := p.peek()
	if t.kind != quotedText {
		p.expected("a cron schedule as a string")
		return ""
	}
	p.take()
	schedule := plainCron(t.text)
	if err := checkCron(schedule); err != nil {
		p.warn(t, `five fields: minute hour day-of-month month day-of-week, as "* 8-19 * * 1-5"`, "%s", err)
	}
	return schedule
}

var modes = map[string]string{"active": "active", "passive": "passive", "manual": "manual"}

func (p *parser) mode(token) {
	if m, _ := choice(p, "mode", modes); !p.failed {
		p.service.Mode = m
	}
}

var rebootModes = map[string]string{"start": "start", "nostart": "nostart", "laststate": "laststate"}

func (p *parser) onReboot(token) {
	if m, _ := choice(p, "reboot mode", rebootModes); !p.failed {
		p.service.OnReboot = m
	}
}

// ignore parses `ignore content = …` and `ignore [not] match …`.
func (p *parser) ignore(at token) {
	p.onlyFor(at, readable)
	not := p.accept("not")
	var c *Content
	switch {
	case p.accept("match", "matching", "matches"):
		p.accept("=")
		c = p.patterns()
		c.Not = not
	case !not && p.accept("content"):
		c = p.contentMatch()
	default:
		p.expected(`"content" or "match"`)
		return
	}
	if !p.failed {
		p.service.IgnoreContent = append(p.service.IgnoreContent, c)
	}
}
