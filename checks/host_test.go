package checks

import (
	"os"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
)

// TestPingBeforePorts: ports of a host that does not answer ping are not looked at, which is neither good nor bad.
func TestPingBeforePorts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may ping everywhere")
	}
	port := &control.Connection{Host: "127.0.0.1", Port: serve(t, silence)}
	quick, slow := &control.Ping{Timeout: time.Second}, &control.Ping{ResponseOp: control.Less, Response: time.Hour}
	for name, test := range map[string]struct {
		address string
		pings   []*control.Ping
		ports   int
		failed  bool
	}{
		"no ping":     {"127.0.0.1", nil, 1, false},
		"answers":     {"127.0.0.1", []*control.Ping{quick}, 1, false},
		"slow":        {"127.0.0.1", []*control.Ping{quick, slow}, 1, true},
		"silent":      {"no-such-host.invalid", []*control.Ping{quick}, 0, true},
		"one of them": {"127.0.0.1", []*control.Ping{quick, {Family: "ipv6"}}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			tests := []control.Test{port}
			for _, p := range test.pings {
				tests = append(tests, p)
			}
			var r Report
			if err := newCheck(t, "host", &control.Service{Address: test.address, Rules: rules(tests...)}).Run(t.Context(), &r); err != nil {
				t.Fatal(err)
			}
			if len(r.Connections) != test.ports || len(r.Pings) != len(test.pings) {
				t.Errorf("%d ports and %d pings were looked at: %+v", len(r.Connections), len(r.Pings), r)
			}
			if n := len(test.pings); n > 0 && (r.Pings[test.pings[n-1]].Err != nil) != test.failed {
				t.Errorf("the last ping: %v", r.Pings[test.pings[n-1]])
			}
		})
	}
}
