package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dialtone/dialtone"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// stream is one frame of every type, as two sides of one connection would write them.
func stream(t testing.TB) map[string][]byte {
	t.Helper()
	must := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	enc := NewEncoder()
	samples := []dialtone.Sample{
		{Name: "node_load1", At: epoch, Value: 0.25},
		{Name: "node_cpu_seconds_total", Labels: []dialtone.Label{{Name: "cpu", Value: "0"}, {Name: "mode", Value: "idle"}}, At: epoch, Value: 1234.56},
	}
	dict, one, err := enc.Encode(Batch{Seq: 7, Samples: samples})
	must(nil, err)
	samples[0].Value, samples[1].Value = 0.5, 1239.5
	_, two, err := enc.Encode(Batch{Seq: 8, Samples: samples})
	must(nil, err)
	block, err := EncodeBlock([]Batch{{Seq: 5, Samples: samples}, {Seq: 6, Samples: samples}})
	must(nil, err)
	event := []byte(`{"id":"a/b/1","at":"2026-03-01T09:30:00Z","kind":"state","node":"web1","service":"nginx","from":"ok","to":"critical","why":"process is not running"}`)
	return map[string][]byte{
		"01-hello": must(EncodeJSON(nil, TypeHello, Hello{
			Version: Version, AgentID: "a", AgentVersion: "1.0", Node: dialtone.Node{Name: "web1", Roles: []string{"web"}},
			Runs: []Run{{ID: "b", Events: 1, Samples: 8}},
		})),
		"02-welcome":   must(EncodeJSON(nil, TypeWelcome, Welcome{Version: Version, Kept: []Kept{{Samples: 6}}, Time: epoch})),
		"03-dict":      must(AppendFrame(nil, TypeDict, dict)),
		"04-samples":   must(AppendSamples(nil, 0, one)),
		"05-samples":   must(AppendSamples(nil, 0, two)),
		"06-block":     must(AppendBlock(nil, 0, 6, block)),
		"07-events":    must(AppendEvents(nil, 0, 1, [][]byte{event, event})),
		"08-status":    must(EncodeJSON(nil, TypeStatus, dialtone.NodeStatus{Node: dialtone.Node{Name: "web1"}, Started: epoch})),
		"09-heartbeat": must(AppendHeartbeat(nil, Heartbeat{Sent: epoch})),
		"10-ack":       must(AppendAck(nil, Ack{Run: 0, Lane: LaneSamples, Seq: 300})),
		"11-error":     must(EncodeJSON(nil, TypeError, &Error{Code: CodeStore, Message: "the collector's disk is full; it keeps trying"})),
		"12-goodbye":   must(AppendFrame(nil, TypeGoodbye, []byte("quit"))),
	}
}

func TestFramesAreTheGoldenBytes(t *testing.T) {
	for name, got := range stream(t) {
		path := filepath.Join("testdata", name+".frame")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s differs from its golden file; a change of the bytes is a new Version (-golden +written):\n%s", name, diff)
		}
	}
}

// TestGoldenBytesAreRead reads the stored bytes, which an older build wrote, in their order.
func TestGoldenBytesAreRead(t *testing.T) {
	files, err := filepath.Glob("testdata/*.frame")
	if err != nil || len(files) != 12 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	var all bytes.Buffer
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	r, dec := NewReader(&all), new(Decoder)
	for want := TypeHello; want <= TypeGoodbye; {
		got, body, err := r.Next()
		if err != nil {
			t.Fatalf("reading %s: %v", want, err)
		}
		if got == TypeSamples && want == TypeBlock {
			want = TypeSamples
		}
		if got != want {
			t.Fatalf("read %s, want %s", got, want)
		}
		if err := decode(dec, got, body); err != nil {
			t.Fatalf("decoding %s: %v", got, err)
		}
		want++
	}
	if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("after the last frame: %v", err)
	}
}

