package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/dialtone/dialtone/collector/series"
)

// serveFlags are the options that `up` and `collector` share.
type serveFlags struct {
	dir, listen, cert, key string
	retention              time.Duration
	verbose                bool
}

func (f *serveFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.dir, "dir", defaultFolder(), "`DIR`, the folder of all state")
	fs.StringVar(&f.listen, "listen", defaultListen, "`HOST:PORT` of pages, API and agents; off loopback TLS and a password are on")
	fs.StringVar(&f.cert, "cert", "", "PEM `FILE` with the certificate, instead of one that is made (with --key)")
	fs.StringVar(&f.key, "key", "", "PEM `FILE` with the key of --cert")
	fs.DurationVar(&f.retention, "retention", series.DefaultRetention, "how long samples are kept, as `DURATION`")
	fs.BoolVar(&f.verbose, "v", false, "log more")
}

func (f *serveFlags) parse(fs *flag.FlagSet, args []string) error {
	if err := fs.Parse(args); err != nil {
		return err
	}
	var err error
	switch {
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case (f.cert == "") != (f.key == ""):
		err = errors.New("--cert and --key go together")
	case f.retention < time.Hour:
		err = fmt.Errorf("--retention %s: samples must be kept for an hour at least, for example --retention 1080h", f.retention)
	}
	if err != nil {
		fmt.Fprintf(fs.Output(), "%s: %v\n", fs.Name(), err)
	}
	return err
}

func (f *serveFlags) logger(w io.Writer) *slog.Logger {
	level := slog.LevelWarn
	if f.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

func (f *serveFlags) open(log *slog.Logger) (*server, folder, error) {
	dir, err := openFolder(f.dir)
	if err != nil {
		return nil, "", err
	}
	s, err := openServer(serveConfig{folder: dir, listen: f.listen, retention: f.retention, cert: f.cert, key: f.key, log: log})
	return s, dir, err
}

// collectorOnly serves agents on other machines, and does not watch its own.
func collectorOnly(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := newFlags("collector", "Receives from agents on other machines, stores, pages, serves pages and API. Does not watch this machine.", stderr)
	var flags serveFlags
	flags.register(fs)
	if err := flags.parse(fs, args); err != nil {
		return flagStatus(err)
	}
	s, dir, err := flags.open(flags.logger(stderr))
	if err != nil {
		fmt.Fprintf(stderr, "dialtone collector: %v\n", err)
		return 1
	}
	s.announce(stdout, dir)
	if err := errors.Join(s.run(ctx), s.close()); err != nil {
		fmt.Fprintf(stderr, "dialtone collector: %v\n", err)
		return 1
	}
	return 0
}

// announce prints the address of the page, and what a person needs to get in and to join other nodes.
func (s *server) announce(w io.Writer, dir folder) {
	fmt.Fprintf(w, "dialtone is running: %s\n", s.door.URL())
	if file := s.door.PasswordFile(); file != "" {
		fmt.Fprintf(w, "  log in         user admin, password in %s\n", file)
	}
	fmt.Fprintf(w, "  who is told    %s\n", dir.settingsFile())
	if ca := s.door.CAFile(); ca != "" {
		fmt.Fprintf(w, "  other nodes    set collector %s with token file %s ca file %s\n", s.door.URL(), dir.tokenFile(), ca)
		fmt.Fprintf(w, "                 (copy both files to the node, and put that line into its control file)\n")
	}
}
