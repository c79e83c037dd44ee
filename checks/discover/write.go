package discover

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// Settings are what the written file sets for the agent. A zero field leaves its statement out.
type Settings struct {
	Interval     time.Duration
	CollectorURL string
	TokenFile    string // goes with CollectorURL
	CAFile       string // goes with CollectorURL
	StateFile    string
	Log          string
}

// WriteControlFile writes the text of a control file that watches what was found. It parses with the vocabulary of package checks.
func (m *Machine) WriteControlFile(w io.Writer, s Settings) error {
	var b bytes.Buffer
	m.writeHead(&b, s)
	m.writeSystem(&b)
	m.writeMounts(&b)
	m.writeDaemons(&b)
	m.writeLeft(&b)
	_, err := b.WriteTo(w)
	return err
}

func (m *Machine) writeHead(b *bytes.Buffer, s Settings) {
	fmt.Fprintf(b, `# What dialtone watches on %s, as found by "dialtone discover". Change it as you like: it is not written again.
# The language is Monit's; "dialtone kinds" lists what can stand in an "if". "dialtone-agent -t -c FILE" checks a file before
# "dialtone reload" takes it.

`, plain(m.Host))
	interval := s.Interval
	if interval <= 0 {
		interval = 5 * time.Second
	}
	fmt.Fprintf(b, "set daemon %d                  # seconds between two looks\n", max(1, int(interval.Round(time.Second).Seconds())))
	if s.Log != "" {
		fmt.Fprintf(b, "set log %s\n", word(s.Log))
	}
	if s.StateFile != "" {
		fmt.Fprintf(b, "set statefile %s\n", word(s.StateFile))
	}
	if s.CollectorURL != "" {
		fmt.Fprintf(b, "set collector %s with token file %s", word(s.CollectorURL), word(s.TokenFile))
		if s.CAFile != "" {
			fmt.Fprintf(b, " ca file %s", word(s.CAFile))
		}
		b.WriteByte('\n')
	}
}

func (m *Machine) writeSystem(b *bytes.Buffer) {
	fmt.Fprintf(b, `
# The machine itself. Load and memory are for graphs; these two limits are where callers begin to notice.
check system $HOST
    if loadavg (5min) > %d for 12 cycles then alert
    if memory > 95%% for 12 cycles then alert
`, 4*max(1, m.Cores))
}

func (m *Machine) writeMounts(b *bytes.Buffer) {
	if len(m.Mounts) == 0 {
		return
	}
	b.WriteString("\n# File systems. A full one stops databases and recordings; without inodes no file can be made though there is space.\n")
	for _, mount := range m.Mounts {
		fmt.Fprintf(b, "check filesystem %s with path %s    # %s on %s\n", mount.Name, word(mount.Point), plain(mount.Type), plain(mount.Device))
		b.WriteString("    if space > 90% for 5 cycles then alert\n")
		if !networkTypes[mount.Type] {
			b.WriteString("    if inode > 90% for 5 cycles then alert\n")
		}
		b.WriteByte('\n')
	}
}

func (m *Machine) writeDaemons(b *bytes.Buffer) {
	if len(m.Daemons) == 0 {
		b.WriteString("# No daemon was found that is worth watching. One is added like this:\n#   check process NAME with pidfile /run/NAME.pid\n")
		return
	}
	b.WriteString("# Programs. ")
	if m.Systemd {
		b.WriteString("One that ends is started again if it has a systemd unit, at most three times an hour (\"set heal budget\").\n\n")
	} else {
		b.WriteString("This machine was not started by systemd, so how a program is started is not known: one that ends is told, and\n" +
			"# not started again until its check has a line  start program = \"/path/to/program arguments\".\n\n")
	}
	for _, d := range m.Daemons {
		d.write(b)
	}
}

func (d Daemon) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "# %s%s\n", plain(d.Note), d.listens())
	switch {
	case d.Unit != "":
		fmt.Fprintf(b, "check process %s with unit %s\n", d.Name, word(d.Unit))
	case d.Pidfile != "":
		fmt.Fprintf(b, "check process %s with pidfile %s\n", d.Name, word(d.Pidfile))
	default:
		fmt.Fprintf(b, "check process %s matching \"%s\"\n", d.Name, d.Match)
	}
	for _, p := range d.Ports {
		if !p.Tested {
			continue
		}
		host, protocol := "", ""
		if p.Address != "" && p.Address != "127.0.0.1" {
			host = " host " + word(p.Address)
		}
		if p.HTTP {
			protocol = " protocol http"
		}
		fmt.Fprintf(b, "    if failed%s port %d%s for 3 cycles then alert\n", host, p.Number, protocol)
	}
	b.WriteByte('\n')
}

func (d Daemon) listens() string {
	ports := map[Port]bool{}
	for _, p := range d.Ports {
		ports[p] = true
	}
	if len(ports) == 0 {
		return ""
	}
	return ", " + portList(ports)
}

func (m *Machine) writeLeft(b *bytes.Buffer) {
	if m.Blind {
		b.WriteString("# This look was not made by root: which ports belong to other users' programs could not be seen.\n")
	}
	if len(m.Left) == 0 {
		return
	}
	b.WriteString("# These listen too, and are not watched:\n")
	for _, left := range m.Left {
		fmt.Fprintf(b, "#   %s\n", plain(left))
	}
}

// word writes a value so that it is read as one: in quotation marks where it is no bare word.
func word(s string) string {
	if bareWord.MatchString(s) {
		return s
	}
	return `"` + strings.NewReplacer(`"`, "", "\n", "").Replace(s) + `"`
}

var bareWord = regexp.MustCompile(`^[a-z/][A-Za-z0-9/._:-]*$`)

// plain makes a text safe for a comment: names of processes and mounts are other people's words.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}