// decode decodes any body as its type.
func decode(dec *Decoder, t Type, body []byte) error {
	var err error
	switch t {
	case TypeHello:
		_, err = DecodeHello(body)
	case TypeWelcome:
		_, err = DecodeWelcome(body, 1)
	case TypeDict:
		err = dec.Dict(body)
	case TypeSamples:
		var batch []byte
		if _, batch, err = SamplesBody(body); err == nil {
			_, err = dec.Batch(batch)
		}
	case TypeBlock:
		var block []byte
		if _, _, block, err = BlockBody(body); err == nil {
			err = DecodeBlock(block, func(Batch) error { return nil })
		}
	case TypeEvents:
		_, err = DecodeEvents(body)
	case TypeStatus:
		_, err = DecodeStatus(body)
	case TypeHeartbeat:
		_, err = DecodeHeartbeat(body)
	case TypeAck:
		_, err = DecodeAck(body)
	case TypeError:
		_, err = DecodeError(body)
	case TypeGoodbye:
	}
	return err
}

func TestAnyFlippedBitIsNoticed(t *testing.T) {
	for name, frame := range stream(t) {
		for i := range frame {
			for bit := range 8 {
				bad := bytes.Clone(frame)
				bad[i] ^= 1 << bit
				if _, _, err := NewReader(bytes.NewReader(bad)).Next(); err == nil {
					t.Fatalf("%s: bit %d of byte %d flipped, and read", name, bit, i)
				}
			}
		}
	}
}

