package importer

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Nagios says where the configuration of a Nagios, or of an NRPE, is: a folder with *.cfg files, or one file. The macros $USERn$ come
// from resource.cfg, which may stand among them or be named.
type Nagios struct {
	Dir      string
	Resource string // empty: resource.cfg below Dir
}

// Write returns a control file for the services of a Nagios and the commands of an NRPE.
func (n Nagios) Write() ([]byte, error) {
	files, err := configFiles(n.Dir)
	if err != nil {
		return nil, err
	}
	if n.Resource != "" {
		files = append(files, n.Resource)
	}
	w := newNagiosWriter()
	fmt.Fprintf(w, `# The checks of %s, as "dialtone import nagios" found them. Include this file from your control file.
# A plugin's warning (status 1) and critical (status 2) are told when they stand as often in a row as max_check_attempts says. How often
# it is run is written for a control file that says "set daemon 5". Who is told, and when, is set at the collector.
`, plain(n.Dir))
	for _, file := range files {
		w.readFile(file)
	}
	w.write()
	return w.finish(), nil
}

type nagiosWriter struct {
	*page
	macros   map[string]string // USER1 … of resource.cfg
	interval time.Duration     // of Nagios' interval_length
	seen     map[string]bool   // files
	objects  []object
	nrpe     []remoteCommand
	limit    time.Duration // of NRPE's command_timeout
	prefix   string        // of NRPE's command_prefix

	commands map[string]string   // command lines by name
	hosts    map[string]theHost  // by name
	groups   map[string][]string // hosts by hostgroup
}

func newNagiosWriter() *nagiosWriter {
	return &nagiosWriter{page: newPage(), macros: make(map[string]string), seen: make(map[string]bool), interval: time.Minute}
}

type theHost struct {
	place      string
	directives map[string]string
}

// remoteCommand is one command[NAME]=LINE of an NRPE.
type remoteCommand struct{ name, line, place string }

var (
	remotePattern = regexp.MustCompile(`^command\[([^\]]+)\]\s*=\s*(.*)$`)
	macroPattern  = regexp.MustCompile(`\$([A-Za-z0-9_]*)\$`)
)

// readFile takes in one file, once.
func (w *nagiosWriter) readFile(file string) {
	if w.seen[filepath.Clean(file)] || len(w.seen) == mostOfFolder {
		return
	}
	w.seen[filepath.Clean(file)] = true
	text, err := readFile(file)
	if err != nil {
		w.leave("", "%v", err)
		return
	}
	w.read(file, text)
}

// follow takes in what a main file names.
func (w *nagiosWriter) follow(place, from, path string) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(from), path)
	}
	files, err := configFiles(path)
	if err != nil {
		w.leave(place, "%v", err)
	}
	for _, file := range files {
		w.readFile(file)
	}
}

// follows are the statements of main files that name other files, of Nagios and of NRPE.
var follows = []string{"cfg_file", "cfg_dir", "resource_file", "include_file", "include", "include_dir"}

// read takes in the text of one file, whichever of its kinds it is.
func (w *nagiosWriter) read(file, text string) {
	w.objects = append(w.objects, parseObjects(file, text)...)
	for n, line := range joined(text) {
		line = strings.TrimSpace(line)
		if found := remotePattern.FindStringSubmatch(line); found != nil {
			w.nrpe = append(w.nrpe, remoteCommand{found[1], found[2], fmt.Sprintf("%s:%d", file, n)})
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if found := macroPattern.FindStringSubmatch(key); found != nil && found[0] == key && strings.HasPrefix(found[1], "USER") {
			w.macros[found[1]] = value
		}
		seconds, err := strconv.Atoi(value)
		switch {
		case key == "interval_length" && err == nil && seconds > 0 && seconds < 1e6:
			w.interval = time.Duration(seconds) * time.Second
		case key == "command_timeout" && err == nil && seconds > 0 && seconds < 1e6:
			w.limit = time.Duration(seconds) * time.Second
		case key == "command_prefix":
			w.prefix = value
		case slices.Contains(follows, key) && value != "":
			w.follow(fmt.Sprintf("%s:%d", file, n), file, value)
		}
	}
}

func (w *nagiosWriter) write() {
	parents := templatesOf(w.objects)
	w.commands, w.hosts, w.groups = map[string]string{}, map[string]theHost{}, map[string][]string{}
	for _, o := range w.objects {
		d := parents.resolve(o)
		if d["register"] == "0" {
			continue
		}
		switch o.kind {
		case "command":
			w.commands[d["command_name"]] = d["command_line"]
		case "host":
			w.hosts[d["host_name"]] = theHost{o.place, d}
		case "hostgroup":
			w.groups[d["hostgroup_name"]] = append(w.groups[d["hostgroup_name"]], listOf(d["members"])...)
		}
	}
	w.joinGroups()
	for _, name := range sorted(w.hosts) {
		w.writeHost(name)
	}
	for _, o := range w.objects {
		if d := parents.resolve(o); o.kind == "service" && d["register"] != "0" {
			w.writeService(o.place, d)
		}
	}
	for _, c := range w.nrpe {
		w.writeRemote(c)
	}
}

// joinGroups adds the hosts that name their groups themselves.
func (w *nagiosWriter) joinGroups() {
	for _, name := range sorted(w.hosts) {
		for _, group := range listOf(w.hosts[name].directives["hostgroups"]) {
			w.groups[group] = append(w.groups[group], name)
		}
	}
}

func listOf(text string) []string {
	var all []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			all = append(all, item)
		}
	}
	return all
}

