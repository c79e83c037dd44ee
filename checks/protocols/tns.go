package protocols

import (
	"context"
	"encoding/binary"
	"net"
	"regexp"
	"slices"
	"strconv"
)

func init() {
	register(Protocol{
		Name:  "tns",
		Doc:   "An Oracle listener answers a CONNECT with the command ping, as tnsping asks it: a refusal (REFUSE) with its error number, ACCEPT or REDIRECT. Errors that say that no session can be had (TNS-12516, 12518, 12519, 12520, 12528) fail.",
		Speak: speakTNS,
	})
}

// Types of packets.
const (
	tnsConnect  = 1
	tnsAccept   = 2
	tnsRefuse   = 4
	tnsRedirect = 5
	tnsResend   = 11

	tnsHeader  = 8
	tnsOffset  = 58      // where the data of a CONNECT begins
	tnsLongest = 8 << 10 // bytes of an answer; our session data unit is smaller
)

// full are the numbers of errors of a listener that lives, and whose database nobody can use.
var full = []int{12516, 12518, 12519, 12520, 12528}

func speakTNS(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "an Oracle listener")
	for range 3 {
		if err := k.send(string(connectTNS())); err != nil {
			return err
		}
		kind, data, err := readTNS(k)
		if err != nil {
			return err
		}
		if kind != tnsResend {
			return judgeTNS(k, kind, data)
		}
	}
	return tell("%s asks for the request again and again", t)
}

// connectTNS asks for what every version since 8 (protocol 300) answers. Numbers: version, oldest version, service options, session
// data unit, transport data unit, protocol characteristics, line turnaround, one in this machine's order, length and offset of the
// data, and zeros.
func connectTNS() []byte {
	const command = "(DESCRIPTION=(CONNECT_DATA=(COMMAND=ping)))"
	var packet []byte
	for _, n := range []uint16{
		tnsOffset + uint16(len(command)), 0, tnsConnect << 8, 0,
		310, 300, 0, 2048, 32767, 0x7f08, 0, 1, uint16(len(command)), tnsOffset,
	} {
		packet = binary.BigEndian.AppendUint16(packet, n)
	}
	return append(append(packet, make([]byte, tnsOffset-len(packet))...), command...)
}

func readTNS(k *talk) (kind byte, data []byte, err error) {
	header, err := k.read(tnsHeader)
	if err != nil {
		return 0, nil, err
	}
	size := int(binary.BigEndian.Uint16(header))
	known := slices.Contains([]byte{tnsAccept, tnsRefuse, tnsRedirect, tnsResend}, header[4])
	if !known || size < tnsHeader || size > tnsLongest {
		return 0, nil, k.stranger(header)
	}
	data, err = k.read(size - tnsHeader)
	return header[4], data, err
}

var tnsError = regexp.MustCompile(`\(ERR=(\d{1,6})\)`)

func judgeTNS(k *talk, kind byte, data []byte) error {
	if kind != tnsRefuse {
		return nil
	}
	if len(data) < 4 || int(binary.BigEndian.Uint16(data[2:])) != len(data)-4 {
		return k.stranger(data)
	}
	found := tnsError.FindSubmatch(data[4:])
	if found == nil {
		return k.stranger(data[4:])
	}
	if number, err := strconv.Atoi(string(found[1])); err == nil && slices.Contains(full, number) {
		return tell("%s has no session to give: TNS-%05d", k.t, number)
	}
	return nil
}
