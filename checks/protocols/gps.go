package protocols

import (
	"context"
	"encoding/json"
	"net"
)

func init() {
	register(Protocol{
		Name: "gps", Speak: speakGPS,
		Doc: "gpsd greets with its version, protocol 3 or later, and answers ?DEVICES; with its list of receivers, which may be empty" +
			" (gpsd_json(5)).",
	})
}

// gpsdObject is what is looked at in an object of gpsd.
type gpsdObject struct {
	Class string `json:"class"`
	Major int    `json:"proto_major"`
}

func speakGPS(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "gpsd's protocol")
	version, line, err := objectOfGPS(k)
	switch {
	case err != nil:
		return err
	case version.Class != "VERSION":
		return k.stranger([]byte(line))
	case version.Major < 3:
		return tell("%s speaks protocol %d of gpsd, wanted 3 or later", t, version.Major)
	}
	if err := k.send("?DEVICES;\n"); err != nil {
		return err
	}
	devices, line, err := objectOfGPS(k)
	if err == nil && devices.Class != "DEVICES" {
		return k.refused("?DEVICES;", line)
	}
	return err
}

// objectOfGPS reads one object, which is one line.
func objectOfGPS(k *talk) (o gpsdObject, line string, err error) {
	line, err = k.readLine()
	if err != nil {
		return gpsdObject{}, "", err
	}
	if json.Unmarshal([]byte(line), &o) != nil {
		return gpsdObject{}, "", k.stranger([]byte(line))
	}
	return o, line, nil
}
