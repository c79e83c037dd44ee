package agentcmd

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dialtone/dialtone"
)

const width = 80 // columns of the terminal that everybody has

// printSummary writes a line a service: name, kind, how it is and since when, and why if there is something to say.
func printSummary(w io.Writer, status dialtone.NodeStatus, now time.Time) {
	const name, kind, state, since = 20, 10, 11, 6
	fmt.Fprintf(w, "%s, %s, agent up %s\n", status.Name, services(len(status.Services)), dialtone.Span(now.Sub(status.Started)))
	printTrouble(w, status)
	fmt.Fprintf(w, "%s %s %s %s %s\n", cell("SERVICE", name), cell("KIND", kind), cell("STATE", state), cell("SINCE", since), "WHY")
	for _, s := range status.Services {
		row := fmt.Sprintf("%s %s %s %s %s", cell(s.Name, name), cell(s.Kind, kind), cell(standing(s), state),
			cell(dialtone.Span(now.Sub(s.Since)), since), cell(reason(s), width-name-kind-state-since-4))
		fmt.Fprintln(w, strings.TrimRight(row, " "))
	}
}

func services(n int) string {
	if n == 1 {
		return "1 service"
	}
	return strconv.Itoa(n) + " services"
}

// printTrouble says what keeps the whole agent from its work, before anything is said of services.
func printTrouble(w io.Writer, status dialtone.NodeStatus) {
	if status.Trouble != "" {
		fmt.Fprintln(w, plain(status.Trouble))
	}
	if status.ConfigError != "" {
		fmt.Fprintf(w, "the newest control file was refused:\n%s\n", status.ConfigError)
	}
}

// printStatus writes everything that is known of each service.
func printStatus(w io.Writer, status dialtone.NodeStatus, now time.Time) {
	fmt.Fprintf(w, "%s (%s), agent %s up %s\n", status.Name, status.Platform, status.AgentVersion, dialtone.Span(now.Sub(status.Started)))
	fmt.Fprintf(w, "control file %s\n", status.ControlFile)
	printTrouble(w, status)
	for _, s := range status.Services {
		fmt.Fprintf(w, "\n%s '%s'\n", s.Kind, plain(s.Name))
		put := func(what, text string) {
			if text != "" {
				fmt.Fprintf(w, "  %-26s %s\n", what, plain(text))
			}
		}
		put("state", standing(s)+" since "+s.Since.In(now.Location()).Format(time.DateTime))
		put("why", reason(s))
		put("not healed", held(s))
		put("depends on", strings.Join(s.DependsOn, ", "))
		put("groups", strings.Join(s.Groups, ", "))
		if s.PID > 0 {
			put("pid", strconv.Itoa(s.PID))
		}
		for _, v := range s.Values {
			if v.Name == "pid" {
				continue // stands above
			}
			put(strings.ReplaceAll(v.Name, "_", " "), v.String())
		}
		if !s.Checked.IsZero() {
			put("checked", dialtone.Span(now.Sub(s.Checked))+" ago")
		}
		put("written at", s.Source)
	}
}

// standing is the state in one word, and what matters more than the state.
func standing(s dialtone.ServiceStatus) string {
	switch {
	case !s.Monitored:
		return "unmonitored"
	case s.Healing:
		return "healing"
	case s.Parked:
		return "given up"
	}
	return s.State.String()
}

func reason(s dialtone.ServiceStatus) string {
	if !s.Monitored {
		return s.Unmonitored
	}
	quiet := ""
	if !s.MutedUntil.IsZero() {
		quiet = "maintenance until " + s.MutedUntil.Local().Format("15:04")
	}
	switch {
	case s.State == dialtone.OK:
		return quiet
	case quiet != "":
		return quiet + "; " + s.Why
	}
	return s.Why
}

// held is why nothing is done about a service that is not well, and what a person can do.
func held(s dialtone.ServiceStatus) string {
	if s.Held == "" || !s.Monitored || s.Healing {
		return ""
	}
	if s.Parked {
		return s.Held + "; `restart " + s.Name + "` or `monitor " + s.Name + "` begins anew"
	}
	return s.Held
}

// cell fits text into a column.
func cell(text string, columns int) string {
	text = plain(text)
	if n := utf8.RuneCountInString(text); n <= columns {
		return text + strings.Repeat(" ", columns-n)
	}
	return string([]rune(text)[:columns-1]) + "…"
}

// plain keeps control characters, which a service's output may hold, from reaching the terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}
