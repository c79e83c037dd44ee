package control

import (
	"testing"
	"time"
)

// TestLimitsReachTheCommands: those of the whole file, unless a command has its own.
func TestLimitsReachTheCommands(t *testing.T) {
	const text = `
check process p with pidfile /run/p.pid
    start program = "/bin/start"
    stop program = "/bin/stop" with timeout 7 seconds
    restart program = "/bin/restart"
    if cpu > 80% then exec "/bin/page" else if succeeded then exec "/bin/unpage"
    if 3 restarts within 5 cycles then exec "/bin/often"
set limits { startTimeout: 1 minute, stopTimeout: 2 minutes, restartTimeout: 3 minutes, execTimeout: 4 minutes }
`
	f, err := Parse("limits", []byte(text), testVocabulary)
	if err != nil {
		t.Fatal(err)
	}
	s := f.Services[0]
	for name, test := range map[string]struct {
		got  *Command
		want time.Duration
	}{
		"start": {s.Start, time.Minute}, "stop": {s.Stop, 7 * time.Second}, "restart": {s.Restart, 3 * time.Minute},
		"exec": {s.Rules[0].Then.Exec, 4 * time.Minute}, "else": {s.Rules[0].Else.Then.Exec, 4 * time.Minute},
		"limit": {s.Limits[0].Then.Exec, 4 * time.Minute},
	} {
		if test.got.Timeout != test.want {
			t.Errorf("%s: %v, want %v", name, test.got.Timeout, test.want)
		}
	}
}
