package importer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dialtone/dialtone/checks/munin"
)

// Munin says where a munin-node has its things. Only Plugins is required.
type Munin struct {
	Plugins  string // the folder of installed plugins, /etc/munin/plugins
	Conf     string // the folder of their settings; empty: plugin-conf.d beside Plugins where it is there
	NodeConf string // munin-node.conf; empty: the one beside Plugins where it is there
	Library  string // with it, plugins of this folder that could be used and are not installed are asked and suggested
}

const (
	mostPlugins = 2000
	mostFile    = 4 << 20 // bytes of one file that is read

	// pluginCycle is how often written plugins are run: five times as often as Munin's own five minutes, without costing much.
	pluginCycle = time.Minute
)

// Write returns a control file for the plugins that are installed. Nothing is run, unless Library asks for suggestions.
func (m Munin) Write(ctx context.Context) ([]byte, error) {
	entries, err := os.ReadDir(m.Plugins)
	if err != nil {
		return nil, fmt.Errorf("reading the folder of plugins: %w", err)
	}
	if m.Conf == "" {
		m.Conf = filepath.Join(filepath.Dir(m.Plugins), "plugin-conf.d")
	}
	if m.NodeConf == "" {
		m.NodeConf = filepath.Join(filepath.Dir(m.Plugins), "munin-node.conf")
	}
	p := newPage()
	fmt.Fprintf(p, `# The plugins of %s, as "dialtone import munin" found them. Include this file from your control file.
# Each plugin's own limits (warning, critical) make its service a warning or critical without a rule. It is run once a minute where
# the control file says "set daemon 5"; Munin itself runs them every five minutes.
`, plain(m.Plugins))
	m.writeNode(p)
	installed := map[string]bool{}
	for _, entry := range entries[:min(len(entries), mostPlugins)] {
		if !munin.Ignored(entry.Name()) && !entry.IsDir() {
			m.writePlugin(p, filepath.Join(m.Plugins, entry.Name()))
			installed[entry.Name()] = true
		}
	}
	if len(entries) > mostPlugins {
		p.leave(m.Plugins, "%d more files", len(entries)-mostPlugins)
	}
	m.writeFaults(p)
	if m.Library != "" {
		m.suggest(ctx, p, installed)
	}
	return p.finish(), nil
}

func (m Munin) writePlugin(p *page, path string) {
	if err := (munin.Plugin{Path: path}).Check(); err != nil {
		p.leave(path, "%v", err)
		return
	}
	where := path
	if target, err := filepath.EvalSymlinks(path); err == nil && target != path {
		where += " -> " + target
	}
	m.writeCheck(p, path, where)
}

// writeCheck writes the statement of one plugin; note is its comment.
func (m Munin) writeCheck(p *page, path, note string) {
	written, ok := word(path)
	if !ok {
		p.leave(path, "its path cannot be written in a control file")
		return
	}
	conf := ""
	if m.Conf != munin.DefaultConfDir {
		if text, ok := word(m.Conf); ok && isDir(m.Conf) {
			conf = " config " + text
		}
	}
	fmt.Fprintf(p, "\n# %s\ncheck munin %s with plugin %s%s\n", plain(note), p.name(filepath.Base(path)), written, conf)
	p.every(pluginCycle)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// writeFaults tells of settings that munin-node cannot read either.
func (m Munin) writeFaults(p *page) {
	conf, err := munin.ReadConf(m.Conf)
	if err != nil {
		p.leave("", "%v", err)
		return
	}
	for _, fault := range conf.Faults {
		p.leave("", "%s", fault)
	}
}

// writeNode offers the statement that lets the masters of munin-node.conf go on asking. It is a comment: the port is munin-node's as
// long as that runs.
func (m Munin) writeNode(p *page) {
	text, err := readFile(m.NodeConf)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			p.leave("", "%v", err)
		}
		return
	}
	host, port, networks := "0.0.0.0", 4949, []string(nil)
	n := 0
	for line := range strings.Lines(text) {
		n++
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		value = strings.TrimSpace(value)
		switch key {
		case "host":
			if value != "*" {
				host = value
			}
		case "port":
			if given, err := strconv.Atoi(value); err == nil {
				port = given
			}
		case "cidr_allow":
			networks = append(networks, value)
		case "allow":
			address, ok := literalAddress(value)
			if !ok {
				p.leave(fmt.Sprintf("%s:%d", m.NodeConf, n), "allow %s: write the network in set munin", value)
				continue
			}
			networks = append(networks, address)
		}
	}
	fmt.Fprintf(p, `#
# To answer the masters that munin-node answers, stop munin-node and write into the control file:
#   set munin address %s:%d allow %s
`, plain(host), port, plain(strings.Join(networks, ", ")))
}

var addressPattern = regexp.MustCompile(`^\^([0-9]{1,3}(?:\\\.[0-9]{1,3}){3}|[0-9a-fA-F:]+)\$$`)

// literalAddress reads an `allow` that stands for one address.
func literalAddress(pattern string) (string, bool) {
	found := addressPattern.FindStringSubmatch(pattern)
	if found == nil {
		return "", false
	}
	return strings.ReplaceAll(found[1], `\.`, "."), true
}

func readFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() || info.Size() > mostFile {
		return "", fmt.Errorf("%s is no file of at most %d bytes", path, mostFile)
	}
	text, err := os.ReadFile(path)
	return string(text), err
}

// suggest asks the plugins of the library that can be asked: whether they would work here, and what wildcards would look at.
func (m Munin) suggest(ctx context.Context, p *page, installed map[string]bool) {
	entries, err := os.ReadDir(m.Library)
	if err != nil {
		p.leave("", "suggestions: %v", err)
		return
	}
	p.WriteString("\n# Suggestions: plugins that say that they would work here and are not installed.\n")
	for _, entry := range entries[:min(len(entries), mostPlugins)] {
		path := filepath.Join(m.Library, entry.Name())
		can := capabilities(path)
		if munin.Ignored(entry.Name()) || !can["autoconf"] || ctx.Err() != nil {
			continue
		}
		plugin := munin.Plugin{Path: path, ConfDir: m.Conf}
		if answer, err := plugin.Run(ctx, "autoconf"); err != nil || strings.TrimSpace(answer) != "yes" {
			continue
		}
		if !can["suggest"] {
			m.offer(p, installed, entry.Name(), path)
			continue
		}
		answer, err := plugin.Run(ctx, "suggest")
		if err != nil {
			p.leave(path, "suggest: %v", err)
			continue
		}
		for what := range strings.FieldsSeq(answer) {
			m.offer(p, installed, entry.Name()+what, path)
		}
	}
}

// offer writes what would watch by a plugin that is not installed yet.
func (m Munin) offer(p *page, installed map[string]bool, name, path string) {
	if installed[name] || strings.ContainsRune(name, '/') {
		return
	}
	installed[name] = true
	link := filepath.Join(m.Plugins, name)
	written, ok := word(link)
	if !ok {
		return
	}
	fmt.Fprintf(p, "#   ln -s %s %s\n#   check munin %s with plugin %s\n", plain(path), plain(link), name, written)
}

// magic are the markers that say what a plugin can be asked.
var magic = regexp.MustCompile(`#%#\s+capabilities\s*=\s*(.*)`)

func capabilities(path string) map[string]bool {
	text, err := readFile(path)
	can := map[string]bool{}
	if err != nil {
		return can
	}
	for _, found := range magic.FindAllStringSubmatch(text, 10) {
		for word := range strings.FieldsSeq(found[1]) {
			can[word] = true
		}
	}
	return can
}
