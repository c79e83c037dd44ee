package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dialtone/dialtone"
	"golang.org/x/sys/unix"
)

func init() {
	register(source{
		name: "system",
		families: []dialtone.Metric{
			gauge("node_uname_info", "", "Always 1; the labels name the kernel and the machine (uname(2)).", "domainname", "machine", "nodename", "release", "sysname", "version"),
			gauge("node_os_info", "", "Always 1; the labels name the distribution (os-release(5)).", osLabels...),
			gauge("node_os_version", "", "Version of the distribution, major and minor.", "id", "id_like", "name"),
		},
		start: func(cfg Config) collector { return &system{root: cfg.Root} },
	})
}

// system names what runs. It is read once: another kernel or distribution takes a boot, or at least a new start of the agent. The
// node's name alone can change, and is asked for again.
type system struct {
	root    string
	node    string
	kernel  []dialtone.Label
	osInfo  []dialtone.Label
	osVer   []dialtone.Label
	version float64
	read    bool
}

var osLabels = []string{"build_id", "id", "id_like", "image_id", "image_version", "name", "pretty_name", "variant", "variant_id", "version", "version_codename", "version_id"}

func (s *system) collect(_ context.Context, b *batch) error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return fmt.Errorf("asking for the kernel's name: %w", err)
	}
	if node := unix.ByteSliceToString(u.Nodename[:]); s.kernel == nil || node != s.node {
		s.node = node
		s.kernel = []dialtone.Label{
			{Name: "domainname", Value: unix.ByteSliceToString(u.Domainname[:])},
			{Name: "machine", Value: unix.ByteSliceToString(u.Machine[:])},
			{Name: "nodename", Value: node},
			{Name: "release", Value: unix.ByteSliceToString(u.Release[:])},
			{Name: "sysname", Value: unix.ByteSliceToString(u.Sysname[:])},
			{Name: "version", Value: unix.ByteSliceToString(u.Version[:])},
		}
	}
	b.add("node_uname_info", s.kernel, 1)
	if !s.read {
		if err := s.readRelease(); err != nil {
			return err
		}
		s.read = true
	}
	if s.osInfo != nil {
		b.add("node_os_info", s.osInfo, 1)
	}
	if s.version > 0 {
		b.add("node_os_version", s.osVer, s.version)
	}
	return nil
}

func (s *system) readRelease() error {
	for _, path := range []string{"etc/os-release", "usr/lib/os-release"} {
		text, err := os.ReadFile(filepath.Join(s.root, path))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading the distribution's name: %w", err)
		}
		s.release(parseRelease(string(text)))
		return nil
	}
	return nil
}

func (s *system) release(names map[string]string) {
	for _, label := range osLabels {
		s.osInfo = append(s.osInfo, dialtone.Label{Name: label, Value: names[strings.ToUpper(label)]})
	}
	s.osVer = []dialtone.Label{{Name: "id", Value: names["ID"]}, {Name: "id_like", Value: names["ID_LIKE"]}, {Name: "name", Value: names["NAME"]}}
	major, rest, _ := strings.Cut(names["VERSION_ID"], ".")
	minor, _, _ := strings.Cut(rest, ".")
	if version, ok := number([]byte(strings.TrimSuffix(major+"."+minor, "."))); ok {
		s.version = version
	}
}

// parseRelease reads the NAME=VALUE lines of os-release(5); values may stand in quotation marks.
func parseRelease(text string) map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if !found || strings.HasPrefix(name, "#") {
			continue
		}
		if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		names[name] = strings.NewReplacer(`\"`, `"`, `\$`, `$`, "\\`", "`", `\\`, `\`).Replace(value)
	}
	return names
}
