package protocols

import (
	"bytes"
	"context"
	"crypto/rand"
	"net"
)

func init() {
	register(Protocol{
		Name:  "ntp3",
		Doc:   "The far side answers a client's request of NTP version 3 as a server whose clock is synchronized (RFC 5905). Stratum 0 (a kiss code) and leap indicator 3 fail. Over UDP.",
		UDP:   true,
		Speak: speakNTP,
	})
}

// Offsets and values of an NTP header (RFC 5905, 7.3).
const (
	ntpHeader     = 48
	ntpReference  = 12 // reference identifier: a kiss code when the stratum is 0
	ntpOriginate  = 24
	ntpTransmit   = 40
	ntpClient     = 3
	ntpServer     = 4
	ntpAlarm      = 3  // leap indicator of a clock that was never set
	ntpUnsynched  = 16 // stratum
	ntpVersion3   = 3
	timestampSize = 8
)

// speakNTP sends a random transmit timestamp: a server returns it as it is, so that it tells our answer from any other, and nobody
// on the way learns this machine's time.
func speakNTP(ctx context.Context, conn net.Conn, t Target) error {
	request := make([]byte, ntpHeader)
	request[0] = ntpVersion3<<3 | ntpClient
	if _, err := rand.Read(request[ntpTransmit:]); err != nil {
		return err
	}
	return inquire(ctx, conn, request, func(answer []byte) error { return judgeNTP(answer, request[ntpTransmit:], t) })
}

func judgeNTP(answer, nonce []byte, t Target) error {
	if len(answer) < ntpHeader || answer[0]&7 != ntpServer || answer[0]>>3&7 == 0 {
		return tell("%s answered %s, which is not NTP", t, quote(answer))
	}
	if !bytes.Equal(answer[ntpOriginate:ntpOriginate+timestampSize], nonce) {
		return notOurs("%s answered a request that was not made (the originate timestamp is not ours)", t)
	}
	leap, stratum, code := answer[0]>>6, answer[1], bytes.TrimRight(answer[ntpReference:ntpReference+4], "\x00")
	switch {
	case stratum == 0 && len(code) > 0:
		return tell("%s turned the request away with the kiss code %s", t, quote(code))
	case leap == ntpAlarm || stratum == 0 || stratum >= ntpUnsynched:
		return tell("%s has no synchronized clock (leap indicator %d, stratum %d)", t, leap, stratum)
	case bytes.Equal(answer[ntpTransmit:ntpHeader], make([]byte, timestampSize)):
		return tell("%s answered without a time", t)
	}
	return nil
}
