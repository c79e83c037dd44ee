package agentcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
	"github.com/dialtone/dialtone/agent/pidfd"
	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/slim"
)

// garbagePercent keeps the agent small rather than fast: it idles most of the time. There is no memory limit on purpose: one that is
// too low for a large node would spend its processors on collecting.
const garbagePercent = 50

// options are what the command line says beside the control file.
func (l line) options(path, version string) Options {
	return Options{ControlFile: path, StateFile: l.stateFile, LogFile: l.logFile, Pidfile: l.pidfile, Interval: l.interval, Version: version}
}

// startedUp is when everything that an agent does has been done once.
const startedUp = 20 * time.Second

// foregroundAgent runs the agent until a signal, `quit` or ctx ends it.
func (l line) foregroundAgent(ctx context.Context, path string, file *control.File, version string) error {
	debug.SetGCPercent(garbagePercent)
	log, closeLog, err := logger(file.Settings, l.verbose)
	if err != nil {
		return err
	}
	defer closeLog()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(signals)
	options := l.options(path, version)
	options.Log = log
	r, err := Start(ctx, options)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	defer time.AfterFunc(startedUp, func() {
		if err := slim.Down(); err != nil {
			log.Debug("the memory of the start is kept", "error", err)
		}
	}).Stop()
	go obey(ctx, signals, ended, r.Agent, log)
	err = r.Wait()
	close(ended)
	return err
}

// obey does what signals say until the agent has ended.
func obey(ctx context.Context, signals <-chan os.Signal, ended <-chan struct{}, a *agent.Agent, log *slog.Logger) {
	for {
		select {
		case <-ended:
			return
		case s := <-signals:
			if s == syscall.SIGUSR1 {
				a.Cycle(ctx)
				continue
			}
			if err := a.Reload(ctx); err != nil {
				log.Error("the control file was not reloaded", "error", err)
			}
		}
	}
}

// facilities are syslog's by name; none is daemon.
var facilities = map[string]syslog.Priority{
	"": syslog.LOG_DAEMON, "daemon": syslog.LOG_DAEMON, "user": syslog.LOG_USER, "auth": syslog.LOG_AUTH, "authpriv": syslog.LOG_AUTHPRIV,
	"cron": syslog.LOG_CRON, "ftp": syslog.LOG_FTP, "kern": syslog.LOG_KERN, "lpr": syslog.LOG_LPR, "mail": syslog.LOG_MAIL,
	"news": syslog.LOG_NEWS, "syslog": syslog.LOG_SYSLOG, "uucp": syslog.LOG_UUCP,
	"local0": syslog.LOG_LOCAL0, "local1": syslog.LOG_LOCAL1, "local2": syslog.LOG_LOCAL2, "local3": syslog.LOG_LOCAL3,
	"local4": syslog.LOG_LOCAL4, "local5": syslog.LOG_LOCAL5, "local6": syslog.LOG_LOCAL6, "local7": syslog.LOG_LOCAL7,
}

// logger writes where the file says: standard error, a file, or syslog.
func logger(settings control.Settings, verbose bool) (*slog.Logger, func(), error) {
	options := &slog.HandlerOptions{}
	if verbose {
		options.Level = slog.LevelDebug
	}
	var w io.WriteCloser
	var err error
	switch settings.Log {
	case "":
		return slog.New(slog.NewTextHandler(os.Stderr, options)), func() {}, nil
	case "syslog":
		w, err = syslog.New(facilities[settings.LogFacility]|syslog.LOG_INFO, "dialtone-agent")
	default:
		w, err = os.OpenFile(settings.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("opening the log: %w", err)
	}
	return slog.New(slog.NewTextHandler(w, options)), func() { _ = w.Close() }, nil
}

const startsWithin = 10 * time.Second

// background starts this program again in a session of its own, and returns once the new agent answers.
func background(ctx context.Context, file *control.File, args []string, stdout io.Writer) error {
	self, err := command.Self()
	if err != nil {
		return err
	}
	if _, err := reach(ctx, socketsOf(file.Path, file)); err == nil {
		return fmt.Errorf("an agent is already running for %s; `reload` makes it read its control file again", file.Path)
	}
	if err := otherWatcher(file.Settings.Pidfile); err != nil {
		return err
	}
	socket := socketOf(stateFile(file))
	if err := reachable(ctx, socket); err != nil {
		return err
	}
	argv := append([]string{self}, subcommand(args)...)
	argv = append(append(argv, "-I"), args...)
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("finding this folder: %w", err)
	}
	pid, err := command.Detach(command.Spec{Argv: argv, Dir: dir, Env: surroundings()})
	if err != nil {
		return err
	}
	status, err := answers(ctx, socket, pid)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "dialtone-agent runs with pid %d; `summary` shows its services\n", pid)
	if status.Trouble != "" {
		fmt.Fprintln(stdout, plain(status.Trouble))
	}
	return nil
}

// reachable takes the command socket and gives it back: an agent that cannot take it would be left behind with nobody to command it.
func reachable(ctx context.Context, socket string) error {
	l, err := agent.Listen(ctx, socket)
	if _, running := errors.AsType[*agent.RunningError](err); running {
		return err
	}
	if err != nil {
		return fmt.Errorf("nobody could give commands to the agent: %w; mend that, use `set statefile`, or stay in the foreground with -I", err)
	}
	return l.Close()
}

// subcommand is what stands before the agent's own arguments: "agent" for dialtone, nothing for dialtone-agent.
func subcommand(args []string) []string {
	if before := len(os.Args) - len(args); before > 1 {
		return os.Args[1:before]
	}
	return nil
}

// surroundings are the variables that decide where the agent keeps its state.
func surroundings() map[string]string {
	env := map[string]string{}
	for _, name := range []string{"HOME", "XDG_STATE_HOME", "TZ"} {
		if value, set := os.LookupEnv(name); set {
			env[name] = value
		}
	}
	return env
}

// answers waits until the agent takes commands, or has ended. One that does neither in time is ended.
func answers(ctx context.Context, socket string, pid int) (dialtone.NodeStatus, error) {
	var none dialtone.NodeStatus
	ctx, cancel := context.WithTimeout(ctx, startsWithin)
	defer cancel()
	watcher, err := pidfd.New()
	if err != nil {
		return none, err
	}
	defer func() { _ = watcher.Close() }()
	gone := make(chan struct{})
	defer watcher.Watch(pid, func() { close(gone) })()
	client := agent.NewClient(socket)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-gone:
			return none, errors.New("the agent ended at once; start it with -I to read why")
		case <-ctx.Done():
			_ = syscall.Kill(pid, syscall.SIGTERM)
			return none, fmt.Errorf("the agent (pid %d) took no commands on %s and was ended; start it with -I to read why", pid, filepath.Clean(socket))
		case <-tick.C:
			if status, err := client.Status(ctx); err == nil {
				return status, nil
			}
		}
	}
}
