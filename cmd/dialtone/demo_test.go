package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// graphsInTime says whether a graph can be expected in a notice: it is given half a second.
var graphsInTime = true

// TestDemo is `make demo`: a real nginx and memcached under dialtone. nginx is killed and comes back, and nobody is told; then its
// configuration is broken before it is killed, so that it cannot start, and the page with the evidence reaches a real mail server and a
// webhook. A browser looks at both.
func TestDemo(t *testing.T) {
	say := narrator(t)
	nginx, memcached := testkit.Nginx(t), testkit.Memcached(t)
	nginx.Start(t)
	memcached.Start(t)
	webhook, mail := testkit.Receiver(t), testkit.Exim(t)
	dir := t.TempDir()
	s := startSystem(t, dir, demoControlFile(dir, nginx, memcached), demoSettings(t, webhook, mail))
	s.waitService(t, "nginx", isState(dialtone.OK))
	s.waitService(t, "memcached", isState(dialtone.OK))
	say("nginx and memcached run under dialtone: %s", s.url)
	look(t, s.url, "now-quiet")

	killed := time.Now()
	old := nginx.Kill(t)
	testkit.Eventually(t, patience, func() error {
		if !nginx.Running() || nginx.PID(t) == old {
			return fmt.Errorf("nginx is not back")
		}
		_, err := fetch(http.DefaultClient, nginx.URL())
		return err
	})
	say("nginx was killed with -9 and answered again after %s", time.Since(killed).Round(time.Millisecond))
	s.waitService(t, "nginx", isState(dialtone.OK))
	testkit.Eventually(t, patience, func() error { return contains(s, "/", "nginx", "healed") })
	if n, m := len(webhook.Requests()), len(mail.Messages(t)); n+m > 0 {
		t.Errorf("%d webhooks and %d mails left for a failure that was healed", n, m)
	}
	say("the heal stands on the page, and nobody was paged")

	nginx.Break(t)
	nginx.Kill(t)
	say("now its configuration is broken, and it was killed again: it cannot start")
	page := webhook.Wait(t, 1, patience)[0]
	var told struct {
		Title  string `json:"title"`
		Output string `json:"output"`
		Link   string `json:"link"`
		Image  struct {
			Type string `json:"type"`
			Data []byte `json:"data"`
		} `json:"image"`
	}
	if err := json.Unmarshal(page.Body, &told); err != nil {
		t.Fatalf("the webhook's body: %v\n%s", err, page.Body)
	}
	if !strings.Contains(told.Title, "nginx") || !strings.Contains(told.Output, "listen_on_all_lines") {
		t.Errorf("the page does not say what broke and why:\n%s\n%s", told.Title, told.Output)
	}
	if graphsInTime && (told.Image.Type != "image/png" || len(told.Image.Data) == 0) {
		t.Errorf("the page has no graph: %q, %d bytes", told.Image.Type, len(told.Image.Data))
	}
	say("the budget is spent, and a page left: %s\n    %s", told.Title, told.Link)
	letter := mail.Wait(t, 1, patience)[0]
	say("so did a mail: %s", letter.Header.Get("Subject"))
	path := strings.TrimPrefix(told.Link, s.url)
	if err := contains(s, path, "listen_on_all_lines", "Take it"); err != nil {
		t.Error(err)
	}
	look(t, told.Link, "incident")
	look(t, s.url, "now-incident")

	nginx.Mend(t)
	if code := run(t.Context(), []string{"start", "nginx", "-c", filepath.Join(s.dir, "dialtone.conf")}, os.Stdout, os.Stderr); code != 0 {
		t.Errorf("dialtone start nginx: status %d", code)
	}
	s.waitService(t, "nginx", isState(dialtone.OK))
	last := webhook.Wait(t, 2, patience)[1]
	if !strings.Contains(string(last.Body), `"kind":"resolved"`) {
		t.Errorf("the second webhook is not the end of the incident: %s", last.Body)
	}
	say("the configuration was mended and nginx started by hand: a resolved notice left")
	waitAtTheEnd(t, s.url)
}

