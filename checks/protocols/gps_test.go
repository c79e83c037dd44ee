package protocols

import (
	"testing"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/testkit"
)

// TestGPS asks a real gpsd that has no receiver.
func TestGPS(t *testing.T) {
	fourCases(t, control.Connection{Protocol: "gps"}, func(t *testing.T, c *control.Connection) {
		c.Port = testkit.FreePort(t)
		testkit.Serve(t, loopback(c.Port), testkit.Installed(t, "gpsd", "gpsd", "gpsd"), "-N", "-n", "-S", number(c.Port), "-F", "/run/gpsd.sock")
	})
}

func TestGPSAnswers(t *testing.T) {
	const version = `{"class":"VERSION","release":"3.22","rev":"3.22","proto_major":3,"proto_minor":14}`
	for name, test := range map[string]struct {
		answers []string
		want    string
	}{
		"with a receiver": {[]string{version, `{"class":"DEVICES","devices":[{"class":"DEVICE","path":"/dev/ttyUSB0"}]}`}, ""},
		"says no":         {[]string{version, `{"class":"ERROR","message":"Unrecognized request"}`}, "to ?DEVICES;"},
		"too old":         {[]string{`{"class":"VERSION","proto_major":2}`}, "speaks protocol 2 of gpsd"},
		"other JSON":      {[]string{`{"class":"TPV"}`}, "is not gpsd's protocol"},
		"a number":        {[]string{"17"}, "is not gpsd's protocol"},
		"breaks off":      {[]string{version, `{"class":`}, "is not gpsd's protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			c := control.Connection{Protocol: "gps", Timeout: patient, Port: serve(t, lines(test.answers...))}
			wantSaid(t, try1(t, &c), test.want)
		})
	}
}
