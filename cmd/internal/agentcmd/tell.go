package agentcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/agent"
)

const orderWithin = 10 * time.Minute // a stop, a start and their time-outs, for many services

// unwellError is a validation that found something: it was printed, and only the exit status is left to say it.
type unwellError struct{}

func (*unwellError) Error() string { return "not every service is well" }

// tell gives a command to the agent that runs.
func (l line) tell(ctx context.Context, path string, stdout io.Writer) error {
	file, bad := load(path)
	ctx, cancel := context.WithTimeout(ctx, orderWithin)
	defer cancel()
	client, err := reach(ctx, socketsOf(path, file))
	if err == nil {
		err = l.dispatch(ctx, client, stdout)
	}
	if errors.Is(err, agent.ErrNotRunning) {
		return errors.Join(fmt.Errorf("%w; start it with `dialtone-agent -c %s`", err, path), bad)
	}
	return err
}

// reach finds the agent that answers on one of the sockets.
func reach(ctx context.Context, sockets []string) (*agent.Client, error) {
	for _, socket := range sockets {
		client := agent.NewClient(socket)
		if _, err := client.Status(ctx); !errors.Is(err, agent.ErrNotRunning) {
			return client, err
		}
	}
	return nil, fmt.Errorf("%w: nobody answers on %s", agent.ErrNotRunning, strings.Join(sockets, " or on "))
}

func (l line) dispatch(ctx context.Context, client *agent.Client, stdout io.Writer) error {
	switch l.verb {
	case "status", "summary", "report":
		return l.show(ctx, client, stdout)
	case "reload":
		if err := client.Reload(ctx); err != nil {
			return fmt.Errorf("refused, the last good control file stays:\n%w", err)
		}
		fmt.Fprintln(stdout, "reloaded")
		return nil
	case "validate":
		return l.validate(ctx, client, stdout)
	case "quit":
		ends, err := client.Quit(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, "ending: "+ends)
		return nil
	}
	names, err := l.chosen(ctx, client)
	if err != nil {
		return err
	}
	if err := client.Do(ctx, agent.Verb(l.verb), names); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "done")
	return nil
}

// chosen are the services of an order: those named, or those of the group.
func (l line) chosen(ctx context.Context, client *agent.Client) ([]string, error) {
	if l.group == "" && len(l.names) == 0 {
		return nil, nil // the agent says what is missing
	}
	status, err := client.Status(ctx)
	if err != nil {
		return nil, err
	}
	services, err := l.some(status.Services)
	if err != nil {
		return nil, err
	}
	if len(services) == 0 {
		return nil, errors.New("the control file has no service")
	}
	names := make([]string, len(services))
	for i, s := range services {
		names[i] = s.Name
	}
	return names, nil
}

func (l line) show(ctx context.Context, client *agent.Client, stdout io.Writer) error {
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if l.verb == "report" {
		return l.report(stdout, inGroup(status.Services, l.group))
	}
	if status.Services, err = l.some(status.Services); err != nil {
		return err
	}
	if l.verb == "status" {
		printStatus(stdout, status, time.Now())
	} else {
		printSummary(stdout, status, time.Now())
	}
	return nil
}

// some are the services that the command line names, within the group where it names one. A name that no service has is a regular
// expression.
func (l line) some(all []dialtone.ServiceStatus) ([]dialtone.ServiceStatus, error) {
	all = inGroup(all, l.group)
	if l.group != "" && len(all) == 0 {
		return nil, fmt.Errorf("no service is in group %s", l.group)
	}
	if len(l.names) == 0 || slices.Contains(l.names, agent.All) {
		return all, nil
	}
	var chosen []string
	for _, name := range l.names {
		found, err := named(all, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, found...)
	}
	return slices.DeleteFunc(all, func(s dialtone.ServiceStatus) bool { return !slices.Contains(chosen, s.Name) }), nil
}

func inGroup(all []dialtone.ServiceStatus, group string) []dialtone.ServiceStatus {
	if group == "" {
		return all
	}
	return slices.DeleteFunc(all, func(s dialtone.ServiceStatus) bool { return !slices.Contains(s.Groups, group) })
}

// named are the services of that name, or else those that it matches as a regular expression, from the first letter to the last.
func named(all []dialtone.ServiceStatus, name string) ([]string, error) {
	if slices.ContainsFunc(all, func(s dialtone.ServiceStatus) bool { return s.Name == name }) {
		return []string{name}, nil
	}
	var found []string
	if pattern, err := regexp.Compile("^(?:" + name + ")$"); err == nil {
		for _, s := range all {
			if pattern.MatchString(s.Name) {
				found = append(found, s.Name)
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no service %q; `summary` lists them", name)
	}
	return found, nil
}

func (l line) validate(ctx context.Context, client *agent.Client, stdout io.Writer) error {
	if err := client.Validate(ctx); err != nil {
		return err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	printSummary(stdout, status, time.Now())
	for _, s := range status.Services {
		if s.Monitored && s.State != dialtone.OK {
			return &unwellError{}
		}
	}
	return nil
}
