package statusdoc

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/control"
)

// WriteXML writes the document of `/_status?format=xml`.
func WriteXML(w io.Writer, d Doc) error {
	x := newDocument()
	x.open("monit")
	x.server(d, true)
	x.platform(thisMachine())
	for _, s := range d.Services {
		x.open("service", "type", strconv.Itoa(typeOf(s.Spec.Kind)))
		x.text("name", s.Spec.Name)
		x.service(s)
		x.close("service")
	}
	x.close("monit")
	_, err := w.Write(x.b.Bytes())
	return err
}

// Event is one change that M/Monit is told of.
type Event struct {
	At      time.Time
	Service string
	Kind    string // of check; empty: of the agent itself
	Type    string // Monit's name of the event: nonexist, connection, …
	Failed  bool   // false: it succeeded
	Changed bool   // a changed test fired
	Action  control.ActionKind
	Message string
}

// WritePost writes what M/Monit takes by POST: the status of all, and an event where there is one.
func WritePost(w io.Writer, d Doc, e *Event) error {
	x := newDocument()
	x.open("monit", "id", d.ID, "incarnation", unixSeconds(d.Status.Started), "version", speaks)
	x.server(d, false)
	x.platform(thisMachine())
	x.hostGroups(d.HostGroups)
	x.open("services")
	for _, s := range d.Services {
		x.open("service", "name", s.Spec.Name)
		x.number("type", typeOf(s.Spec.Kind))
		x.service(s)
		x.close("service")
	}
	x.close("services")
	x.groups(d.Services)
	if e != nil {
		x.event(*e)
	}
	x.close("monit")
	_, err := w.Write(x.b.Bytes())
	return err
}

// document builds XML: elements in the order given, texts escaped.
type document struct{ b bytes.Buffer }

func newDocument() *document {
	x := &document{}
	x.b.WriteString(xml.Header)
	return x
}

// open begins an element; pairs are attributes, name and value by turns.
func (x *document) open(name string, pairs ...string) {
	x.b.WriteString("<" + name)
	for i := 0; i+1 < len(pairs); i += 2 {
		x.b.WriteString(" " + pairs[i] + `="`)
		x.escaped(pairs[i+1])
		x.b.WriteByte('"')
	}
	x.b.WriteByte('>')
}

func (x *document) close(name string) { x.b.WriteString("</" + name + ">") }

func (x *document) text(name, value string) {
	x.open(name)
	x.escaped(value)
	x.close(name)
}

// escaped writes hostile text: what XML cannot hold becomes U+FFFD.
func (x *document) escaped(text string) { _ = xml.EscapeText(&x.b, []byte(text)) } // a buffer takes everything

func (x *document) number(name string, n int) { x.text(name, strconv.Itoa(n)) }

func (x *document) float(name string, f float64, digits int) {
	x.text(name, strconv.FormatFloat(f, 'f', digits, 64))
}

func unixSeconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// server is who speaks. The local document names the agent in it; M/Monit has that in the outermost element.
func (x *document) server(d Doc, named bool) {
	x.open("server")
	if named {
		x.text("id", d.ID)
		x.text("incarnation", unixSeconds(d.Status.Started))
		x.text("version", speaks)
	}
	x.number("uptime", int(d.Now.Sub(d.Status.Started).Seconds()))
	x.number("poll", int(d.Interval.Seconds()))
	x.number("startdelay", int(d.StartDelay.Seconds()))
	x.text("localhostname", d.Status.Name)
	x.text("controlfile", d.Status.ControlFile)
	if h := d.HTTP; h != nil && h.Port > 0 {
		x.open("httpd")
		x.text("address", h.Address)
		x.number("port", h.Port)
		x.number("ssl", bit(h.TLS != nil))
		x.close("httpd")
	}
	x.close("server")
}

func bit(set bool) int {
	if set {
		return 1
	}
	return 0
}

func (x *document) platform(m machine) {
	x.open("platform")
	x.text("name", m.name)
	x.text("release", m.release)
	x.text("version", m.version)
	x.text("machine", m.arch)
	x.number("cpu", m.processors)
	x.text("memory", strconv.FormatUint(m.memoryKiB, 10))
	x.text("swap", strconv.FormatUint(m.swapKiB, 10))
	x.close("platform")
}

func (x *document) hostGroups(names []string) {
	if len(names) == 0 {
		return
	}
	x.open("hostgroups")
	for _, name := range names {
		x.text("name", name)
	}
	x.close("hostgroups")
}

// groups lists the services of each group, groups and services in the order written.
func (x *document) groups(services []agent.Snapshot) {
	var names []string
	members := map[string][]string{}
	for _, s := range services {
		for _, group := range s.Spec.Groups {
			if !slices.Contains(names, group) {
				names = append(names, group)
			}
			members[group] = append(members[group], s.Spec.Name)
		}
	}
	x.open("servicegroups")
	for _, group := range names {
		x.open("servicegroup", "name", group)
		for _, member := range members[group] {
			x.text("service", member)
		}
		x.close("servicegroup")
	}
	x.close("servicegroups")
}

