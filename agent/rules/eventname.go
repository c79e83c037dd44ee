package rules

import "strings"

// eventNames are what Monit 5.33 calls each type of event when it fails and when it succeeds. People filter their mail by them, and
// programs of an exec compare MONIT_EVENT with them.
var eventNames = map[string][2]string{
	"action":     {"Action failed", "Action done"},
	"bytein":     {"Download bytes exceeded", "Download bytes ok"},
	"byteout":    {"Upload bytes exceeded", "Upload bytes ok"},
	"checksum":   {"Checksum failed", "Checksum succeeded"},
	"connection": {"Connection failed", "Connection succeeded"},
	"content":    {"Content failed", "Content succeeded"},
	"data":       {"Data access error", "Data access succeeded"},
	"exec":       {"Execution failed", "Execution succeeded"},
	"exist":      {"Does exist", "Exists not"},
	"fsflags":    {"Filesystem flags failed", "Filesystem flags succeeded"},
	"gid":        {"GID failed", "GID succeeded"},
	"icmp":       {"ICMP failed", "ICMP succeeded"},
	"instance":   {"Monit instance changed", "Monit instance not changed"},
	"invalid":    {"Invalid type", "Type succeeded"},
	"link":       {"Link down", "Link up"},
	"nonexist":   {"Does not exist", "Exists"},
	"packetin":   {"Download packets exceeded", "Download packets ok"},
	"packetout":  {"Upload packets exceeded", "Upload packets ok"},
	"permission": {"Permission failed", "Permission succeeded"},
	"pid":        {"PID failed", "PID succeeded"},
	"ppid":       {"PPID failed", "PPID succeeded"},
	"resource":   {"Resource limit matched", "Resource limit succeeded"},
	"saturation": {"Saturation exceeded", "Saturation ok"},
	"size":       {"Size failed", "Size succeeded"},
	"speed":      {"Speed failed", "Speed ok"},
	"status":     {"Status failed", "Status succeeded"},
	"timeout":    {"Timeout", "Timeout recovery"},
	"timestamp":  {"Timestamp failed", "Timestamp succeeded"},
	"uid":        {"UID failed", "UID succeeded"},
	"uptime":     {"Uptime failed", "Uptime succeeded"},
}

var changedName = strings.NewReplacer(" failed", " changed", "Does not exist", "Existence changed", "Invalid type", "Type changed")

// EventName is Monit's name of an event of a type (see EventType) that failed or succeeded. A type that Monit lacks is its own name.
func EventName(eventType string, failed bool) string {
	names, known := eventNames[eventType]
	switch {
	case !known:
		return eventType
	case failed:
		return names[0]
	}
	return names[1]
}

// ChangeName is Monit's name of an event of a type whose value changed.
func ChangeName(eventType string) string { return changedName.Replace(EventName(eventType, true)) }
