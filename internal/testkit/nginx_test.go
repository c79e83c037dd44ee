package testkit_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

func TestNginxLivesAndDies(t *testing.T) {
	t.Parallel()
	n := testkit.Nginx(t)
	if n.Running() {
		t.Fatal("it runs before anybody started it")
	}
	n.Start(t)
	if diff := cmp.Diff("dial tone\n", get(t, n.URL())); diff != "" {
		t.Errorf("its page (-want +got):\n%s", diff)
	}
	comm, err := os.ReadFile(filepath.Join("/proc", pidText(n.PID(t)), "comm"))
	if err != nil || string(comm) != "nginx\n" {
		t.Errorf("comm is %q, error %v; checks that match by name need nginx", comm, err)
	}
	n.Kill(t)
	if n.Running() {
		t.Error("it runs after SIGKILL")
	}
	n.Start(t) // nothing of the killed one keeps the port
	n.Stop(t)
}

func TestNginxWithBrokenConfigurationDoesNotStart(t *testing.T) {
	t.Parallel()
	n := testkit.Nginx(t)
	n.Start(t)
	n.Break(t)
	if got := get(t, n.URL()); got != "dial tone\n" {
		t.Errorf("a running server answers %q once its configuration is broken", got)
	}
	if code := exitCode(t, n.Test); code == 0 {
		t.Error("the broken configuration passes its test")
	}
	n.Kill(t)
	if code := exitCode(t, n.StartArgv); code == 0 || n.Running() {
		t.Errorf("with a broken configuration it starts: exit status %d, running %v", code, n.Running())
	}
	n.Mend(t)
	n.Start(t)
	if code := exitCode(t, n.Reload); code != 0 {
		t.Errorf("reload: exit status %d", code)
	}
}

func TestMemcachedLivesAndDies(t *testing.T) {
	t.Parallel()
	m := testkit.Memcached(t)
	m.Start(t)
	m.Kill(t)
	m.Start(t)
	m.Stop(t)
}

func exitCode(t *testing.T, argv []string) int {
	t.Helper()
	r, err := command.Run(t.Context(), command.Spec{Argv: argv})
	if err != nil {
		t.Fatalf("running %q: %v", argv, err)
	}
	return r.ExitCode
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatalf("making a request: %v", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("asking %s: %v", url, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading %s: %v", url, err)
	}
	return string(body)
}
