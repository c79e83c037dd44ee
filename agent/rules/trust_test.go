package rules

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

// TestNothingIsRestartedForACertificate: a real server with a certificate that nobody signed, under rules as Monit's users write them.
func TestNothingIsRestartedForACertificate(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	port, err := strconv.Atoi(server.URL[strings.LastIndex(server.URL, ":")+1:])
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		tls      control.TLS
		restarts bool
	}{
		"using ssl":       {control.TLS{On: true}, false},
		"verify: enable":  {control.TLS{On: true, VerifyOn: true}, true},
		"a pin":           {control.TLS{On: true, Checksum: strings.Repeat("0", 40)}, true},
		"verify: disable": {control.TLS{On: true, VerifyOff: true}, false}, // and it passes
	} {
		t.Run(name, func(t *testing.T) {
			c := &control.Connection{Port: port, TLS: &test.tls}
			spec := &control.Service{Kind: "host", Name: "web", Address: "127.0.0.1", Rules: []*control.Rule{{Test: c, Then: control.Action{Kind: control.Restart}}}}
			check, err := checks.New(spec)
			if err != nil {
				t.Fatal(err)
			}
			e := New(spec)
			for look := range 3 {
				report := &checks.Report{}
				if err := check.Run(t.Context(), report); err != nil {
					t.Fatal(err)
				}
				v := e.Step(Look{Report: report})
				asked := false
				for _, f := range v.Findings {
					asked = asked || f.Do != nil
				}
				if asked != test.restarts {
					t.Errorf("look %d: asks for a restart: %v (%s)", look, asked, v.Why)
				}
				if well := v.State == dialtone.OK; well != test.tls.VerifyOff {
					t.Errorf("look %d: state %s: %s", look, v.State, v.Why)
				}
				if !test.restarts && !test.tls.VerifyOff && !strings.HasSuffix(v.Why, "; nothing is done to the service for that") {
					t.Errorf("why %q", v.Why)
				}
			}
		})
	}
}
