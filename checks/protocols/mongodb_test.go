package protocols

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/dialtone/dialtone/control"
)

// TestMongo speaks to a fake that is as strict as a server, for Debian has no package of one: it takes nothing but the command hello
// for the database admin, in the form of the wire protocol's document and https://bsonspec.org.
func TestMongo(t *testing.T) {
	t.Parallel()
	fourCases(t, control.Connection{Protocol: "mongodb"}, func(t *testing.T, c *control.Connection) {
		c.Port = mongo(t, helloReply, func(b []byte) []byte { return b })
	})
	for name, test := range map[string]struct {
		document string
		spoil    func([]byte) []byte
		want     string
	}{
		"ok as an integer": {document: "\x10ok\x00\x01\x00\x00\x00"},
		"ok as a long":     {document: "\x12ok\x00\x01\x00\x00\x00\x00\x00\x00\x00"},
		"ok as a boolean":  {document: "\x08ok\x00\x01"},
		"an old server":    {document: "\x01ok\x00" + zeros(8) + "\x02errmsg\x00\x05\x00\x00\x00none\x00\x10code\x00\x3b\x00\x00\x00"},
		"shutting down":    {document: "\x01ok\x00" + zeros(8) + "\x02errmsg\x00\x09\x00\x00\x00shutting\x00\x10code\x00\x5b\x00\x00\x00", want: `answered hello with error 91: "shutting"`},
		"without ok":       {document: "\x10code\x00\x01\x00\x00\x00", want: "is not MongoDB"},
		"ok as a text":     {document: "\x02ok\x00\x02\x00\x00\x001\x00", want: "is not MongoDB"},
		"an unknown type":  {document: "\x42ok\x00" + zeros(8), want: "is not MongoDB"},
		"beyond the end":   {document: "\x02ok\x00\xff\xff\xff\x7f1\x00", want: "is not MongoDB"},
		"another request":  {document: helloReply, spoil: func(b []byte) []byte { b[8]++; return b }, want: "a request that was not made"},
		"another opcode":   {document: helloReply, spoil: func(b []byte) []byte { b[12]++; return b }, want: "is not MongoDB"},
		"too long":         {document: helloReply, spoil: func(b []byte) []byte { b[3] = 1; return b }, want: "is not MongoDB"},
		"with a checksum": {document: helloReply, spoil: func(b []byte) []byte {
			b[16] = 1
			binary.LittleEndian.PutUint32(b, uint32(len(b)+4))
			return append(b, 1, 2, 3, 4)
		}},
		"breaks off":           {document: helloReply, spoil: func(b []byte) []byte { return b[:len(b)-5] }, want: "broke off"},
		"another document end": {document: helloReply, spoil: func(b []byte) []byte { b[len(b)-1] = 1; return b }, want: "is not MongoDB"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.spoil == nil {
				test.spoil = func(b []byte) []byte { return b }
			}
			port := mongo(t, test.document, test.spoil)
			wantSaid(t, try1(t, &control.Connection{Protocol: "mongodb", Port: port, Timeout: 20 * time.Second}), test.want)
		})
	}
}

func zeros(n int) string { return string(make([]byte, n)) }

// helloReply has the fields of a standalone server's reply, of each type that one has.
const helloReply = "\x08isWritablePrimary\x00\x01" +
	"\x03topologyVersion\x00\x2d\x00\x00\x00\x07processId\x00\x65\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\x12counter\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x10maxBsonObjectSize\x00\x00\x00\x00\x01" +
	"\x09localTime\x00\x11\x22\x33\x44\x8b\x01\x00\x00" +
	"\x04compression\x00\x05\x00\x00\x00\x00" +
	"\x11operationTime\x00\x01\x00\x00\x00\x02\x00\x00\x00" +
	"\x05hash\x00\x02\x00\x00\x00\x00\xaa\xbb" +
	"\x02msg\x00\x09\x00\x00\x00isdbgrid\x00" +
	"\x0anothing\x00" +
	"\x08readOnly\x00\x00" +
	"\x01ok\x00\x00\x00\x00\x00\x00\x00\xf0\x3f"

// mongo answers hello with a document of these fields.
func mongo(t *testing.T, fields string, spoil func([]byte) []byte) int {
	t.Helper()
	return serve(t, func(conn net.Conn) {
		request := make([]byte, 16)
		if _, err := io.ReadFull(conn, request); err != nil {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint32(request)-16)
		_, err := io.ReadFull(conn, body)
		asked := "\x00\x00\x00\x00\x00" + "\x1f\x00\x00\x00" + "\x10hello\x00\x01\x00\x00\x00" + "\x02$db\x00\x06\x00\x00\x00admin\x00" + "\x00"
		if err != nil || binary.LittleEndian.Uint32(request[12:]) != 2013 || string(body) != asked {
			return
		}
		_, _ = conn.Write(spoil(mongoMessage(fields, request[4:8])))
	})
}

func mongoMessage(fields string, to []byte) []byte {
	var answer []byte
	answer = binary.LittleEndian.AppendUint32(answer, uint32(16+5+4+len(fields)+1))
	answer = append(answer, 9, 0, 0, 0)
	answer = append(answer, to...)
	answer = binary.LittleEndian.AppendUint32(answer, 2013)
	answer = append(answer, 0, 0, 0, 0, 0)
	answer = binary.LittleEndian.AppendUint32(answer, uint32(4+len(fields)+1))
	return append(append(answer, fields...), 0)
}

func FuzzMongoAnswer(f *testing.F) {
	f.Add(mongoMessage(helloReply, []byte{7, 0, 0, 0})[mongoBody:])
	f.Fuzz(func(t *testing.T, document []byte) {
		answer := append(mongoMessage("", []byte{7, 0, 0, 0})[:mongoBody], document...)
		if judgeMongo(converse(nil, fuzzTarget, "MongoDB"), answer, 7) == nil && !bytes.Contains(document, []byte("ok\x00")) {
			t.Errorf("%q is taken for an answer", document)
		}
	})
}
