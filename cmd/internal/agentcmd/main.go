// Package agentcmd is the agent's command line, with Monit's flags and verbs, and the agent put together. Both binaries share it.
package agentcmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/dialtone/dialtone/control"
)

// The exit statuses, as Monit's.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const usage = `Usage: %s [-c FILE] [-I] [-d N] [-v] [-t] [VERB [NAME|PATTERN|all]]

Without a verb the agent starts: in the background, or with -I in the foreground.

  -c FILE   the control file; without it the first of these that is there:
            ~/.dialtonerc, /etc/dialtone/dialtone.conf, the one that
            "dialtone up" wrote, ./dialtone.conf
  -d N      check every N seconds, whatever the file says
  -g GROUP  with a verb: the services of that group
  -I        stay in the foreground
  -l FILE   write the log there, -p FILE the pidfile, -s FILE the state,
            whatever the control file says
  -t        check the control file and say what is wrong with it
  -v        log more
  -H [FILE] print the checksums of a file, or of what comes on stdin
  --id      print the id of this installation; --resetid makes a new one
  -V        print the version
  -h        print this

Verbs, for the agent that runs
  start, stop, restart NAME|all    and watch again, or rest after a stop
  monitor, unmonitor NAME|all      begin or end watching
  status [NAME]                    everything that is known
  summary [NAME]                   a line a service
  report [up|down|…]               how many services stand how
  reload                           read the control file again
  validate                         check everything now, and print a summary
  quit                             end the agent
A NAME that no service has is a regular expression for those it matches whole.

Without an agent
  verify [FILE…]                   is the control file usable on this machine?
  procmatch PATTERN                which process would "matching PATTERN" watch?
  version                          print the version
  kinds [NAME]                     what can be checked and healed

Signals: HUP reloads, USR1 checks everything now, TERM and INT end the agent.
`

// line is a command line.
type line struct {
	file       string
	interval   time.Duration
	group      string
	foreground bool
	logFile    string
	pidfile    string
	stateFile  string
	test       bool
	verbose    bool
	version    bool
	hash       bool
	id         bool
	resetID    bool
	verb       string
	names      []string
}

// verbs are the commands, all but kinds and procmatch for a running agent.
var verbs = []string{"start", "stop", "restart", "monitor", "unmonitor", "status", "summary", "report", "reload", "validate", "quit", "kinds", "procmatch"}

// IsVerb reports whether a word is a command, and not the start of an agent.
func IsVerb(word string) bool { return slices.Contains(verbs, word) }

// Main runs one command line and returns the exit status. ctx ends a foreground agent.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer, version string) int {
	if len(args) > 0 && args[0] == "verify" {
		return Verify(ctx, args[1:], stdout, stderr)
	}
	l, err := parse(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "dialtone-agent: %v\n", err)
		return exitUsage
	case l.version:
		fmt.Fprintf(stdout, "dialtone-agent %s\n", version)
		return exitOK
	case l.verb == "verify":
		return Verify(ctx, l.toVerify(), stdout, stderr)
	}
	if err := l.run(ctx, args, stdout, version); err != nil {
		if _, silent := errors.AsType[*unwellError](err); !silent {
			fmt.Fprintln(stderr, complaint(err))
		}
		return exitFailed
	}
	return exitOK
}

// toVerify are the files of `-c FILE verify [FILE…]`.
func (l line) toVerify() []string {
	if len(l.names) == 0 && l.file != "" {
		return []string{l.file}
	}
	return l.names
}

// complaint leaves the errors of a control file as they are: each begins with its place, which editors can open.
func complaint(err error) string {
	if _, is := errors.AsType[control.Errors](err); is {
		return err.Error()
	}
	return "dialtone-agent: " + err.Error()
}

// parse reads flags before and after the verb.
func parse(args []string, stdout io.Writer) (line, error) {
	var l line
	flags := flag.NewFlagSet("dialtone-agent", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&l.file, "c", "", "")
	flags.Func("d", "", func(text string) (err error) { l.interval, err = seconds(text); return err })
	flags.StringVar(&l.group, "g", "", "")
	flags.BoolVar(&l.foreground, "I", false, "")
	flags.StringVar(&l.logFile, "l", "", "")
	flags.StringVar(&l.pidfile, "p", "", "")
	flags.StringVar(&l.stateFile, "s", "", "")
	flags.BoolVar(&l.test, "t", false, "")
	flags.BoolVar(&l.verbose, "v", false, "")
	flags.BoolVar(&l.verbose, "vv", false, "")
	flags.BoolVar(&l.hash, "H", false, "")
	flags.BoolVar(&l.id, "id", false, "")
	flags.BoolVar(&l.id, "i", false, "")
	flags.BoolVar(&l.resetID, "resetid", false, "")
	flags.BoolVar(&l.resetID, "r", false, "")
	flags.Bool("B", false, "") // Monit's batch mode: plain text, which all of this is
	flags.BoolVar(&l.version, "V", false, "")
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				fmt.Fprintf(stdout, usage, "dialtone-agent")
			}
			return l, err
		}
		args = flags.Args()
		if len(args) == 0 {
			break
		}
		if l.verb == "" && !l.hash {
			l.verb = args[0]
		} else {
			l.names = append(l.names, args[0])
		}
		args = args[1:]
	}
	if l.verb == "version" {
		l.version = true
		return l, nil
	}
	if l.verb != "" && l.verb != "verify" && !IsVerb(l.verb) {
		return l, fmt.Errorf("there is no command %q; -h lists them", l.verb)
	}
	return l, nil
}

func seconds(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text + "s")
	if err != nil || d < time.Second || d > 24*time.Hour {
		return 0, fmt.Errorf("%q is not a number of seconds from 1 to 86400", text)
	}
	return d, nil
}

func (l line) run(ctx context.Context, args []string, stdout io.Writer, version string) error {
	switch {
	case l.hash:
		return hash(l.names, os.Stdin, stdout)
	case l.verb == "kinds":
		return WriteKinds(stdout, l.names...)
	case l.verb == "procmatch":
		return procmatch(l.names, stdout)
	}
	path, err := l.controlFile()
	if err != nil {
		return err
	}
	switch {
	case l.test:
		return check(path, stdout)
	case l.id || l.resetID:
		return l.identify(path, stdout)
	case l.verb != "":
		return l.tell(ctx, path, stdout)
	}
	file, err := l.options(path, version).load()
	if err != nil {
		return err
	}
	if l.foreground || file.Settings.Init {
		return l.foregroundAgent(ctx, path, file, version)
	}
	return background(ctx, file, args, stdout)
}