func demoControlFile(dir string, nginx *testkit.NginxServer, memcached *testkit.MemcachedServer) string {
	return "set daemon 5\nset node web1\nset statefile " + filepath.Join(dir, "state") + "\nset heal budget 3 per hour with backoff 1 second\n\n" +
		checkProcess("nginx", &nginx.Daemon) +
		fmt.Sprintf("    if failed port %d protocol http then restart\n\n", nginx.Port) +
		checkProcess("memcached", &memcached.Daemon)
}

// checkProcess is the check statement of a daemon, with its programs.
func checkProcess(name string, d *testkit.Daemon) string {
	return fmt.Sprintf("check process %s with pidfile %s\n    start program = %s\n    stop program = %s\n",
		name, d.PIDFile, words(d.StartArgv), words(d.StopArgv))
}

// words writes argv as one command of the control file.
func words(argv []string) string {
	quoted := make([]string, len(argv))
	for i, a := range argv {
		quoted[i] = a
		if strings.ContainsAny(a, " $;") {
			quoted[i] = "'" + a + "'"
		}
	}
	return `"` + strings.Join(quoted, " ") + `"`
}

func demoSettings(t *testing.T, webhook *testkit.WebhookReceiver, mail *testkit.EximServer) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "secret"), "a shared secret of thirty-two letters")
	write(t, filepath.Join(dir, "password"), mail.Password)
	return fmt.Sprintf(`notifiers:
  - name: hook
    type: webhook
    url: %s/page
    secret_file: %s
  - name: mail
    type: email
    server: %s
    username: %s
    password_file: %s
    ca_file: %s
    from: dialtone@example.com
    to: [oncall@example.com]
`, webhook.URL, filepath.Join(dir, "secret"), mail.Address, mail.User, filepath.Join(dir, "password"), mail.Certificate.CertFile)
}

// contains returns an error unless the page holds all the words.
func contains(s *system, path string, wanted ...string) error {
	body, err := s.tryGet(path)
	if err != nil {
		return err
	}
	for _, w := range wanted {
		if !strings.Contains(strings.ToLower(body), strings.ToLower(w)) {
			return fmt.Errorf("%s does not say %q", path, w)
		}
	}
	return nil
}

// look lets a browser load a page, on a phone and on a desk. With DIALTONE_SHOTS the pictures are kept there.
func look(t *testing.T, url, name string) {
	t.Helper()
	dir := os.Getenv("DIALTONE_SHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	browser := testkit.Browser(t)
	for _, view := range []struct{ name, size string }{{"phone", "390,844"}, {"desk", "1280,900"}} {
		file := filepath.Join(dir, name+"-"+view.name+".png")
		r, err := command.Run(t.Context(), browser.Spec("--screenshot="+file, "--window-size="+view.size, "--timeout=4000", url))
		if err != nil || r.ExitCode != 0 {
			t.Errorf("the browser cannot show %s: status %d, %v\n%s", url, r.ExitCode, err, r.Output)
			continue
		}
		if info, err := os.Stat(file); err != nil || info.Size() < 5000 {
			t.Errorf("the picture of %s is empty: %v", url, err)
		}
	}
}

// narrator prints each step: to a person who runs `make demo` as it happens, else into the test's log.
func narrator(t *testing.T) func(format string, args ...any) {
	began := time.Now()
	return func(format string, args ...any) {
		line := fmt.Sprintf("%6.1f s  %s", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
		if os.Getenv("DIALTONE_DEMO") != "" {
			fmt.Println(line)
			return
		}
		t.Log(line)
	}
}

// waitAtTheEnd leaves the pages open for a person for DIALTONE_DEMO, a duration.
func waitAtTheEnd(t *testing.T, url string) {
	t.Helper()
	stay, err := time.ParseDuration(os.Getenv("DIALTONE_DEMO"))
	if err != nil || stay <= 0 {
		return
	}
	fmt.Printf("\nThe pages stay up for %s, or until Ctrl-C: %s\n", stay, url)
	select {
	case <-time.After(stay):
	case <-t.Context().Done():
	}
}