// writeHost writes the check that tells whether a host is there, which is a ping with nearly everybody.
func (w *nagiosWriter) writeHost(name string) {
	h := w.hosts[name]
	check, _, _ := strings.Cut(h.directives["check_command"], "!")
	if check == "" {
		return
	}
	if line := w.commands[check]; !strings.Contains(line, "check_ping") && !strings.Contains(line, "check_icmp") && !strings.Contains(line, "check_fping") {
		w.writeCommand(h.place, h.directives, []string{name}, "host")
		return
	}
	address := h.directives["address"]
	if address == "" {
		address = name
	}
	written, ok := quoted(address)
	if !ok {
		w.leave(h.place, "host %s: its address cannot be written in a control file", name)
		return
	}
	fmt.Fprintf(w, "\n# %s\ncheck host %s with address %s\n", plain(h.place), w.name("host", name), written)
	w.every(w.pace(h.directives))
	fmt.Fprintf(w, "    if failed ping%s then alert\n", attempts(h.directives))
}

// writeService writes a service for each host that it is defined for.
func (w *nagiosWriter) writeService(place string, d map[string]string) {
	hosts := w.hostsOf(d)
	if len(hosts) == 0 {
		w.leave(place, "service %s: it names no host that is defined", d["service_description"])
		return
	}
	w.writeCommand(place, d, hosts, d["service_description"])
}

func (w *nagiosWriter) writeCommand(place string, d map[string]string, hosts []string, what string) {
	parts := strings.Split(strings.ReplaceAll(d["check_command"], `\!`, "\x00"), "!")
	line, known := w.commands[strings.TrimSpace(parts[0])]
	switch {
	case d["active_checks_enabled"] == "0":
		w.leave(place, "%s: it is passive; dialtone asks by itself", what)
		return
	case !known:
		w.leave(place, "%s: its command %s is not defined here", what, parts[0])
		return
	}
	for _, host := range hosts {
		macros := w.macrosOf(host, d, parts[1:])
		text, missing := expand(line, macros)
		if missing != "" {
			w.leave(place, "%s on %s: nothing here says what %s is", what, host, missing)
			continue
		}
		w.writeNagios(place, w.pace(d), attempts(d), d["notes_url"], text, 0, host, what)
	}
}

// writeNagios writes one statement that runs a plugin.
func (w *nagiosWriter) writeNagios(place string, pace time.Duration, window, runbook, line string, timeout time.Duration, name ...string) {
	argv := argvOf(line)
	if len(argv) == 0 || !filepath.IsAbs(argv[0]) {
		w.leave(place, "%s: its command does not begin with an absolute path: %s", strings.Join(name, " "), line)
		return
	}
	command, ok := commandLine(argv)
	if !ok {
		w.leave(place, "%s: its command cannot be written in a control file: %s", strings.Join(name, " "), line)
		return
	}
	fmt.Fprintf(w, "\n# %s\ncheck nagios %s with command %s", plain(place), w.name(name...), command)
	if timeout > 0 {
		fmt.Fprintf(w, " with timeout %d seconds", int(timeout.Seconds()))
	}
	w.WriteByte('\n')
	w.every(pace)
	if url, ok := quoted(runbook); ok && strings.HasPrefix(runbook, "http") && !strings.Contains(runbook, "$") {
		fmt.Fprintf(w, "    runbook %s\n", url)
	}
	fmt.Fprintf(w, "    if status > 1%s then alert\n    if status > 0%s then alert\n", window, window)
}

