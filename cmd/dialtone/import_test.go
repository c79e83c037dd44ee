package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runCommand runs one command line in this process.
func runCommand(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestImport(t *testing.T) {
	dir := t.TempDir()
	plugins := filepath.Join(dir, "plugins")
	if err := os.Mkdir(plugins, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(plugins, "load"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	nrpe := filepath.Join(dir, "nrpe.cfg")
	if err := os.WriteFile(nrpe, []byte("command[check_it]=$USER1$/check_it -w 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	resource := filepath.Join(dir, "resource.txt")
	if err := os.WriteFile(resource, []byte("$USER1$=/opt/plugins\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	written := filepath.Join(dir, "written.conf")
	for _, test := range []struct {
		args   []string
		status int
		want   string // in what is printed
	}{
		{[]string{"munin", plugins}, 0, "check munin load with plugin " + plugins + "/load"},
		{[]string{"munin", plugins, "-o", written}, 0, ""},
		{[]string{"munin", "-o", written, plugins}, 1, "dialtone import munin: writing the control file: open " + written + ": file exists"},
		{[]string{"nagios", nrpe}, 0, "#   " + nrpe + ":1: check_it: $USER1$ comes from whoever asks"},
		{[]string{"nagios", nrpe, "-resource", resource}, 0, `check nagios check_it with command "/opt/plugins/check_it -w 5"`},
		{[]string{"nagios", "/no/such"}, 1, "dialtone import nagios: reading the configuration: stat /no/such: no such file or directory"},
		{[]string{"cacti"}, 2, "Usage: dialtone import munin"},
		{nil, 2, "Usage: dialtone import munin"},
		{[]string{"-h"}, 0, "-suggest"},
		{[]string{"munin", plugins, "more"}, 2, `"more" is one word too many`},
		{[]string{"munin", "-x"}, 2, "not defined: -x"},
	} {
		status, stdout, stderr := runCommand(t, append([]string{"import"}, test.args...)...)
		if status != test.status || !strings.Contains(stdout+stderr, test.want) {
			t.Errorf("import %q: status %d\n%s%s\nwant %d and %q", test.args, status, stdout, stderr, test.status, test.want)
		}
	}
	info, err := os.Stat(written)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
