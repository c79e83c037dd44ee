package agentcmd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dialtone/dialtone/internal/testkit"
)

// TestMastersAreAnswered: the port opens with the agent, follows a reload, and closes with the statement.
func TestMastersAreAnswered(t *testing.T) {
	dir := t.TempDir()
	path, port := filepath.Join(dir, "dialtone.conf"), testkit.FreePort(t)
	plugin := filepath.Join(dir, "answer")
	if err := os.WriteFile(plugin, []byte("#!/bin/sh\necho graph_title t\necho a.label a\necho a.value 42\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(dir, "plugin-conf.d")
	if err := os.Mkdir(settings, 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.WriteFile(filepath.Join(settings, "x"), []byte("[*]\nuser root\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := func(statements string) {
		text := "set daemon 5\nset node n1\nset statefile " + dir + "/state\n" + statements
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	check := "check munin answer with plugin " + plugin + " config " + settings + " state " + dir + "\n"
	file("set munin address " + address + "\n" + check)
	r, err := Start(t.Context(), Options{ControlFile: path, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		r.Stop()
		if err := r.Wait(); err != nil {
			t.Error(err)
		}
	}()
	if got, want := askMunin(t, address), "# munin node at n1\nanswer\ngraph_title t\na.label a\na.value 42\n.\n"; got != want {
		t.Errorf("answered %q, want %q", got, want)
	}
	file("set munin address " + address + "\ncheck system n1\n")
	if err := r.Agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := askMunin(t, address); got != "# munin node at n1\n\n# Unknown service\n.\n" {
		t.Errorf("after the plugin went: %q", got)
	}
	file("check system n1\n")
	if err := r.Agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return nil //nolint:nilerr // closed, as wanted
		}
		return errors.Join(errors.New("the port is still open"), conn.Close())
	})
}

func askMunin(t *testing.T, address string) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, "list\nfetch answer\nquit\n"); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
