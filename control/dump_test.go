package control

import (
	"fmt"
	"reflect"
	"strings"
)

// testVocabulary is close to what the checks declare.
var testVocabulary = Vocabulary{
	"process": {
		{"cpu", "percent", "cpu_percent"},
		{"total cpu", "percent", "total_cpu_percent"},
		{"memory", "percent", "memory_percent"},
		{"memory", "bytes", "memory_bytes"},
		{"total memory", "percent", "total_memory_percent"},
		{"total memory", "bytes", "total_memory_bytes"},
		{"totalmem", "bytes", "total_memory_bytes"},
		{"children", "count", "children"},
		{"threads", "count", "threads"},
		{"pid", "count", "pid"},
		{"ppid", "count", "ppid"},
		{"uptime", "seconds", "uptime_seconds"},
		{"filedescriptors", "count", "filedescriptors"},
		{"filedescriptors", "percent", "filedescriptors_percent"},
		{"loadavg 1min", "count", "load1"},
		{"loadavg 5min", "count", "load5"},
		{"disk read rate", "bytes_per_second", "read_bytes"},
		{"disk read rate", "operations_per_second", "read_operations"},
	},
	"system": {
		{"loadavg (1min)", "count", "load1"},
		{"loadavg (5min)", "count", "load5"},
		{"loadavg (15min)", "count", "load15"},
		{"loadavg (1min) per core", "count", "load1_per_core"},
		{"cpu usage", "percent", "cpu_percent"},
		{"cpu user", "percent", "cpu_user_percent"},
		{"cpu wait", "percent", "cpu_wait_percent"},
		{"memory", "percent", "memory_percent"},
		{"memory", "bytes", "memory_bytes"},
		{"swap", "percent", "swap_percent"},
	},
	"filesystem": {
		{"space", "percent", "space_percent"},
		{"space", "bytes", "space_bytes"},
		{"space free", "percent", "space_free_percent"},
		{"space free", "bytes", "space_free_bytes"},
		{"inode", "percent", "inode_percent"},
		{"inode", "count", "inodes"},
		{"service time", "milliseconds", "service_ms"},
	},
	"file":    {{"size", "bytes", "size_bytes"}, {"timestamp", "seconds", "mtime_age_seconds"}},
	"program": {{"status", "count", "exit_status"}},
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