// The states and actions of events, as M/Monit numbers them.
const (
	stateSucceeded = 0
	stateFailed    = 1
	stateChanged   = 2
)

var actionNumbers = map[control.ActionKind]int{
	control.Ignore: 0, control.Alert: 1, control.Restart: 2, control.Stop: 3, control.Exec: 4, control.Unmonitor: 5, control.Start: 6,
}

func (x *document) event(e Event) {
	state := stateSucceeded
	switch {
	case e.Changed:
		state = stateChanged
	case e.Failed:
		state = stateFailed
	}
	action, known := actionNumbers[e.Action]
	if !known {
		action = actionNumbers[control.Alert]
	}
	x.open("event")
	x.text("collected_sec", unixSeconds(e.At))
	x.number("collected_usec", e.At.Nanosecond()/1000)
	x.text("service", e.Service)
	x.number("type", typeOf(e.Kind))
	x.text("id", strconv.FormatUint(uint64(eventBits[e.Type]), 10))
	x.number("state", state)
	x.number("action", action)
	x.text("message", e.Message)
	x.close("event")
}

// typeOf numbers the kinds of services as Monit does. A kind that Monit lacks is shown as a program: something with a status.
func typeOf(kind string) int {
	if n, known := typeNumbers[kind]; known {
		return n
	}
	return typeNumbers["program"]
}

var typeNumbers = map[string]int{
	"filesystem": 0, "directory": 1, "file": 2, "process": 3, "host": 4, "system": 5, "fifo": 6, "program": 7, "network": 8, "": 5,
}

// eventBits are the events by name; status is the sum of those that stand failed.
var eventBits = map[string]uint32{
	"checksum": 0x1, "resource": 0x2, "timeout": 0x4, "timestamp": 0x8, "size": 0x10, "connection": 0x20, "permission": 0x40,
	"uid": 0x80, "gid": 0x100, "nonexist": 0x200, "invalid": 0x400, "data": 0x800, "exec": 0x1000, "fsflags": 0x2000, "icmp": 0x4000,
	"content": 0x8000, "instance": 0x10000, "action": 0x20000, "pid": 0x40000, "ppid": 0x80000, "heartbeat": 0x100000,
	"status": 0x200000, "uptime": 0x400000, "link": 0x800000, "speed": 0x1000000, "saturation": 0x2000000, "bytein": 0x4000000,
	"byteout": 0x8000000, "packetin": 0x10000000, "packetout": 0x20000000, "exist": 0x40000000,
}

// everyType numbers the forms of `every`.
func (x *document) every(all []control.Every) {
	if len(all) == 0 {
		return
	}
	e := all[0] // Monit has one
	x.open("every")
	switch {
	case e.Cron == "":
		x.number("type", 2)
		x.number("counter", 0)
		x.number("number", max(1, e.Cycles))
	case e.Not:
		x.number("type", 4)
		x.text("cron", e.Cron)
	default:
		x.number("type", 3)
		x.text("cron", e.Cron)
	}
	x.close("every")
}

var modeNumbers = map[string]int{"": 0, "active": 0, "passive": 1, "manual": 2}

var rebootNumbers = map[string]int{"": 0, "start": 0, "nostart": 1, "laststate": 2}

// service writes what stands in the element of a service, but for its name and type.
func (x *document) service(s agent.Snapshot) {
	x.text("collected_sec", collected(s.Status.Checked))
	x.number("collected_usec", s.Status.Checked.Nanosecond()/1000)
	x.text("status", strconv.FormatUint(uint64(statusBits(s)), 10))
	x.number("status_hint", 0)
	x.number("monitor", monitoring(s))
	x.number("monitormode", modeNumbers[s.Spec.Mode])
	x.number("onreboot", rebootNumbers[s.Spec.OnReboot])
	x.number("pendingaction", 0)
	x.every(s.Spec.Every)
	if s.Report == nil {
		return
	}
	for _, part := range parts[s.Spec.Kind] {
		part(x, reading{s.Report})
	}
	x.pings(s)
	x.ports(s)
	if s.Spec.Kind == "program" {
		x.program(s)
	}
}

func collected(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return unixSeconds(t)
}

// monitoring: 0 rests, 1 is watched, 2 has not been looked at yet.
func monitoring(s agent.Snapshot) int {
	switch {
	case !s.Status.Monitored:
		return 0
	case s.Status.Checked.IsZero():
		return 2
	}
	return 1
}

func responseTime(took time.Duration, err error) string {
	if err != nil {
		return "-1.000000"
	}
	return fmt.Sprintf("%.6f", took.Seconds())
}
