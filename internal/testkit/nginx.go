package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// NginxServer is a real nginx with its own configuration. It answers every request with "dial tone\n".
type NginxServer struct {
	Daemon
	Port   int
	Config string   // the configuration file; the server reads it at start and at reload
	Test   []string // argv that says whether Config is right
	Reload []string // argv that makes the running server read Config again
}

// Nginx prepares an nginx in the test's folder; Start, or somebody who watches it, starts it.
//
// It runs as one process, without workers: workers outlive a master that is killed with SIGKILL, keep its port and go on
// answering, so that killing it would be no failure and starting it again would be none either.
func Nginx(t testing.TB) *NginxServer {
	t.Helper()
	bin := Program(t, "nginx", "nginx")
	dir, port := t.TempDir(), FreePort(t)
	n := &NginxServer{Port: port, Config: filepath.Join(dir, "nginx.conf")}
	line := func(args ...string) []string {
		return bin.Argv(append([]string{"-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", n.Config}, args...)...)
	}
	n.Daemon = Daemon{
		Address: fmt.Sprintf("127.0.0.1:%d", port), PIDFile: filepath.Join(dir, "nginx.pid"), Dir: dir, cmdline: n.Config,
		StartArgv: line(), StopArgv: line("-s", "stop"),
	}
	n.Test, n.Reload = line("-t"), line("-s", "reload")
	n.Mend(t)
	n.endAtCleanup(t)
	return n
}

// URL is the address of its page.
func (n *NginxServer) URL() string { return "http://" + n.Address + "/" }

// Break writes a configuration that nginx refuses: a running server stays, one that ends cannot start again.
func (n *NginxServer) Break(t testing.TB) {
	t.Helper()
	n.write(t, n.text()+"\nlisten_on_all_lines yes;\n")
}

// Mend writes the configuration that works.
func (n *NginxServer) Mend(t testing.TB) {
	t.Helper()
	n.write(t, n.text())
}

func (n *NginxServer) write(t testing.TB, text string) {
	t.Helper()
	writeFile(t, n.Config, []byte(text))
}

func (n *NginxServer) text() string {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // the default is a user that a bare machine does not have
	}
	return user + fmt.Sprintf(`master_process off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 64; }
http {
    access_log %[1]s/access.log;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
    server {
        listen 127.0.0.1:%[2]d;
        default_type text/plain;
        location / { return 200 "dial tone\n"; }
        location = /status { stub_status; }
    }
}
`, n.Dir, n.Port)
}