func TestBadFrames(t *testing.T) {
	valid, _ := AppendFrame(nil, TypeGoodbye, []byte("quit"))
	lying := append(binary.BigEndian.AppendUint32(nil, MaxFrame), "short"...)
	unknown, _ := AppendFrame(nil, 99, nil)
	bomb := bombFrame(t)
	tests := []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"nothing", nil, "EOF"},
		{"half a length", valid[:2], "unexpected EOF"},
		{"half a body", valid[:7], "unexpected EOF"},
		{"a length that lies", lying, "unexpected EOF"},
		{"a length too small", []byte{0, 0, 0, 4, 1, 2, 3, 4}, "frame length 4"},
		{"a length too large", []byte{0xff, 0, 0, 0}, "frame length 4278190080"},
		{"an unknown type", unknown, "unknown frame type 99"},
		{"a web server", []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), "frame length"},
		{"a bomb", bomb, "zstd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := NewReader(bytes.NewReader(tt.bytes)).Next()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

// bombFrame is a small frame that would unpack to 64 MiB.
func bombFrame(t *testing.T) []byte {
	t.Helper()
	enc, err := packer()
	if err != nil {
		t.Fatal(err)
	}
	small := enc.EncodeAll(make([]byte, 64<<20), nil)
	frame, err := AppendFrame(nil, TypeGoodbye|packedBit, small)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func TestLargeBodies(t *testing.T) {
	body := bytes.Repeat([]byte("dial tone "), 100_000)
	frame, err := AppendFrame(nil, TypeEvents, body)
	if err != nil || len(frame) > len(body)/100 {
		t.Fatalf("frame of %d bytes, %v", len(frame), err)
	}
	_, got, err := NewReader(bytes.NewReader(frame)).Next()
	if err != nil || !bytes.Equal(got, body) {
		t.Fatalf("read %d bytes of %d, %v", len(got), len(body), err)
	}
	if _, err := AppendFrame(nil, TypeSamples, make([]byte, MaxFrame)); err == nil {
		t.Error("a body over the limit was taken")
	}
}

func TestBadMessages(t *testing.T) {
	run := `"runs":[{"id":"r"}]`
	tests := []struct {
		name string
		t    Type
		body string
		want string
	}{
		{"hello from the future", TypeHello, `{"version":2}`, "update the collector"},
		{"hello from the past", TypeHello, `{"version":0}`, "update the agent"},
		{"hello of nobody", TypeHello, `{"version":1,"node":{"name":"n"},` + run + `}`, "agent id of 0 bytes"},
		{"hello of no node", TypeHello, `{"version":1,"agent_id":"a",` + run + `}`, "node name of 0 bytes"},
		{"hello without runs", TypeHello, `{"version":1,"agent_id":"a","node":{"name":"n"}}`, "0 runs"},
		{"hello with a run twice", TypeHello, `{"version":1,"agent_id":"a","node":{"name":"n"},"runs":[{"id":"r"},{"id":"r"}]}`, "named twice"},
		{"welcome of too few", TypeWelcome, `{"version":1,"kept":[]}`, "0 runs kept"},
		{"welcome from the future", TypeWelcome, `{"version":9}`, "version 9"},
		{"ack of no lane", TypeAck, "\x00\x03\x01", "lane(3)"},
		{"ack of no run", TypeAck, "\xff\xff\x01\x01\x01", "place of a run"},
		{"ack too long", TypeAck, "\x00\x01\x01\x01", "1 bytes too many"},
		{"events without numbers", TypeEvents, "\x00", "cut short"},
		{"events without events", TypeEvents, "\x00\x01\x00[]", "without events"},
		{"events that are none", TypeEvents, "\x00\x01\x01{}", "no list"},
		{"fewer events than said", TypeEvents, "\x00\x01\x02[{}]", "does not hold 2"},
		{"more events than said", TypeEvents, "\x00\x01\x01[{},{}]", "does not hold 1"},
		{"event of an unknown state", TypeEvents, "\x00\x01\x01" + `[{"to":"fine"}]`, `state "fine"`},
		{"status that is none", TypeStatus, "[]", "status"},
		{"dict of nothing", TypeDict, "", "cut short"},
		{"dict that begins oddly", TypeDict, "\x05\x00", "begins with 5"},
		{"dict too large", TypeDict, "\x01\xff\xff\xff\x7f", "series, at most"},
		{"samples of no series", TypeSamples, "\x00\x01\x00\x01\x00\x01\x00\x01\x00", "series 0…0 of 0"},
		{"samples beyond reason", TypeSamples, "\x00\x01\x00\xff\xff\xff\x7f", "samples, at most"},
		{"block with a bad sum", TypeBlock, "\x00\x01\x00\x00\x00\x00\x00", "checksum"},
		{"block of nothing", TypeBlock, "\x00\x01", "block of 0 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := decode(new(Decoder), tt.t, []byte(tt.body))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func TestHeartbeatKeepsMicroseconds(t *testing.T) {
	want := Heartbeat{Sent: epoch.Add(123456 * time.Microsecond)}
	frame, err := AppendHeartbeat(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	_, body, err := NewReader(bytes.NewReader(frame)).Next()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeHeartbeat(body); err != nil || got != want {
		t.Errorf("read %v, %v", got, err)
	}
}

func FuzzReader(f *testing.F) {
	for _, frame := range stream(f) {
		f.Add(frame)
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		r, dec := NewReader(bytes.NewReader(data)), new(Decoder)
		for {
			t, body, err := r.Next()
			if err != nil {
				return
			}
			if decode(dec, t, body) != nil {
				return
			}
		}
	})
}

// FuzzDecode goes past the checksum: any body as any type, after a valid dictionary.
func FuzzDecode(f *testing.F) {
	for _, frame := range stream(f) {
		t, body, err := NewReader(bytes.NewReader(frame)).Next()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(t), body)
	}
	_, dict, _ := NewReader(bytes.NewReader(stream(f)["03-dict"])).Next()
	dict = bytes.Clone(dict)
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		dec := new(Decoder)
		if err := dec.Dict(dict); err != nil {
			t.Fatal(err)
		}
		_ = decode(dec, Type(kind), body)
	})
}

// FuzzBlock repairs the checksum, so that what lies behind it is reached.
func FuzzBlock(f *testing.F) {
	block, err := EncodeBlock([]Batch{{Seq: 5, Samples: newSteady(20).next()}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(block[crcSize:])
	f.Fuzz(func(_ *testing.T, rest []byte) {
		_ = DecodeBlock(sealed(rest), func(Batch) error { return nil })
	})
}
