package checks

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dialtone/dialtone/control"
)

// sum remembers a checksum for as long as the file's inode, size and times stay the same, so that a large file is not read
// again in each cycle.
type sum struct {
	text    string
	version version
}

// sums are the checksums of one file, by how they are computed.
type sums map[string]*sum

// report computes the checksums that rules look at. Which one `changed checksum` and
// `changed content` follow does not matter: the first.
func (s sums) report(ctx context.Context, spec *control.Service, info os.FileInfo, r *Report) error {
	for _, algorithm := range algorithms(spec) {
		if s[algorithm] == nil {
			s[algorithm] = &sum{}
		}
		text, err := s[algorithm].of(ctx, spec.Path, info, algorithm)
		if err != nil {
			return err
		}
		r.Text("checksum/"+algorithm, text)
		if r.Texts["checksum"] == "" {
			r.Text("checksum", text)
			r.Text("content", text)
		}
	}
	return nil
}

// algorithms are how checksums are to be computed for the rules of a service, each once; none where no rule looks at one.
func algorithms(s *control.Service) []string {
	var all []string
	for _, rule := range s.Rules {
		if test, is := rule.Test.(*control.Expect); is && test.Value == "checksum" {
			all = append(all, strings.TrimPrefix(test.Reported(), "checksum/"))
		}
	}
	if len(all) == 0 && wants(s, "checksum", "content") {
		return []string{"sha256"}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// version is what tells two states of a file apart without reading it.
type version struct {
	dev, inode        uint64
	size              int64
	modified, changed time.Time
}

func versionOf(info os.FileInfo) version {
	v := version{size: info.Size(), modified: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		v.dev, v.inode, v.changed = sys.Dev, sys.Ino, time.Unix(sys.Ctim.Unix())
	}
	return v
}

// settled is how old a change must be before the times of a file can be trusted to show the next one: they tick coarsely.
const settled = 2 * time.Second

func (s *sum) of(ctx context.Context, path string, info os.FileInfo, algorithm string) (string, error) {
	v := versionOf(info)
	if s.text != "" && s.version == v && time.Since(v.changed) > settled {
		return s.text, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading for the checksum: %w", err)
	}
	defer func() { _ = f.Close() }()
	h := hashOf(algorithm)
	if _, err := io.Copy(h, &interruptible{ctx, f}); err != nil {
		return "", fmt.Errorf("reading %s for the checksum: %w", path, err)
	}
	s.text, s.version = hex.EncodeToString(h.Sum(nil)), v
	return s.text, nil
}

// hashOf makes a hash by its name. MD5 and SHA-1 are for what is already written in control files: they notice accidents, not
// attackers.
func hashOf(algorithm string) hash.Hash {
	switch algorithm {
	case "md5":
		return md5.New()
	case "sha1":
		return sha1.New()
	}
	return sha256.New()
}

// interruptible ends the reading of a long file when its check's time is over.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
