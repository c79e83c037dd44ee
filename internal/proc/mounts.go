package proc

import (
	"bytes"
	"strings"
)

// Mount is one line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
type Mount struct {
	Point   string // where it is mounted
	Type    string // ext4, nfs4, …
	Device  string // /dev/vda1, server:/export, …
	Options string // of the mount point, as written: "rw,relatime"
	Super   string // of the file system itself
	Number  string // of its device, "254:0"; of those without one, the kernel makes one up: "0:21"
}

// ReadOnly reports whether nothing can be written there, be it because of the mount point or of the file system.
func (m Mount) ReadOnly() bool { return hasOption(m.Options, "ro") || hasOption(m.Super, "ro") }

// Flags are the options of the mount point as they work: a file system that the kernel made read-only because of an error leaves "rw" in
// those of its mount points.
func (m Mount) Flags() string {
	if rest, is := strings.CutPrefix(m.Options, "rw"); is && m.ReadOnly() {
		return "ro" + rest
	}
	return m.Options
}

func hasOption(list, want string) bool {
	for option := range strings.SplitSeq(list, ",") {
		if option == want {
			return true
		}
	}
	return false
}

// ParseMounts reads mountinfo; lines that are none are left out. A later mount on the same point hides an earlier one, and only
// the later is returned. The order is that of the lines.
func ParseMounts(text []byte) []Mount {
	var all []Mount
	at := map[string]int{}
	for line := range bytes.Lines(text) {
		m, ok := parseMount(string(line))
		if !ok {
			continue
		}
		if i, hidden := at[m.Point]; hidden {
			all[i] = m
			continue
		}
		at[m.Point] = len(all)
		all = append(all, m)
	}
	return all
}

func parseMount(line string) (Mount, bool) {
	before, after, found := strings.Cut(line, " - ")
	left, right := strings.Fields(before), strings.Fields(after)
	if !found || len(left) < 6 || len(right) < 2 {
		return Mount{}, false
	}
	m := Mount{Point: Unescape(left[4]), Options: left[5], Number: left[2], Type: right[0], Device: Unescape(right[1])}
	if len(right) > 2 {
		m.Super = right[2]
	}
	return m, true
}

// Unescape turns the kernel's octal escapes of blank, tab, line end and backslash back.
func Unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
