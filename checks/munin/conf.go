package munin

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// DefaultConfDir is where munin-node looks for what plugins are run with.
const DefaultConfDir = "/etc/munin/plugin-conf.d"

// mostConf bounds one file of plugin-conf.d, in bytes.
const mostConf = 1 << 20

// Conf is what the files of plugin-conf.d say, by section.
type Conf struct {
	sections map[string]*Settings
	Faults   []string // what could not be read, each with its place; the rest of such a file is left out, as munin-node does
}

// Settings are how plugins are run. The zero value leaves everything to the defaults.
type Settings struct {
	User     string
	Group    string   // the first of `group`
	Groups   []string // the further ones
	Optional []string // those of them that may be missing: they stood in brackets
	Command  []string // run instead of the plugin; %c is the plugin with its argument
	Env      map[string]string
	HostName string
	Timeout  time.Duration
}

// ReadConf reads the files of a folder in the order of their names: what comes later wins. A folder that is missing has no settings.
func ReadConf(dir string) (*Conf, error) {
	c := &Conf{sections: make(map[string]*Settings)}
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the settings of plugins: %w", err)
	}
	for _, entry := range entries {
		if name := entry.Name(); ignored.MatchString(name) || entry.IsDir() {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		info, err := os.Stat(path)
		if err == nil && info.Size() > mostConf {
			err = fmt.Errorf("it is larger than %d bytes", mostConf)
		}
		var text []byte
		if err == nil {
			text, err = os.ReadFile(path)
		}
		if err != nil {
			c.Faults = append(c.Faults, fmt.Sprintf("%s: %v", path, err))
			continue
		}
		c.parse(path, string(text))
	}
	return c, nil
}

// ignored are the files that Debian's munin-node.conf leaves out, in plugin-conf.d as in plugins: those of editors and packagers.
var ignored = regexp.MustCompile(`[~#]$|^#|DEADJOE$|\.(bak|rpm(save|new|orig)|dpkg-(tmp|new|old|dist)|swp|pod)$|^\.`)

// Ignored reports whether a file of plugins or plugin-conf.d is one that munin-node overlooks, by its name.
func Ignored(name string) bool { return ignored.MatchString(name) }

// parse adds the sections of one file. The first line that is wrong ends it.
func (c *Conf) parse(path, text string) {
	var now *Settings
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if name, is := sectionName(line); is {
			now = c.section(name)
			continue
		}
		why := "a setting stands before the first [section]"
		if now != nil {
			why = now.set(line)
		}
		if why != "" {
			c.Faults = append(c.Faults, fmt.Sprintf("%s:%d: %s; the rest of the file is left out", path, n, why))
			return
		}
	}
}

func sectionName(line string) (string, bool) {
	if line[0] != '[' || !strings.HasSuffix(line, "]") {
		return "", false
	}
	return strings.TrimSpace(line[1 : len(line)-1]), true
}

func (c *Conf) section(name string) *Settings {
	s := c.sections[name]
	if s == nil {
		s = &Settings{Env: make(map[string]string)}
		c.sections[name] = s
	}
	return s
}

// set reads one line of a section; it returns what is wrong with it.
func (s *Settings) set(line string) string {
	key, value, _ := strings.Cut(line, " ")
	if tab := strings.IndexByte(key, '\t'); tab >= 0 {
		key, value = line[:tab], line[tab+1:]
	}
	value = strings.TrimSpace(value)
	if name, is := strings.CutPrefix(key, "env."); is {
		if strings.ContainsAny(name, "=\x00") || name == "" || strings.ContainsRune(value, 0) {
			return fmt.Sprintf("%q is no env.NAME VALUE", line)
		}
		s.Env[name] = value
		return ""
	}
	switch key {
	case "user":
		s.User = value
	case "group":
		s.setGroups(value)
	case "command":
		s.Command = strings.Fields(value)
	case "host_name":
		s.HostName = value
	case "timeout":
		seconds, err := time.ParseDuration(value + "s")
		if err != nil || seconds <= 0 {
			return fmt.Sprintf("timeout %q is no number of seconds", value)
		}
		s.Timeout = seconds
	case "update_rate":
	default:
		return fmt.Sprintf("%q is none of user, group, command, host_name, timeout and env.NAME", key)
	}
	return ""
}

// setGroups reads `group adm, (Debian-exim)`: the first is the plugin's own, those in brackets may be missing.
func (s *Settings) setGroups(value string) {
	s.Group, s.Groups, s.Optional = "", nil, nil
	for name := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		plain := strings.Trim(name, "()")
		if plain != name {
			s.Optional = append(s.Optional, plain)
		}
		if s.Group == "" && plain == name {
			s.Group = plain
			continue
		}
		s.Groups = append(s.Groups, plain)
	}
}

// For merges what holds for a plugin: its own section first, then those with wildcards from the last name to the first. What the
// earlier of them says holds, variable by variable.
func (c *Conf) For(plugin string) Settings {
	merged := Settings{Env: make(map[string]string)}
	if own := c.sections[plugin]; own != nil {
		merged.fill(own)
	}
	var names []string
	for name := range c.sections {
		if name != plugin && matches(name, plugin) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Backward(names) {
		merged.fill(c.sections[name])
	}
	return merged
}

// matches says whether a section's name, with a * at its beginning or end, or both, holds for a plugin.
func matches(pattern, plugin string) bool {
	rest, before := strings.CutPrefix(pattern, "*")
	rest, after := strings.CutSuffix(rest, "*")
	switch {
	case before && after, pattern == "*":
		return strings.Contains(plugin, rest)
	case before:
		return strings.HasSuffix(plugin, rest)
	case after:
		return strings.HasPrefix(plugin, rest)
	}
	return false
}

// fill takes over what is not said yet.
func (s *Settings) fill(from *Settings) {
	if s.User == "" {
		s.User = from.User
	}
	if s.Group == "" && s.Groups == nil {
		s.Group, s.Groups, s.Optional = from.Group, from.Groups, from.Optional
	}
	if s.Command == nil {
		s.Command = from.Command
	}
	if s.HostName == "" {
		s.HostName = from.HostName
	}
	if s.Timeout == 0 {
		s.Timeout = from.Timeout
	}
	for name, value := range from.Env {
		if _, said := s.Env[name]; !said {
			s.Env[name] = value
		}
	}
}
