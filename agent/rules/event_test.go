package rules

import (
	"testing"

	"github.com/dialtone/dialtone/checks"
	"github.com/dialtone/dialtone/control"
)

func TestEventType(t *testing.T) {
	s := &control.Service{Kind: "process"}
	for _, test := range []struct {
		service *control.Service
		test    control.Test
		want    string
	}{
		{nil, nil, "instance"},
		{s, nil, "timeout"},
		{s, &control.Exist{Wanted: true}, "nonexist"},
		{s, &control.Exist{}, "exist"},
		{s, &control.Connection{}, "connection"},
		{s, &control.Ping{}, "icmp"},
		{s, &control.Link{}, "link"},
		{s, &control.Content{}, "content"},
		{s, &control.Compare{Value: "cpu_percent"}, "resource"},
		{s, &control.Compare{Value: "field/load"}, "resource"},
		{s, &control.Compare{Value: "total_upload_bytes"}, "byteout"},
		{s, &control.Compare{Value: "age_seconds"}, "timestamp"},
		{s, &control.Changed{Value: "pid"}, "pid"},
		{s, &control.Changed{Value: "link_capacity"}, "speed"},
		{s, &control.Expect{Value: "euid"}, "uid"},
		{s, &control.Expect{Value: "checksum"}, "checksum"},
	} {
		if got := EventType(test.service, test.test); got != test.want {
			t.Errorf("%#v is %q, wanted %q", test.test, got, test.want)
		}
	}
}

// TestEventsOfDeclaredValues holds the table to what the kinds declare: a value that was renamed must not become "resource" in silence.
func TestEventsOfDeclaredValues(t *testing.T) {
	declared := map[string]bool{}
	for _, k := range checks.Kinds() {
		for _, v := range k.Values {
			declared[v.Name] = true
		}
	}
	for name := range eventsOfValues {
		if !declared[name] {
			t.Errorf("no kind declares %s", name)
		}
	}
}
