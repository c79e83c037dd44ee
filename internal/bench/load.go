package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dialtone/dialtone/internal/command"
	"github.com/dialtone/dialtone/internal/testkit"
)

// A load is what a watcher watches, in the language that Monit and dialtone share.
type load struct {
	name     string // as the tables call it
	services int
	text     string
}

// processesLoad watches daemons by pid file and starts them again.
func processesLoad(s *services) load {
	var b strings.Builder
	for _, pidfile := range s.pidfiles {
		fmt.Fprintf(&b, "check process %s with pidfile %s\n    start program = \"%s %[2]s\"\n    stop program = \"/bin/true\"\n", nameOf(pidfile), pidfile, s.script)
	}
	return load{fmt.Sprintf("%d processes", len(s.pidfiles)), len(s.pidfiles), b.String()}
}

// mixedLoad adds what a node of a platform has beside its daemons: 41 more services of six kinds. The HTTP and TCP checks ask
// the nginx at web.
func mixedLoad(s *services, dir, web string) (load, error) {
	l := processesLoad(s)
	var b strings.Builder
	for i := range 10 {
		file := filepath.Join(dir, fmt.Sprintf("recording%d", i))
		if err := os.WriteFile(file, []byte("dial tone\n"), 0o600); err != nil {
			return load{}, err
		}
		fmt.Fprintf(&b, "check file recording%d with path %s\n    if size > 1 MB then alert\n", i, file)
		fmt.Fprintf(&b, "check program probe%d with path \"/bin/true\"\n    if status != 0 then alert\n", i)
	}
	_, port, err := net.SplitHostPort(web)
	if err != nil {
		return load{}, err
	}
	for i := range 5 {
		fmt.Fprintf(&b, "check filesystem disk%d with path /\n    if space usage > 99%% then alert\n", i)
		fmt.Fprintf(&b, "check directory spool%d with path %s\n    if failed permission 700 then alert\n", i, dir)
		fmt.Fprintf(&b, "check host web%d with address 127.0.0.1\n    if failed port %s protocol http then alert\n", i, port)
		fmt.Fprintf(&b, "check host door%d with address 127.0.0.1\n    if failed port %s then alert\n", i, port)
	}
	b.WriteString("check system machine\n    if loadavg (5min) > 1000 then alert\n")
	added := strings.Count(b.String(), "check ")
	return load{fmt.Sprintf("%d services", l.services+added), l.services + added, l.text + b.String()}, nil
}

// startNginx starts a real nginx that answers every request; the caller stops it.
func startNginx(ctx context.Context, dir string) (address string, _ *command.Process, _ error) {
	bin, err := testkit.Find(ctx, "nginx", "nginx")
	if err != nil {
		return "", nil, err
	}
	if address, err = freeAddress(ctx); err != nil {
		return "", nil, err
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, dir, address), 0o600); err != nil {
		return "", nil, err
	}
	p, err := command.Start(bin.Spec("-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", config))
	if err != nil {
		return "", nil, err
	}
	if err := untilAnswers(ctx, p, "http://"+address+"/"); err != nil {
		p.Stop(time.Second)
		return "", nil, fmt.Errorf("starting nginx: %w", err)
	}
	return address, p, nil
}

// nginxConfig wants a folder and an address. One process, in the foreground, so that it ends with this program.
const nginxConfig = `daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
    server {
        listen %[2]s;
        location / { return 200 "dial tone\n"; }
    }
}
`

// nameOf is the name of the service that a pid file belongs to.
func nameOf(pidfile string) string { return strings.TrimSuffix(filepath.Base(pidfile), ".pid") }
