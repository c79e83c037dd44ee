package mail

import (
	"slices"
	"strings"
	"time"

	"github.com/dialtone/dialtone/control"
)

const defaultInterval = 5 * time.Second

// asksForMail reports whether anybody is to be told of anything.
func asksForMail(file *control.File) bool {
	return len(file.Settings.Alerts) > 0 || slices.ContainsFunc(file.Services, func(s *control.Service) bool { return len(s.Alerts) > 0 })
}

// receiver is one address, and how it is to be written to.
type receiver struct {
	address  string
	format   control.MailFormat // complete but for what nobody names
	reminder time.Duration      // zero: told once
}

// receiversOf are those who want to know of any of the events that Monit calls types. As in Monit, what a service says of an address
// stands in place of what the settings say of it, and noalert takes the settings' word away.
// Without types they are all who want to know of anything.
func receiversOf(file *control.File, service string, types []string) []receiver {
	spec := specOf(file, service)
	var found []receiver
	var own []string
	for _, a := range alertsOf(spec) {
		own = append(own, a.Address)
		if wants(a, types) {
			found = add(found, receiverOf(file, spec, a))
		}
	}
	for _, a := range file.Settings.Alerts {
		if wants(a, types) && !slices.Contains(own, a.Address) && !refuses(spec, a.Address) {
			found = add(found, receiverOf(file, spec, a))
		}
	}
	return found
}

// specOf is the service; for what is about the node itself the one of kind system, which speaks for it.
func specOf(file *control.File, service string) *control.Service {
	for _, s := range file.Services {
		if s.Name == service || service == "" && s.Kind == "system" {
			return s
		}
	}
	return nil
}

func alertsOf(s *control.Service) []*control.MailAlert {
	if s == nil {
		return nil
	}
	return s.Alerts
}

func refuses(s *control.Service, address string) bool {
	return s != nil && slices.Contains(s.NoAlert, address)
}

// wants applies an alert's filter.
func wants(a *control.MailAlert, types []string) bool {
	if len(a.Events) == 0 || types == nil {
		return true
	}
	return slices.ContainsFunc(types, func(t string) bool {
		listed := slices.ContainsFunc(a.Events, func(e string) bool { return strings.EqualFold(e, t) })
		return listed != a.Not
	})
}

// add takes each address once: two statements for one address may differ in their filters alone.
func add(all []receiver, r receiver) []receiver {
	if slices.ContainsFunc(all, func(other receiver) bool { return other.address == r.address }) {
		return all
	}
	return append(all, r)
}

func receiverOf(file *control.File, spec *control.Service, a *control.MailAlert) receiver {
	return receiver{
		address: a.Address, format: merged(a.Format, file.Settings.MailFormat),
		reminder: time.Duration(a.Reminder) * cycleOf(file, spec),
	}
}

// cycleOf is how long one cycle of a service is.
func cycleOf(file *control.File, spec *control.Service) time.Duration {
	cycle := file.Settings.Interval
	if cycle <= 0 {
		cycle = defaultInterval
	}
	if spec == nil {
		return cycle
	}
	for _, e := range spec.Every {
		if e.Cycles > 1 && !e.Not {
			cycle *= time.Duration(e.Cycles)
		}
	}
	return cycle
}

// merged fills what a format does not say from another.
func merged(f, from control.MailFormat) control.MailFormat {
	for _, field := range []struct{ to, from *string }{
		{&f.From, &from.From}, {&f.ReplyTo, &from.ReplyTo}, {&f.Subject, &from.Subject}, {&f.Message, &from.Message},
	} {
		if *field.to == "" {
			*field.to = *field.from
		}
	}
	return f
}
