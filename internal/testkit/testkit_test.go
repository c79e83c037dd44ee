package testkit_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

func pidText(pid int) string { return strconv.Itoa(pid) }

func TestFindSaysWhatIsMissing(t *testing.T) {
	empty := t.TempDir()
	t.Setenv("DIALTONE_CACHE", empty)
	_, err := testkit.Find(t.Context(), "teleprinter", "teleprinter")
	if err == nil || !strings.Contains(err.Error(), "packages.txt names no packages for teleprinter") {
		t.Errorf("the error is %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(empty, "debian", "*", "teleprinter*"))
	if len(left) != 1 || !strings.HasSuffix(left[0], ".failed") {
		t.Errorf("the cache holds %v; only the reason is kept", left)
	}
}

func TestProgramOfACachedPackageIsThereAtOnce(t *testing.T) {
	first := testkit.Program(t, "nginx", "nginx")
	began := time.Now()
	again := testkit.Program(t, "nginx", "nginx")
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("twice asked (-first +second):\n%s", diff)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("asking again took %v", took)
	}
	if _, err := os.Stat(again.Path); err != nil {
		t.Error(err)
	}
}

// TestProgramsRun finds a library that is missing from the cache before a test of something else does.
func TestProgramsRun(t *testing.T) {
	t.Parallel()
	cases := []struct{ pkg, program, version, says string }{
		{"nginx", "nginx", "-v", "nginx version"},
		{"memcached", "memcached", "--version", "memcached 1."},
		{"prometheus", "promtool", "--version", "promtool, version"},
		{"systemd", "systemctl", "--version", "systemd 2"},
		{"chromium", "chromium", "--version", "Chromium"},
	}
	for _, c := range cases {
		t.Run(c.program, func(t *testing.T) {
			program := testkit.Program(t, c.pkg, c.program)
			if c.pkg == "chromium" {
				program = testkit.Browser(t)
			}
			r, err := command.Run(t.Context(), program.Spec(c.version))
			if err != nil || !strings.Contains(r.Output, c.says) {
				t.Errorf("error %v, it prints %q", err, r.Output)
			}
		})
	}
}

func TestReceiverKeepsWhatArrives(t *testing.T) {
	t.Parallel()
	r := testkit.Receiver(t)
	r.Answer(http.StatusServiceUnavailable)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL+"/hook", strings.NewReader("ring"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Caller", "desk")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("it answers %s", resp.Status)
	}
	got := r.Wait(t, 1, time.Second)[0]
	if got.Method != "POST" || got.Path != "/hook" || got.Header.Get("X-Caller") != "desk" || string(got.Body) != "ring" || got.At.IsZero() {
		t.Errorf("it kept %+v", got)
	}
}

func TestEventuallyAsksUntilItIsSo(t *testing.T) {
	t.Parallel()
	asked := 0
	testkit.Eventually(t, time.Minute, func() error {
		if asked++; asked < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}
