package control

import (
	"fmt"
	"reflect"
	"strings"
)

var testInode = []Word{
	{Phrase: "timestamp", Unit: "seconds", Value: "timestamp_age_seconds"},
	{Phrase: "mtime", Unit: "seconds", Value: "age_seconds"},
	{Phrase: "ctime", Unit: "seconds", Value: "change_age_seconds"},
	{Phrase: "atime", Unit: "seconds", Value: "access_age_seconds"},
	{Phrase: "hardlink", Unit: "count", Value: "hardlinks"},
}

// testVocabulary is close to what the checks declare.
var testVocabulary = Vocabulary{
	"process": {Words: []Word{
		{Phrase: "cpu", Unit: "percent", Value: "cpu_percent"},
		{Phrase: "total cpu", Unit: "percent", Value: "total_cpu_percent"},
		{Phrase: "memory", Unit: "percent", Value: "memory_percent"},
		{Phrase: "memory", Unit: "bytes", Value: "memory_bytes"},
		{Phrase: "total memory", Unit: "percent", Value: "total_memory_percent"},
		{Phrase: "total memory", Unit: "bytes", Value: "total_memory_bytes"},
		{Phrase: "totalmem", Unit: "bytes", Value: "total_memory_bytes"},
		{Phrase: "children", Unit: "count", Value: "children"},
		{Phrase: "threads", Unit: "count", Value: "threads"},
		{Phrase: "pid", Unit: "count", Value: "pid"},
		{Phrase: "ppid", Unit: "count", Value: "ppid"},
		{Phrase: "uptime", Unit: "seconds", Value: "uptime_seconds"},
		{Phrase: "filedescriptors", Unit: "count", Value: "filedescriptors"},
		{Phrase: "filedescriptors", Unit: "percent", Value: "filedescriptors_percent"},
		{Phrase: "loadavg 1min", Unit: "count", Value: "load1"},
		{Phrase: "loadavg 5min", Unit: "count", Value: "load5"},
		{Phrase: "loadavg 5min per core", Unit: "count", Value: "load5_per_core"},
		{Phrase: "disk read rate", Unit: "bytes_per_second", Value: "read_bytes"},
		{Phrase: "write", Unit: "bytes_per_second", Value: "write_bytes"},
		{Phrase: "disk write", Unit: "operations_per_second", Value: "write_operations"},
		{Phrase: "total filedescriptors", Unit: "count", Value: "total_filedescriptors"},
		{Phrase: "disk read rate", Unit: "operations_per_second", Value: "read_operations"},
	}},
	"system": {Words: []Word{
		{Phrase: "loadavg (1min)", Unit: "count", Value: "load1"},
		{Phrase: "loadavg (5min)", Unit: "count", Value: "load5"},
		{Phrase: "loadavg (15min)", Unit: "count", Value: "load15"},
		{Phrase: "loadavg (1min) per core", Unit: "count", Value: "load1_per_core"},
		{Phrase: "cpu usage", Unit: "percent", Value: "cpu_percent"},
		{Phrase: "cpu user", Unit: "percent", Value: "cpu_user_percent"},
		{Phrase: "cpu wait", Unit: "percent", Value: "cpu_wait_percent"},
		{Phrase: "memory", Unit: "percent", Value: "memory_percent"},
		{Phrase: "memory", Unit: "bytes", Value: "memory_bytes"},
		{Phrase: "swap", Unit: "percent", Value: "swap_percent"},
		{Phrase: "swap", Unit: "bytes", Value: "swap_bytes"},
		{Phrase: "cpu nice", Unit: "percent", Value: "cpu_nice_percent"},
		{Phrase: "cpu hardirq", Unit: "percent", Value: "cpu_hardirq_percent"},
		{Phrase: "cpu softirq", Unit: "percent", Value: "cpu_softirq_percent"},
		{Phrase: "cpu steal", Unit: "percent", Value: "cpu_steal_percent"},
		{Phrase: "cpu guest", Unit: "percent", Value: "cpu_guest_percent"},
		{Phrase: "cpu guestnice", Unit: "percent", Value: "cpu_guestnice_percent"},
		{Phrase: "filedescriptors", Unit: "count", Value: "filedescriptors"},
		{Phrase: "cpu system", Unit: "percent", Value: "cpu_system_percent"},
		{Phrase: "filedescriptors", Unit: "percent", Value: "filedescriptors_percent"},
		{Phrase: "uptime", Unit: "seconds", Value: "uptime_seconds"},
	}},
	"filesystem": {Words: []Word{
		{Phrase: "space", Unit: "percent", Value: "space_percent"},
		{Phrase: "space", Unit: "bytes", Value: "space_bytes"},
		{Phrase: "space free", Unit: "percent", Value: "space_free_percent"},
		{Phrase: "space free", Unit: "bytes", Value: "space_free_bytes"},
		{Phrase: "inode", Unit: "percent", Value: "inode_percent"},
		{Phrase: "inode", Unit: "count", Value: "inodes"},
		{Phrase: "service time", Unit: "milliseconds", Value: "service_ms"},
		{Phrase: "inode free", Unit: "count", Value: "inodes_free"},
		{Phrase: "inode free", Unit: "percent", Value: "inode_free_percent"},
		{Phrase: "read", Unit: "bytes_per_second", Value: "read_bytes"},
		{Phrase: "read", Unit: "operations_per_second", Value: "read_operations"},
		{Phrase: "write", Unit: "bytes_per_second", Value: "write_bytes"},
		{Phrase: "write", Unit: "operations_per_second", Value: "write_operations"},
	}},
	"file": {Words: append([]Word{{Phrase: "size", Unit: "bytes", Value: "size_bytes"}}, testInode...)},
	"fifo": {Words: testInode}, "directory": {Words: testInode},
	"network": {Words: []Word{
		{Phrase: "saturation", Unit: "percent", Value: "saturation_percent"},
		{Phrase: "upload", Unit: "bytes_per_second", Value: "upload_bytes_per_second"},
		{Phrase: "download", Unit: "bytes_per_second", Value: "download_bytes_per_second"},
		{Phrase: "upload", Unit: "packets_per_second", Value: "upload_packets_per_second"},
		{Phrase: "download", Unit: "packets_per_second", Value: "download_packets_per_second"},
		{Phrase: "total upload", Unit: "bytes", Value: "total_upload_bytes", Span: true},
		{Phrase: "total upload", Unit: "packets", Value: "total_upload_packets", Span: true},
		{Phrase: "total download", Unit: "bytes", Value: "total_download_bytes", Span: true},
		{Phrase: "total download", Unit: "packets", Value: "total_download_packets", Span: true},
	}},
	"munin": {
		Params: []Param{{Word: "plugin", Type: ParamPath, Required: true}, {Word: "timeout", Type: ParamDuration}},
		Words:  []Word{{Phrase: "field", Unit: "count", Value: "field", Argument: true}},
	},
	"gadget": {
		Params: []Param{
			{Word: "command", Type: ParamCommand, Required: true},
			{Word: "address", Type: ParamAddress},
			{Word: "retries", Type: ParamNumber},
			{Word: "url", Type: ParamURL},
			{Word: "text", Type: ParamText},
		},
		Words: []Word{{Phrase: "responding", Unit: "boolean", Value: "responding"}},
		Found: true, Reads: true, Dials: true,
	},
	"program": {Words: []Word{{Phrase: "status", Unit: "count", Value: "exit_status"}}},
}

// dump writes a tree as indented text, without zero values.
func dump(f *File) string {
	var b strings.Builder
	dumpValue(&b, reflect.ValueOf(*f), "")
	return b.String()
}

func dumpValue(b *strings.Builder, v reflect.Value, indent string) {
	if stringer, ok := reflect.TypeAssert[fmt.Stringer](v); ok {
		fmt.Fprintf(b, " %s\n", stringer)
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.Kind() == reflect.Interface {
			fmt.Fprintf(b, " %s", v.Elem().Elem().Type().Name())
		}
		dumpValue(b, v.Elem(), indent)
	case reflect.Struct:
		b.WriteByte('\n')
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				fmt.Fprintf(b, "%s%s:", indent, v.Type().Field(i).Name)
				dumpValue(b, v.Field(i), indent+"  ")
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			fmt.Fprintf(b, " %q\n", v.Interface())
			return
		}
		b.WriteByte('\n')
		for i := range v.Len() {
			fmt.Fprintf(b, "%s-", indent)
			dumpValue(b, v.Index(i), indent+"  ")
		}
	case reflect.String:
		fmt.Fprintf(b, " %q\n", v.Interface())
	default:
		fmt.Fprintf(b, " %v\n", v.Interface())
	}
}
