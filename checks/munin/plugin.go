package munin

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

// What holds for plugins whose settings do not say otherwise, as with munin-node.
const (
	DefaultUser    = "nobody" // where the agent is root
	DefaultGroup   = "munin"  // likewise, and where there is such a group
	DefaultTimeout = 10 * time.Second

	muninState   = "/var/lib/munin-node/plugin-state"
	ownState     = "/var/lib/dialtone/plugin-state"
	mostOutput   = 4 << 20 // bytes of one answer
	muninVersion = "2.0.73"
)

// Plugin is one plugin as it is installed: a program, or a link to one whose own name tells it what to look at.
type Plugin struct {
	Path     string        // absolute; its base name is the plugin's name
	ConfDir  string        // of plugin-conf.d; empty: DefaultConfDir
	StateDir string        // of state files, one folder for each user below it; empty: munin-node's where it is there, else our own
	Timeout  time.Duration // of one run; zero: as plugin-conf.d says, else DefaultTimeout
	Master   string        // address of who asks, for plugins that keep a state for each; empty: this agent itself
	Node     string        // name of this machine; empty: its host name
	NoDirty  bool          // who asks does not take values with a description
}

// Name is what munin calls the plugin.
func (p Plugin) Name() string { return filepath.Base(p.Path) }

// Config asks the plugin to describe itself. Values may come with the description.
func (p Plugin) Config(ctx context.Context) (Config, error) {
	text, err := p.Run(ctx, "config")
	return ParseConfig(text), err
}

// Fetch asks the plugin for its values.
func (p Plugin) Fetch(ctx context.Context) ([]Reading, error) {
	text, err := p.Run(ctx, "")
	return ParseValues(text), err
}

// Run runs the plugin with one argument, or with none for an empty one, and returns what it printed. A plugin that ends with another
// status than 0, or not in time, is an error that holds what it complained of.
func (p Plugin) Run(ctx context.Context, argument string) (string, error) {
	settings, err := p.Settings()
	if err != nil {
		return "", err
	}
	spec, err := p.spec(settings, argument)
	if err != nil {
		return "", err
	}
	r, err := command.Run(ctx, spec)
	switch {
	case err != nil:
		return "", fmt.Errorf("running plugin %s: %w", p.Name(), err)
	case r.TimedOut:
		return "", fmt.Errorf("plugin %s did not answer within %s and was ended", p.Name(), spec.Timeout)
	case r.ExitCode != 0:
		return r.Output, fmt.Errorf("plugin %s ended with status %d%s", p.Name(), r.ExitCode, complaint(r))
	}
	return r.Output, nil
}

// complaint is the last line of what a plugin said before it failed.
func complaint(r command.Result) string {
	for _, text := range []string{r.Errors, r.Output} {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
			return ": " + bounded(last)
		}
	}
	return ""
}

// Settings are what plugin-conf.d says of the plugin.
func (p Plugin) Settings() (Settings, error) {
	dir := p.ConfDir
	if dir == "" {
		dir = DefaultConfDir
	}
	conf, err := ReadConf(dir)
	if err != nil {
		return Settings{}, err
	}
	return conf.For(p.Name()), nil
}

func (p Plugin) spec(s Settings, argument string) (command.Spec, error) {
	argv := []string{p.Path}
	if argument != "" {
		argv = append(argv, argument)
	}
	if len(s.Command) > 0 {
		argv = expand(s.Command, argv)
	}
	who := s.User
	if who == "" && os.Geteuid() == 0 {
		who = DefaultUser
	}
	uid, state, err := p.identity(who)
	if err != nil {
		return command.Spec{}, err
	}
	return command.Spec{
		Argv: argv, Env: p.environment(s, state), UID: uid, GID: s.group(), Groups: existing(s), Timeout: p.timeout(s),
		MaxOutput: mostOutput, Apart: true,
	}, nil
}

// expand puts the plugin and its argument in the place of %c. The first word is found along the path, as munin-node finds it.
func expand(words, argv []string) []string {
	var out []string
	for _, word := range words {
		if word == "%c" {
			out = append(out, argv...)
			continue
		}
		out = append(out, strings.ReplaceAll(word, "%c", strings.Join(argv, " ")))
	}
	if !filepath.IsAbs(out[0]) {
		out[0] = onPath(out[0])
	}
	return out
}

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func onPath(name string) string {
	for _, dir := range filepath.SplitList(searchPath) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 && !info.IsDir() {
			return path
		}
	}
	return name
}

func (p Plugin) timeout(s Settings) time.Duration {
	switch {
	case p.Timeout > 0:
		return p.Timeout
	case s.Timeout > 0:
		return s.Timeout
	}
	return DefaultTimeout
}

// existing are the further groups without those that may be missing and are.
func existing(s Settings) []string {
	return slices.DeleteFunc(slices.Clone(s.Groups), func(name string) bool {
		return slices.Contains(s.Optional, name) && command.Known("", name) != nil
	})
}

// identity turns the user of a plugin into an id and its folder of state files. The agent's own user is left as it is.
func (p Plugin) identity(who string) (uid, state string, err error) {
	me, same, err := p.self(who)
	switch {
	case err != nil:
		return "", "", err
	case same:
		state, err = p.stateFolder(me, "")
		return "", state, err
	}
	state, err = p.stateFolder(who, who)
	return who, state, err
}

