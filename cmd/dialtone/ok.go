package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/dialtone/dialtone"
)

const defaultListen = "127.0.0.1:8420"

// The exit statuses of `dialtone ok`, those of Nagios plugins, so that it can stand in any check.
const (
	exitOK       = 0
	exitWarning  = 1
	exitCritical = 2
	exitUnknown  = 3
)

// answer is what the collector says to "is everything working?".
type answer struct {
	OK       bool `json:"ok"`
	Problems []struct {
		Node    string         `json:"node"`
		Service string         `json:"service"`
		State   dialtone.State `json:"state"`
		Why     string         `json:"why"`
		Since   time.Time      `json:"since"`
	} `json:"problems"`
}

// ok asks a collector whether everything works and says so in one word: yes, no or unknown.
func ok(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := newFlags("ok", "Is everything working? Prints yes, no or unknown, then a line for each thing that is not. Exit status: 0 yes,\n1 warnings only, 2 something is critical, 3 unknown.", stderr)
	address := fs.String("url", "http://"+defaultListen, "`ADDRESS` of the collector")
	password := fs.String("password-file", "", "`FILE` with the password, for a collector that asks for one")
	ca := fs.String("ca-file", "", "PEM `FILE` of the authority that the collector's certificate comes from")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUnknown
	}
	client, err := apiClient(*ca)
	if err != nil {
		fmt.Fprintf(stdout, "unknown\n")
		fmt.Fprintf(stderr, "dialtone ok: %v\n", err)
		return exitUnknown
	}
	a, err := ask(ctx, client, *address, *password)
	if err != nil {
		fmt.Fprintf(stdout, "unknown\n")
		fmt.Fprintf(stderr, "dialtone ok: %v\n", err)
		return exitUnknown
	}
	return a.print(stdout, time.Now())
}

func ask(ctx context.Context, client *http.Client, base, passwordFile string) (answer, error) {
	var a answer
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/api/dialtone/v1/ok", http.NoBody)
	if err != nil {
		return a, fmt.Errorf("address %q: %w", base, err)
	}
	if passwordFile != "" {
		secret, err := os.ReadFile(passwordFile)
		if err != nil {
			return a, fmt.Errorf("reading the password: %w", err)
		}
		req.SetBasicAuth("admin", strings.TrimSpace(string(secret)))
	}
	resp, err := client.Do(req)
	if err != nil {
		return a, whyNoAnswer(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return a, whyRefused(base, resp)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 16<<20)).Decode(&a); err != nil {
		return a, fmt.Errorf("reading the answer of %s: %w", base, err)
	}
	return a, nil
}

// whyNoAnswer says what to do about a collector that cannot be reached or trusted.
func whyNoAnswer(err error) error {
	if address, is := errors.AsType[*url.Error](err); is {
		err = address.Err // the address is in the next words, or in the person's own
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return fmt.Errorf("asking the collector: %w; name its authority: --ca-file DIR/tls/ca.pem", err)
	}
	return fmt.Errorf("asking the collector: %w; is it running? dialtone up starts one", err)
}

// whyRefused says what to do about an answer that is none.
func whyRefused(base string, resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, 500))
	if err != nil {
		return fmt.Errorf("asking %s: %s: %w", base, resp.Status, err)
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("asking %s: it wants a password: --password-file DIR/password", base)
	case strings.Contains(string(text), "HTTPS server"):
		return fmt.Errorf("asking %s: it speaks TLS: --url https://…", base)
	}
	return fmt.Errorf("asking %s: %s: %s", base, resp.Status, strings.TrimSpace(string(text)))
}

func (a answer) print(w io.Writer, now time.Time) int {
	if a.OK {
		fmt.Fprintln(w, "yes")
		return exitOK
	}
	fmt.Fprintln(w, "no")
	worst := dialtone.OK
	for _, p := range a.Problems {
		what := p.Node
		if p.Service != "" {
			what = p.Service + " on " + p.Node
		}
		line := fmt.Sprintf("%s %s: %s", p.State, what, p.Why)
		if !p.Since.IsZero() {
			line += fmt.Sprintf(" (for %s)", now.Sub(p.Since).Round(time.Second))
		}
		fmt.Fprintln(w, line)
		if p.State.Worse(worst) {
			worst = p.State
		}
	}
	switch worst {
	case dialtone.Critical:
		return exitCritical
	case dialtone.Warning:
		return exitWarning
	case dialtone.Unknown, dialtone.OK:
	}
	return exitUnknown
}
