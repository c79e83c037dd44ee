package protocols

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone/control"
)

func TestInherit(t *testing.T) {
	all := &control.TLS{VerifyOff: true, Version: "tlsv13", CAFile: "/all.pem", ClientPEM: "/me.pem"}
	limits := control.Limits{NetworkTimeout: 7 * time.Second, HTTPContentBuffer: 100, SendExpectBuffer: 10}
	for name, test := range map[string]struct {
		set       *control.TLS
		own, want control.Connection
	}{
		"nothing written": {
			own:  control.Connection{Port: 80, Protocol: "http"},
			want: control.Connection{Port: 80, Protocol: "http", Timeout: 7 * time.Second, Buffer: 100},
		},
		"a time-out of its own": {
			own:  control.Connection{Timeout: time.Second},
			want: control.Connection{Timeout: time.Second, Buffer: 10},
		},
		"TLS by name": {
			own:  control.Connection{Protocol: "https"},
			want: control.Connection{Protocol: "https", TLS: &control.TLS{On: true}, Timeout: 7 * time.Second, Buffer: 100},
		},
		"TLS of the file": {
			set:  all,
			own:  control.Connection{Protocol: "https"},
			want: control.Connection{Protocol: "https", TLS: &control.TLS{On: true, VerifyOff: true, Version: "tlsv13", CAFile: "/all.pem", ClientPEM: "/me.pem"}, Timeout: 7 * time.Second, Buffer: 100},
		},
		"verification wanted, roots of its own": {
			set:  all,
			own:  control.Connection{TLS: &control.TLS{On: true, VerifyOn: true, Version: "tlsv12", CAPath: "/own"}},
			want: control.Connection{TLS: &control.TLS{On: true, VerifyOn: true, Version: "tlsv12", CAPath: "/own", ClientPEM: "/me.pem"}, Timeout: 7 * time.Second, Buffer: 10},
		},
		"no TLS stays none": {
			set:  all,
			own:  control.Connection{Port: 25},
			want: control.Connection{Port: 25, Timeout: 7 * time.Second, Buffer: 10},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ping := &control.Ping{}
			f := &control.File{
				Settings: control.Settings{TLS: test.set, Limits: limits},
				Services: []*control.Service{{Rules: []*control.Rule{{Test: &test.own}, {Test: ping}}}},
			}
			Inherit(f)
			if ping.Timeout != limits.NetworkTimeout {
				t.Errorf("a ping waits %v", ping.Timeout)
			}
			if diff := cmp.Diff(test.want, test.own); diff != "" {
				t.Error(diff)
			}
		})
	}
}
