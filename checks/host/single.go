package host

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/dialtone/dialtone"
	"github.com/dialtone/dialtone/internal/proc"
)

func init() {
	var families []dialtone.Metric
	for _, s := range singles {
		families = append(families, s.family)
	}
	register(source{
		name:     "limits of the kernel",
		families: families,
		start: func(cfg Config) collector {
			open := &singleNumbers{}
			for _, s := range singles {
				open.files = append(open.files, proc.NewFile(filepath.Join(cfg.Proc, s.path)))
			}
			return open
		},
	})
}

// singles are files with one line of numbers, of which one is wanted.
var singles = []struct {
	path   string
	field  int
	family dialtone.Metric
}{
	{"sys/fs/file-nr", 0, gauge("node_filefd_allocated", "", "Open files of the whole machine.")},
	{"sys/fs/file-nr", 2, gauge("node_filefd_maximum", "", "How many files may be open.")},
	{"sys/kernel/random/entropy_avail", 0, gauge("node_entropy_available_bits", "", "Bits of entropy at hand.")},
	{"sys/kernel/random/poolsize", 0, gauge("node_entropy_pool_size_bits", "", "Bits that the entropy pool holds.")},
	{"sys/net/netfilter/nf_conntrack_count", 0, gauge("node_nf_conntrack_entries", "", "Connections that the firewall follows.")},
	{"sys/net/netfilter/nf_conntrack_max", 0, gauge("node_nf_conntrack_entries_limit", "", "How many connections the firewall can follow.")},
}

type singleNumbers struct{ files []*proc.File }

func (s *singleNumbers) collect(_ context.Context, b *batch) error {
	var failed []error
	for i, file := range s.files {
		text, err := file.Read()
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				failed = append(failed, err)
			}
			continue
		}
		if value, ok := nth(text, singles[i].field); ok {
			b.add(singles[i].family.Name, nil, value)
		}
	}
	return errors.Join(failed...)
}

// nth reads the n-th number of a text, counted from 0.
func nth(text []byte, n int) (float64, bool) {
	for field := range bytes.FieldsSeq(text) {
		if n == 0 {
			return number(field)
		}
		n--
	}
	return 0, false
}
