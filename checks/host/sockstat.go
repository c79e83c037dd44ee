package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	register(source{
		name:     "sockets",
		families: sockstatFamilies(),
		start: func(cfg Config) collector {
			return &sockstat{
				files: []*proc.File{proc.NewFile(filepath.Join(cfg.Proc, "net/sockstat")), proc.NewFile(filepath.Join(cfg.Proc, "net/sockstat6"))},
				names: newMemo(sockstatName),
			}
		},
	})
}

const sockstatFields = "sockets_used TCP_alloc TCP_inuse TCP_mem TCP_mem_bytes TCP_orphan TCP_tw UDP_inuse UDP_mem UDP_mem_bytes UDPLITE_inuse RAW_inuse FRAG_inuse FRAG_memory " +
	"TCP6_inuse UDP6_inuse UDPLITE6_inuse RAW6_inuse FRAG6_inuse FRAG6_memory"

func sockstatFamilies() []dialtone.Metric {
	var all []dialtone.Metric
	for field := range strings.FieldsSeq(sockstatFields) {
		unit := ""
		if strings.HasSuffix(field, "_bytes") {
			unit = "bytes"
		}
		all = append(all, gauge("node_sockstat_"+field, unit, "Sockets of "+strings.Replace(field, "_", ": ", 1)+"."))
	}
	return all
}

// sockstat reads /proc/net/sockstat and sockstat6.
type sockstat struct {
	files []*proc.File
	names *memo[string]
}

// sockstatName joins a protocol and a field, "TCP" and "inuse"; names with signs that no series has are left out.
func sockstatName(key string) string {
	return seriesName("node_sockstat_" + key)
}

func (s *sockstat) collect(_ context.Context, b *batch) error {
	var failed []error
	for _, file := range s.files {
		text, err := file.Read()
		switch {
		case err == nil:
			s.parse(text, b)
		case !errors.Is(err, fs.ErrNotExist):
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

var sockstatPage = float64(os.Getpagesize())

// parse reads lines of pairs: `TCP: inuse 3 orphan 0 mem 1`. Memory of TCP and UDP is in pages, and given in bytes as well.
func (s *sockstat) parse(text []byte, b *batch) {
	var key [96]byte
	for line := range bytes.Lines(text) {
		protocol, rest := cutField(line)
		if len(protocol) < 2 || protocol[len(protocol)-1] != ':' {
			continue
		}
		protocol = protocol[:len(protocol)-1]
		for len(rest) > 0 {
			var field, text []byte
			field, rest = cutField(rest)
			text, rest = cutField(rest)
			value, ok := number(text)
			name := s.names.of(append(append(append(key[:0], protocol...), '_'), field...))
			if !ok || name == "" || len(field) == 0 {
				break
			}
			b.add(name, nil, value)
			if string(field) == "mem" {
				name = s.names.of(append(append(key[:0], protocol...), "_mem_bytes"...))
				b.add(name, nil, value*sockstatPage)
			}
		}
	}
}
