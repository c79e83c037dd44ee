package agentcmd

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// leftOut are the elements of Monit's document that dialtone does not fill: totals since boot where it has rates, and what it does not
// measure for a document alone.
var leftOut = []string{
	"filesystem/fstype", "filesystem/inode/total", "filesystem/read/bytes/total", "filesystem/read/operations/total",
	"filesystem/servicetime/read", "filesystem/servicetime/write", "filesystem/write/bytes/total", "filesystem/write/operations/total",
	"network/link/download/bytes/total", "network/link/download/errors", "network/link/download/errors/now", "network/link/download/errors/total",
	"network/link/download/packets/total", "network/link/duplex", "network/link/speed", "network/link/upload/bytes/total", "network/link/upload/errors",
	"network/link/upload/errors/now", "network/link/upload/errors/total", "network/link/upload/packets/total",
	"process/cpu/percenttotal", "process/euid", "process/filedescriptors/opentotal", "process/gid", "process/uid", // only where a rule asks
	"process/filedescriptors/limit", "process/filedescriptors/limit/hard", "process/filedescriptors/limit/soft",
	"process/read/bytes/total", "process/read/bytesgeneric/total", "process/read/operations/total",
	"process/write/bytes/total", "process/write/bytesgeneric/total", "process/write/operations/total",
	"system/filedescriptors/maximum", "system/filedescriptors/unused",
	"system/system/swap", "system/system/swap/kilobyte", "system/system/swap/percent", // not where there is none
}

// TestStatusDocumentIsMonits: the same control file under Monit and under the agent gives documents of the same elements.
func TestStatusDocumentIsMonits(t *testing.T) {
	monit := testkit.Program(t, "monit", "monit")
	dir := t.TempDir()
	sleeper, err := command.Start(command.Spec{Argv: []string{"/bin/sleep", "600"}})
	if err != nil {
		t.Fatal(err)
	}
	defer sleeper.Stop(time.Second)
	pidfile := filepath.Join(dir, "sleep.pid")
	if err := os.WriteFile(pidfile, fmt.Appendln(nil, sleeper.PID()), 0o600); err != nil {
		t.Fatal(err)
	}
	services := `
check process sleeper with pidfile ` + pidfile + ` every 2 cycles
  group tests
  if failed unixsocket /nowhere then alert
check file passwd with path /etc/passwd
  if failed checksum then alert
check directory etc with path /etc
check filesystem root with path /
check host here with address 127.0.0.1
  if failed ping then alert
  if failed port 1 then alert
check network loop with interface lo
check program fine with path "/bin/true"
  if status != 0 then alert
check system machine
  if loadavg (1min) > 1000 then alert
`
	page := func(port int) string {
		return fmt.Sprintf("set daemon 1\nset httpd port %d and use address 127.0.0.1 allow admin:monit\n", port)
	}
	oracle := filepath.Join(dir, "monitrc")
	port := testkit.FreePort(t)
	text := page(port) + fmt.Sprintf("set idfile %[1]s/id\nset statefile %[1]s/state\nset pidfile %[1]s/pid\n", dir) + services
	if err := os.WriteFile(oracle, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := command.Start(monit.Spec("-I", "-c", oracle))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop(5 * time.Second)
	own := testkit.FreePort(t)
	path, _ := write(t, page(own)+services)
	started(t, path)

	want, got := elementsOnceFull(t, port), elementsOnceFull(t, own)
	for _, name := range leftOut {
		delete(want, name)
		delete(got, name)
	}
	delete(got, "filesystem/servicetime/total") // reads and writes together
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("elements (-Monit's +ours):\n%s", diff)
	}
}

// elementsOnceFull asks until every service was looked at twice, so that rates are there, and returns the paths of all elements.
func elementsOnceFull(t *testing.T, port int) map[string]bool {
	t.Helper()
	var found map[string]bool
	testkit.Eventually(t, 30*time.Second, func() error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/_status?format=xml", port), nil)
		if err != nil {
			return err
		}
		r.SetBasicAuth("admin", "monit")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		found, err = elements(answer.Body)
		late := []string{"process/cpu/percent", "system/system/cpu/user", "filesystem/read/bytes/count", "process/unix/responsetime", "host/port/responsetime", "program/program/status"}
		for _, name := range late {
			if err == nil && !found[name] {
				err = fmt.Errorf("no %s yet", name)
			}
		}
		return err
	})
	return found
}

// elements are the paths of a document's elements; those of a service begin with the name of its kind.
func elements(r io.Reader) (map[string]bool, error) {
	kinds := map[string]string{"0": "filesystem", "1": "directory", "2": "file", "3": "process", "4": "host", "5": "system", "7": "program", "8": "network"}
	found := map[string]bool{}
	var path []string
	d := xml.NewDecoder(r)
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // Monit says ISO-8859-1, and means it; names are ASCII
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			if name == "service" && len(token.Attr) == 1 {
				name = kinds[token.Attr[0].Value]
			}
			path = append(path, name)
			found[strings.Join(path[min(1, len(path)-1):], "/")] = true
		case xml.EndElement:
			path = path[:len(path)-1]
		default:
		}
	}
}
