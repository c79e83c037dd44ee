package rules

import (
	"strings"

	"github.com/dialtone/dialtone/control"
)

// Monit's names of events that no test stands for.
const (
	EventAction   = "action"   // an action that a rule or a person asked for
	EventData     = "data"     // nobody could look
	EventExec     = "exec"     // a program could not be run
	EventInstance = "instance" // the agent itself
	EventInvalid  = "invalid"  // the service is set aside, or is of another type than the file says
	EventTimeout  = "timeout"  // a restart limit was reached
)

// EventType is Monit's name of what a test of a service finds: the words of alert filters, `alert ops@example.com on { nonexist, timeout }`,
// and of M/Monit. A nil test is a restart limit, which is "timeout"; a nil service is the agent itself, "instance".
func EventType(s *control.Service, test control.Test) string {
	if s == nil {
		return EventInstance
	}
	switch test := test.(type) {
	case nil:
		return EventTimeout
	case *control.Exist:
		if test.Wanted {
			return "nonexist"
		}
		return "exist"
	case *control.Connection:
		return "connection"
	case *control.Ping:
		return "icmp"
	case *control.Link:
		return "link"
	case *control.Content:
		return "content"
	case *control.Compare:
		return eventOfValue(test.Value)
	case *control.Changed:
		return eventOfValue(test.Value)
	case *control.Expect:
		return eventOfValue(test.Value)
	}
	return "resource"
}

// eventsOfValues are the values whose events have a name of their own; all others are "resource".
var eventsOfValues = map[string]string{
	"checksum": "checksum", "content": "content", "fsflags": "fsflags", "permission": "permission",
	"uid": "uid", "euid": "uid", "gid": "gid", "pid": "pid", "ppid": "ppid", "security": EventInvalid,
	"size_bytes": "size", "status": "status", "uptime_seconds": "uptime", "response_seconds": "connection",
	"age_seconds": "timestamp", "timestamp_age_seconds": "timestamp", "change_age_seconds": "timestamp", "access_age_seconds": "timestamp",
	"link_capacity": "speed", "link_errors": "link", "link_up": "link", "saturation_percent": "saturation",
	"download_bytes_per_second": "bytein", "total_download_bytes": "bytein",
	"upload_bytes_per_second": "byteout", "total_upload_bytes": "byteout",
	"download_packets_per_second": "packetin", "total_download_packets": "packetin",
	"upload_packets_per_second": "packetout", "total_upload_packets": "packetout",
}

func eventOfValue(name string) string {
	family, _, _ := strings.Cut(name, "/")
	if event, known := eventsOfValues[family]; known {
		return event
	}
	return "resource"
}
