package protocols

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"net"
)

func init() {
	register(Protocol{
		Name:  "mongodb",
		Doc:   "The far side answers the command hello in MongoDB's wire protocol (OP_MSG, which servers speak since 3.6) with ok: 1, or says that it is too old to know that command.",
		Speak: speakMongo,
	})
}

// The wire protocol: a header of four int32 (length, request, response to, opcode), then flags and one section with a document.
const (
	mongoHeader     = 16
	mongoBody       = mongoHeader + 5 // behind the flags and the kind of the section
	mongoMsg        = 2013            // OP_MSG
	mongoLongest    = 64 << 10        // an answer to hello has about 1 KiB, and more in a large replica set
	mongoChecksum   = 1               // flag: four bytes of checksum at the end
	commandNotFound = 59
)

func speakMongo(_ context.Context, conn net.Conn, t Target) error {
	k := converse(conn, t, "MongoDB")
	id := rand.Uint32() >> 1
	if err := k.send(string(helloMongo(id))); err != nil {
		return err
	}
	header, err := k.read(mongoHeader)
	if err != nil {
		return err
	}
	size := binary.LittleEndian.Uint32(header)
	if size < mongoBody || size > mongoLongest || binary.LittleEndian.Uint32(header[12:]) != mongoMsg {
		return k.stranger(header)
	}
	rest, err := k.read(int(size) - mongoHeader)
	if err != nil {
		return err
	}
	return judgeMongo(k, append(header, rest...), id)
}

// helloMongo is {hello: 1, $db: "admin"}, which any client may ask.
func helloMongo(id uint32) []byte {
	document := "\x10hello\x00\x01\x00\x00\x00" + "\x02$db\x00\x06\x00\x00\x00admin\x00" + "\x00"
	body := binary.LittleEndian.AppendUint32([]byte{0, 0, 0, 0, 0}, uint32(4+len(document)))
	body = append(body, document...)
	var message []byte
	for _, field := range []uint32{uint32(mongoHeader + len(body)), id, 0, mongoMsg} {
		message = binary.LittleEndian.AppendUint32(message, field)
	}
	return append(message, body...)
}

func judgeMongo(k *talk, answer []byte, id uint32) error {
	flags, kind, document := answer[mongoHeader], answer[mongoBody-1], answer[mongoBody:]
	if flags&mongoChecksum != 0 && len(document) >= 4 {
		document = document[:len(document)-4]
	}
	var reply mongoReply
	if kind != 0 || reply.parse(document) != nil || !reply.judged {
		return k.stranger(answer)
	}
	switch {
	case binary.LittleEndian.Uint32(answer[8:]) != id:
		return tell("%s answered a request that was not made", k.t)
	case reply.ok == 1, reply.code == commandNotFound:
		return nil
	}
	return tell("%s answered hello with error %d: %s", k.t, int(reply.code), quote(reply.message))
}

// mongoReply are the fields that every reply has.
type mongoReply struct {
	ok, code float64
	judged   bool // ok was there
	message  []byte
}

var errBSON = errors.New("not BSON")

// parse reads the fields of the outermost document, as https://bsonspec.org says.
func (r *mongoReply) parse(document []byte) error {
	if len(document) < 5 || uint64(binary.LittleEndian.Uint32(document)) != uint64(len(document)) || document[len(document)-1] != 0 {
		return errBSON
	}
	for rest := document[4 : len(document)-1]; len(rest) > 0; {
		kind := rest[0]
		name, value, ok := bytes.Cut(rest[1:], []byte{0})
		size, known := sizeOfBSON(kind, value)
		if !ok || !known || size > uint64(len(value)) {
			return errBSON
		}
		r.take(string(name), kind, value[:size])
		rest = value[size:]
	}
	return nil
}

// Sizes in bytes of values of fixed size by kind, and what a value has beside the size that it begins with: text, document, array,
// binary, code.
var (
	fixedBSON = map[byte]uint64{
		0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0a: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0x7f: 0, 0xff: 0,
	}
	sizedBSON = map[byte]uint64{0x02: 4, 0x03: 0, 0x04: 0, 0x05: 5, 0x0d: 4}
)

// sizeOfBSON is the size of a value of some kind that begins here; it may be larger than what is there.
func sizeOfBSON(kind byte, value []byte) (size uint64, known bool) {
	if size, known = fixedBSON[kind]; known {
		return size, true
	}
	more, known := sizedBSON[kind]
	if !known || len(value) < 4 {
		return 0, false
	}
	return uint64(binary.LittleEndian.Uint32(value)) + more, true
}

func (r *mongoReply) take(name string, kind byte, value []byte) {
	switch name {
	case "ok":
		r.ok, r.judged = numberOfBSON(kind, value)
	case "code":
		r.code, _ = numberOfBSON(kind, value)
	case "errmsg":
		if kind == 0x02 && len(value) > 5 {
			r.message = value[4 : len(value)-1]
		}
	}
}

func numberOfBSON(kind byte, value []byte) (n float64, is bool) {
	switch kind {
	case 0x01:
		return math.Float64frombits(binary.LittleEndian.Uint64(value)), true
	case 0x08:
		return float64(value[0]), true
	case 0x10:
		return float64(int32(binary.LittleEndian.Uint32(value))), true
	case 0x12:
		return float64(int64(binary.LittleEndian.Uint64(value))), true
	}
	return 0, false
}
