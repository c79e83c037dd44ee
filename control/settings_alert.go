package control

import "strings"

// eventNames are Monit's names of events, as filters of alerts take them.
var eventNames = eventTable()

func eventTable() map[string]string {
	names := map[string]string{}
	for name := range setOf("action bytein byteout checksum connection content data exec exist fsflags gid icmp instance invalid link nonexist " +
		"packetin packetout permission pid ppid resource saturation size speed status timeout timestamp uid uptime") {
		names[name] = name
	}
	names["fsflag"] = "fsflags"
	return names
}

func (p *parser) setAlert(s *Settings) {
	if a := p.mailAlert(p.last); !p.failed {
		s.Alerts = append(s.Alerts, a)
	}
}

// alert parses `alert ADDRESS …` below a check.
func (p *parser) alert(at token) {
	if a := p.mailAlert(at); !p.failed {
		p.service.Alerts = append(p.service.Alerts, a)
	}
}

// noAlert parses `noalert ADDRESS`.
func (p *parser) noAlert(token) {
	if address := p.mailAddress(); !p.failed {
		p.service.NoAlert = append(p.service.NoAlert, address)
	}
}

// mailAlert parses `ADDRESS [only] [[but] not] [on] {EVENT, …} [with mail-format {…}] [with reminder on N cycles]`.
func (p *parser) mailAlert(at token) *MailAlert {
	a := &MailAlert{Pos: p.position(at), Address: p.mailAddress()}
	for !p.failed {
		t := p.peek()
		switch {
		case t.is("not") && p.ahead(1).is("every"): // the next statement
			return a
		case t.is("not", "{"):
			a.Not = p.accept("not")
			a.Events = p.events()
		case p.accept("mail-format"):
			a.Format = p.mailFormat(a.Format)
		case p.accept("reminder"):
			a.Reminder = p.count("the number of cycles", 1, mostCycles)
			p.accept("cycles", "cycle")
		default:
			return a
		}
	}
	return a
}

// mailAddress takes one address, without the name of a person.
func (p *parser) mailAddress() string {
	s, t := p.value("a mail address")
	user, host, _ := strings.Cut(s, "@")
	if !p.failed && (user == "" || host == "" || strings.ContainsAny(s, " \t\r\n<>,")) {
		p.warn(t, "write: NAME@HOST", "%s is no mail address", quote(s))
	}
	return s
}

// events parses `{EVENT, …}`; commas may be left out.
func (p *parser) events() []string {
	var all []string
	p.expect("{")
	for !p.failed && !p.accept("}") {
		if p.accept(",") {
			continue
		}
		name, _ := choice(p, "event", eventNames)
		all = append(all, name)
	}
	if !p.failed && len(all) == 0 {
		p.warn(p.last, "", "the list of events is empty")
	}
	return all
}
