package control

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMaintenance(t *testing.T) {
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 12, day, hour, minute, 0, 0, time.Local) }
	for written, want := range map[string]Maintenance{
		`"0 3 * * sun" for 2 hours`:                                   {Cron: "0 3 * * 0", For: 2 * time.Hour},
		"from 2026-12-01T02:00 to 2026-12-01T04:30":                   {From: at(1, 2, 0), To: at(1, 4, 30)},
		`from "2026-12-01 02:00" to 2026-12-03`:                       {From: at(1, 2, 0), To: at(3, 0, 0)},
		"from 2026-12-01T02:00:00+02:00 to 2026-12-01T00:00:01Z":      {From: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 12, 1, 0, 0, 1, 0, time.UTC)},
		`"*/10 8-18 * feb-nov MON-FRI" for 5 minutes # in the office`: {Cron: "*/10 8-18 * 2-11 1-5", For: 5 * time.Minute},
	} {
		f, err := Parse("test", []byte("set maintenance "+written), nil)
		if err != nil {
			t.Errorf("%s:\n%v", written, err)
			continue
		}
		want.Pos = Position{"test", 1, 5}
		if d := cmp.Diff([]Maintenance{want}, f.Settings.Maintenance, cmp.Comparer(time.Time.Equal)); d != "" {
			t.Errorf("%s (-want +got):\n%s", written, d)
		}
	}
}

// TestLackingParentIsAProblem: the file stands, and the service says what it lacks.
func TestLackingParentIsAProblem(t *testing.T) {
	f, err := Parse("test", []byte("check process database with pidfile /d\ncheck process app with pidfile /a\n depends on database, databse, x\n"), testVocabulary)
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	app := f.Service("app")
	if len(f.Problems) != 2 || app.Problem != f.Problems[0] || len(app.DependsOn) != 1 || f.Service("database").Problem != nil {
		t.Fatalf("problems %v of the file, %v of the service, which depends on %v", f.Problems, app.Problem, app.DependsOn)
	}
	want := `test:3:23: it depends on "databse", which is not in this file` + "\n" +
		`    did you mean "database"? write a check of that name, or take it out of depends`
	if got := app.Problem.Error(); got != want || app.Problem.Partial {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestResponseTimeIsWhatIsWanted: the tree has what fails.
func TestResponseTimeIsWhatIsWanted(t *testing.T) {
	for written, want := range map[string]Op{
		"responsetime 200 ms": Greater, "responsetime < 200 ms": GreaterEqual, "responsetime <= 200 ms": Greater,
		"responsetime less 200 ms": GreaterEqual, "responsetime > 200 ms": LessEqual,
	} {
		c, is := parseRule(t, "process x with pidfile /x", "if failed port 80 "+written).Test.(*Connection)
		if !is || c.ResponseOp != want || c.Response != 200*time.Millisecond {
			t.Errorf("%s: got %+v, want %s", written, c, want)
		}
	}
}

// TestTLSBeginsWhereItMust says for each way to write it whether TLS begins with the first byte.
func TestTLSBeginsWhereItMust(t *testing.T) {
	for written, want := range map[string]bool{
		"port 443 with tls": true, "port 443 with ssl protocol http": true, "port 443 protocol https with tls": false,
		"port 25 protocol smtp with tls": false, "port 587 protocol smtp with ssl": false, "port 465 protocol smtp with tls": true,
		"port 2525 protocol smtp with tls": true, "port 2525 protocol smtp certificate valid > 3 days": false,
		"port 80 certificate valid > 3 days": true, "port 80 type tcpssl": true,
	} {
		c, is := parseRule(t, "process x with pidfile /x", "if failed "+written).Test.(*Connection)
		if !is || c.TLS == nil || c.TLS.On != want {
			t.Errorf("%s: got %+v, want %v", written, c, want)
		}
	}
}
