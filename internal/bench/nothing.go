package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dialtone/dialtone/internal/command"
)

// fromNothing clones the project into an empty folder and measures `make run` there with every cache empty. Downloads are in it,
// so the figure depends on the network.
func fromNothing(ctx context.Context, b *bench) error {
	source, err := os.Getwd()
	if err != nil {
		return err
	}
	home, err := b.place("home")
	if err != nil {
		return err
	}
	clone := filepath.Join(home, "dialtone")
	env := emptyCaches(home)
	git := command.Spec{Argv: []string{"/usr/bin/env", "git", "clone", "--quiet", source, clone}, Env: env, Timeout: patience}
	if r, err := command.Run(ctx, git); err != nil || r.ExitCode != 0 {
		return fmt.Errorf("cloning: exit status %d, %w: %s", r.ExitCode, err, r.Output)
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	p, err := command.Start(command.Spec{Argv: []string{"/usr/bin/env", "make", "run", "LISTEN=" + address}, Dir: clone, Env: env})
	if err != nil {
		return err
	}
	defer p.Stop(10 * time.Second)
	s := &server{Process: p, url: "http://" + address}
	if err := s.untilLive(ctx, 20*time.Minute); err != nil {
		return fmt.Errorf("%w; make run printed: %s", err, p.Output())
	}
	fmt.Fprintf(b.out, "%s", table([][]string{{"`make run` to a graph with data"}, {fmt.Sprintf("%.0f s", time.Since(began).Seconds())}}))
	return nil
}

// emptyCaches is an environment whose caches all lie in home, with what this one says of tools and the way to the network.
func emptyCaches(home string) map[string]string {
	env := map[string]string{"HOME": home, "GOFLAGS": "-modcacherw -buildvcs=false"}
	for _, name := range []string{
		"PATH", "GOPROXY", "GOSUMDB", "GONOSUMDB", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
		"npm_config_registry", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE",
	} {
		if value := os.Getenv(name); value != "" {
			env[name] = value
		}
	}
	return env
}
