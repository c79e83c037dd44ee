package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/testkit"
)

// commandLine runs one command line to its end and returns its status and what it printed, stdout before stderr.
func commandLine(t *testing.T, args ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, &stdout, &stderr)
	return code, stdout.String() + stderr.String()
}

const quietControlFile = "set daemon 1\ncheck system here\n    if loadavg (1min) > 10000 then alert\n"

func TestUpSaysWhatKeepsItFromStarting(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name  string
		files map[string]string
		args  []string
		want  []string
	}{
		{name: "port in use", args: []string{"--listen", taken.Addr().String()}, want: []string{"another program has this port", "--listen"}},
		{name: "no port", args: []string{"--listen", "8420"}, want: []string{"HOST:PORT"}},
		{
			name:  "control file with mistakes, all at once",
			files: map[string]string{"dialtone.conf": "set deamon 5\ncheck process nginx with pidfiel /run/nginx.pid\n"},
			want:  []string{"dialtone.conf:1:5", "did you mean", "daemon", "dialtone.conf:2:26", "^"},
		},
		{
			name:  "settings with mistakes",
			files: map[string]string{"dialtone.conf": quietControlFile, "collector.yaml": "notifirs: []\ngrace: soon\n"},
			want:  []string{"collector.yaml:1:1", "notifiers", "collector.yaml:2:8"},
		},
		{
			name:  "secret that is missing",
			files: map[string]string{"dialtone.conf": quietControlFile, "collector.yaml": "notifiers:\n  - {name: a, type: webhook, url: 'http://127.0.0.1:1/', secret_file: /nowhere/secret}\n"},
			want:  []string{"notifier a", "/nowhere/secret"},
		},
		{name: "retention that keeps nothing", args: []string{"--retention", "1s"}, want: []string{"an hour at least"}},
		{name: "word too many", args: []string{"now"}, want: []string{`unexpected argument "now"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range c.files {
				write(t, filepath.Join(dir, name), text)
			}
			code, out := commandLine(t, append([]string{"up", "--dir", dir, "--listen", "127.0.0.1:0"}, c.args...)...)
			if code == 0 {
				t.Errorf("it ended well:\n%s", out)
			}
			for _, w := range c.want {
				if !strings.Contains(out, w) {
					t.Errorf("it does not say %q:\n%s", w, out)
				}
			}
		})
	}
}

func TestUpRefusesFilesThatOthersCanWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dialtone.conf")
	write(t, path, quietControlFile)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	code, out := commandLine(t, "up", "--dir", dir, "--listen", "127.0.0.1:0")
	if code == 0 || !strings.Contains(out, "chmod") {
		t.Errorf("status %d:\n%s", code, out)
	}
}

func TestUpNeedsAFolderThatItCanWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "in the way")
	code, out := commandLine(t, "up", "--dir", filepath.Join(file, "state"), "--listen", "127.0.0.1:0")
	if code == 0 || !strings.Contains(out, "--dir DIR") {
		t.Errorf("status %d:\n%s", code, out)
	}
}

func TestSecondUpOnTheSameFolderIsRefused(t *testing.T) {
	s := startSystem(t, t.TempDir(), quietControlFile, "")
	code, out := commandLine(t, "up", "--dir", s.dir, "--listen", "127.0.0.1:0")
	if code == 0 || !strings.Contains(out, "series") {
		t.Errorf("status %d:\n%s", code, out)
	}
	s.waitService(t, "here", isState(dialtone.OK))
}

func TestReloadWithMistakesKeepsWhatRuns(t *testing.T) {
	dir := t.TempDir()
	good := quietControlFile + "set statefile " + filepath.Join(dir, "state") + "\n"
	s := startSystem(t, dir, good, "")
	s.waitService(t, "here", isState(dialtone.OK))
	file := filepath.Join(dir, "dialtone.conf")
	write(t, file, good+"check nonsense\n")
	// The file that is refused is the one in which the command looks for the socket, so it is told by its old text's place.
	write(t, filepath.Join(dir, "ask.conf"), good)
	code, out := commandLine(t, "reload", "-c", filepath.Join(dir, "ask.conf"))
	if code == 0 || !strings.Contains(out, "nonsense") {
		t.Errorf("reload: status %d:\n%s", code, out)
	}
	s.waitService(t, "here", isState(dialtone.OK))
	testkit.Eventually(t, patience, func() error {
		nodes, err := s.nodes()
		if err != nil {
			return err
		}
		if len(nodes) != 1 || !strings.Contains(nodes[0].ConfigError, "nonsense") {
			return fmt.Errorf("the node does not tell why its file was refused: %+v", nodes)
		}
		return nil
	})
}

func TestOKAnswersInOneWord(t *testing.T) {
	port := testkit.FreePort(t)
	s := startSystem(t, t.TempDir(), quietControlFile, "")
	s.waitService(t, "here", isState(dialtone.OK))
	if code, out := commandLine(t, "ok", "--url", s.url); code != 0 || out != "yes\n" {
		t.Errorf("status %d, %q; want 0, yes", code, out)
	}
	s.stop()
	if code, out := commandLine(t, "ok", "--url", s.url); code != exitUnknown || !strings.HasPrefix(out, "unknown\n") {
		t.Errorf("without a collector: status %d, %q; want %d, unknown", code, out, exitUnknown)
	}
	down := fmt.Sprintf("set daemon 1\ncheck host gone with address 127.0.0.1\n    if failed port %d then alert\n", port)
	s = startSystem(t, t.TempDir(), down, "")
	s.waitService(t, "gone", isState(dialtone.Critical))
	code, out := commandLine(t, "ok", "--url", s.url)
	if code != exitCritical || !strings.HasPrefix(out, "no\ncritical gone on ") || !strings.Contains(out, "refused") {
		t.Errorf("with a dead service: status %d, %q", code, out)
	}
}

func TestUpWithoutAControlFileWritesOne(t *testing.T) {
	s := startSystem(t, t.TempDir(), "", "")
	text, err := os.ReadFile(filepath.Join(s.dir, "dialtone.conf"))
	if err != nil || !strings.Contains(string(text), "check system") {
		t.Fatalf("the control file: %v\n%s", err, text)
	}
	testkit.Eventually(t, patience, func() error {
		body, err := fetch(http.DefaultClient, s.url+"/api/v1/query?query=node_load1")
		if err == nil && !strings.Contains(body, `"instance"`) {
			err = fmt.Errorf("no figures yet: %s", body)
		}
		return err
	})
	if code, out := commandLine(t, "summary", "-c", filepath.Join(s.dir, "dialtone.conf")); code != 0 || !strings.Contains(out, "system") {
		t.Errorf("summary: status %d:\n%s", code, out)
	}
}

// TestTheStateComesBack stops everything while an incident is open, and starts it again.
func TestTheStateComesBack(t *testing.T) {
	dir, port := t.TempDir(), testkit.FreePort(t)
	file := fmt.Sprintf("set daemon 1\ncheck host gone with address 127.0.0.1\n    if failed port %d then alert\n", port)
	s := startSystem(t, dir, file, "")
	open := func() error { return contains(s, "/api/dialtone/v1/incidents?open=true", `"service":"gone"`) }
	testkit.Eventually(t, patience, open)
	before, err := fetch(http.DefaultClient, s.url+"/api/dialtone/v1/incidents")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.stop()
	t.Logf("stopping took %s", time.Since(began).Round(time.Millisecond))
	s = startSystem(t, dir, file, "")
	s.waitService(t, "gone", isState(dialtone.Critical))
	after, err := fetch(http.DefaultClient, s.url+"/api/dialtone/v1/incidents")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(after, `"id"`) != strings.Count(before, `"id"`) {
		t.Errorf("the incident was opened a second time:\n%s\n%s", before, after)
	}
}