func (w *nagiosWriter) writeRemote(c remoteCommand) {
	line, missing := expand(strings.TrimSpace(w.prefix+" "+c.line), w.macros)
	if missing != "" {
		w.leave(c.place, "%s: %s comes from whoever asks; write the command with what it is to be", c.name, missing)
		return
	}
	w.writeNagios(c.place, time.Minute, " for 3 cycles", "", line, w.limit, c.name)
}

// hostsOf are the hosts of a service: named, by group, all (*), and without those behind a !.
func (w *nagiosWriter) hostsOf(d map[string]string) []string {
	var hosts []string
	without := map[string]bool{}
	for _, name := range listOf(d["host_name"]) {
		switch {
		case name == "*":
			hosts = append(hosts, sorted(w.hosts)...)
		case strings.HasPrefix(name, "!"):
			without[name[1:]] = true
		default:
			hosts = append(hosts, name)
		}
	}
	for _, group := range append(listOf(d["hostgroup_name"]), listOf(d["hostgroup"])...) {
		if group == "*" {
			hosts = append(hosts, sorted(w.hosts)...)
		}
		hosts = append(hosts, w.groups[group]...)
	}
	slices.Sort(hosts)
	return slices.DeleteFunc(slices.Compact(hosts), func(name string) bool {
		_, known := w.hosts[name]
		return without[name] || !known
	})
}

// macrosOf are the macros that a command line of a service can use.
func (w *nagiosWriter) macrosOf(host string, d map[string]string, args []string) map[string]string {
	h := w.hosts[host].directives
	macros := map[string]string{
		"HOSTNAME": host, "HOSTALIAS": or(h["alias"], host), "HOSTDISPLAYNAME": or(h["display_name"], host),
		"HOSTADDRESS": or(h["address"], host), "SERVICEDESC": d["service_description"], "SERVICEDISPLAYNAME": or(d["display_name"], d["service_description"]),
	}
	maps.Copy(macros, w.macros)
	for key, value := range h {
		if strings.HasPrefix(key, "_") {
			macros["_HOST"+strings.ToUpper(key[1:])] = value
		}
	}
	for key, value := range d {
		if strings.HasPrefix(key, "_") {
			macros["_SERVICE"+strings.ToUpper(key[1:])] = value
		}
	}
	for i := range 32 {
		value := ""
		if i < len(args) {
			value, _ = expand(strings.ReplaceAll(args[i], "\x00", "!"), macros)
		}
		macros[fmt.Sprintf("ARG%d", i+1)] = value
	}
	return macros
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// expand puts macros in their places; missing is the first that nobody defines. $$ is a dollar.
func expand(line string, macros map[string]string) (text, missing string) {
	text = macroPattern.ReplaceAllStringFunc(line, func(found string) string {
		name := found[1 : len(found)-1]
		if name == "" {
			return "$"
		}
		value, known := macros[name]
		if !known && missing == "" {
			missing = found
		}
		return value
	})
	return text, missing
}

// pace is how often a check is run: where several failures in a row are wanted, as often as Nagios asks again after the first.
func (w *nagiosWriter) pace(d map[string]string) time.Duration {
	interval := w.span(or(d["check_interval"], d["normal_check_interval"]), 5)
	again := w.span(or(d["retry_interval"], d["retry_check_interval"]), 1)
	if number(d["max_check_attempts"]) > 1 {
		return min(interval, again)
	}
	return interval
}

// span reads a number of Nagios' intervals.
func (w *nagiosWriter) span(text string, otherwise float64) time.Duration {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n <= 0 || n > 1e6 {
		n = otherwise
	}
	return time.Duration(n * float64(w.interval))
}

// attempts writes the window of a rule for max_check_attempts; a window holds 64 looks at most.
func attempts(d map[string]string) string {
	n := min(number(d["max_check_attempts"]), 64)
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(" for %d cycles", n)
}

func number(text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0
	}
	return n
}