// self is the name of who runs this agent, and whether a plugin is to run as the same. Who is not root cannot become somebody else.
func (p Plugin) self(who string) (name string, same bool, err error) {
	me, err := user.Current()
	if err != nil {
		return "", false, fmt.Errorf("finding out who runs this agent: %w", err)
	}
	same = who == "" || who == me.Username || who == me.Uid
	if !same && os.Geteuid() != 0 {
		return "", false, fmt.Errorf("plugin %s wants to run as %s, and this agent is not root but %s", p.Name(), who, me.Username)
	}
	return me.Username, same, nil
}

// group is what a plugin runs as beside its user.
func (s Settings) group() string {
	if s.Group == "" && os.Geteuid() == 0 && command.Known("", DefaultGroup) == nil {
		return DefaultGroup
	}
	return s.Group
}

// stateFolder makes the folder of a user's state files. A folder that cannot be made is for the plugin to complain of: few need one.
func (p Plugin) stateFolder(name, owner string) (string, error) {
	top := p.StateDir
	if top == "" {
		top = ownState
		if info, err := os.Stat(muninState); err == nil && info.IsDir() {
			top = muninState
		}
	}
	dir := filepath.Join(top, name)
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return dir, nil
	}
	if err := os.MkdirAll(top, 0o755); err != nil {
		return dir, nil //nolint:nilerr // see above
	}
	if err := os.Mkdir(dir, 0o750); err != nil && !os.IsExist(err) {
		return dir, nil
	}
	if owner == "" {
		return dir, nil
	}
	return dir, give(dir, owner)
}

func give(dir, owner string) error {
	u, err := user.Lookup(owner)
	if err != nil {
		if u, err = user.LookupId(owner); err != nil {
			return fmt.Errorf("user %s not found", owner)
		}
	}
	uid, errUser := strconv.Atoi(u.Uid)
	gid, errGroup := strconv.Atoi(u.Gid)
	if errUser != nil || errGroup != nil {
		return fmt.Errorf("user %s has no numbers", owner)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		return fmt.Errorf("giving %s its folder of state files: %w", owner, err)
	}
	return nil
}

// environment is what munin-node gives a plugin; what plugin-conf.d sets wins.
func (p Plugin) environment(s Settings, state string) map[string]string {
	node := p.Node
	if node == "" {
		node, _ = os.Hostname()
	}
	env := map[string]string{
		"LC_ALL": "C", "LANG": "C", "FQDN": node,
		"MUNIN_LIBDIR": "/usr/share/munin", "MUNIN_CONFDIR": "/etc/munin", "MUNIN_DBDIR": "/var/lib/munin",
		"MUNIN_LOGDIR": "/var/log/munin", "MUNIN_STATEDIR": "/var/run/munin", "MUNIN_SPOOLDIR": "/var/lib/munin-async",
		"MUNIN_PLUGSTATE": state, "MUNIN_STATEFILE": filepath.Join(state, p.Name()+"-"+p.Master), "MUNIN_MASTER_IP": p.Master,
		"MUNIN_CAP_MULTIGRAPH": "1", "MUNIN_CAP_DIRTYCONFIG": "1", "MUNIN_DEBUG": "0",
		"MUNIN_PREFIX": "/usr", "MUNIN_BINDIR": "/usr/bin", "MUNIN_SBINDIR": "/usr/sbin", "MUNIN_OSTYPE": "linux",
		"MUNIN_PERL": "/usr/bin/perl", "MUNIN_PERLLIB": "/usr/share/perl5", "MUNIN_GOODSH": "/bin/sh", "MUNIN_BASH": "/bin/bash",
		"MUNIN_PYTHON": "/usr/bin/env python3", "MUNIN_RUBY": "/usr/bin/env ruby", "MUNIN_MKTEMP": "mktemp -p /tmp/ $1",
		"MUNIN_USER": "munin", "MUNIN_GROUP": "munin", "MUNIN_PLUGINUSER": DefaultUser, "MUNIN_HASSETR": "1",
		"MUNIN_VERSION": muninVersion,
	}
	if p.NoDirty {
		env["MUNIN_CAP_DIRTYCONFIG"] = ""
	}
	maps.Copy(env, s.Env)
	return env
}

// Check says why a plugin cannot be run, before it is; nil when it can.
func (p Plugin) Check() error {
	info, err := os.Stat(p.Path)
	switch {
	case os.IsNotExist(err):
		return fmt.Errorf("there is no plugin %s", p.Path)
	case err != nil:
		return fmt.Errorf("plugin %s: %w", p.Path, err)
	case info.Mode()&fs.ModeType != 0 || info.Mode()&0o111 == 0:
		return fmt.Errorf("plugin %s is no program", p.Path)
	}
	return nil
}

// Ready says why the plugin cannot be run as its settings want it, before it is; nil when it can.
func (p Plugin) Ready() error {
	settings, err := p.Settings()
	if err != nil {
		return err
	}
	if _, _, err := p.self(settings.User); err != nil {
		return err
	}
	for _, group := range append(existing(settings), settings.group()) {
		if err := command.Known(settings.User, group); err != nil {
			return fmt.Errorf("plugin %s: %w", p.Name(), err)
		}
	}
	return nil
}
