package agentcmd

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// platform names the system as a person would: "Debian GNU/Linux 12 (bookworm), Linux 6.1.0".
func platform() string {
	name := "Linux"
	if text, err := os.ReadFile("/etc/os-release"); err == nil {
		name = prettyName(text)
	}
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return name
	}
	return name + ", Linux " + unix.ByteSliceToString(u.Release[:])
}

// prettyName reads PRETTY_NAME of os-release(5).
func prettyName(text []byte) string {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if value, is := strings.CutPrefix(lines.Text(), "PRETTY_NAME="); is {
			return strings.Trim(value, `"'`)
		}
	}
	return "Linux"
}

// booted is when the machine started; zero where the kernel does not say.
func booted() time.Time {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	return bootTime(text)
}

// bootTime reads btime of proc_stat(5).
func bootTime(text []byte) time.Time {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if value, is := strings.CutPrefix(lines.Text(), "btime "); is {
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
				return time.Unix(n, 0).UTC()
			}
		}
	}
	return time.Time{}
}

// machineBoot is the kernel's id of this boot; empty where it gives none.
func machineBoot() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
