package agentcmd

import (
	"crypto/md5"  //nolint:gosec // Monit's -H prints it; nothing is trusted by it
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/dialtone/dialtone/internal/proc"
)

// hash is -H: the checksums of a file, or of what is read from stdin, as `if failed checksum expect SUM` takes them.
func hash(names []string, stdin io.Reader, stdout io.Writer) error {
	name, from := "stdin", stdin
	switch {
	case len(names) > 1:
		return errors.New("-H takes one file, or reads stdin")
	case len(names) == 1:
		file, err := os.Open(names[0])
		if err != nil {
			return fmt.Errorf("reading the file: %w", err)
		}
		defer func() { _ = file.Close() }() // only read from
		name, from = names[0], file
	}
	s256, s1, m5 := sha256.New(), sha1.New(), md5.New()
	if _, err := io.Copy(io.MultiWriter(s256, s1, m5), from); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	fmt.Fprintf(stdout, "SHA256(%s) = %x\nSHA1(%s) = %x\nMD5(%s) = %x\n", name, s256.Sum(nil), name, s1.Sum(nil), name, m5.Sum(nil))
	return nil
}

// procmatch shows which processes a pattern of `check process NAME matching PATTERN` matches, and which of them would be watched.
func procmatch(names []string, stdout io.Writer) error {
	if len(names) != 1 {
		return errors.New(`procmatch takes one regular expression, as "nginx: master"`)
	}
	pattern, err := regexp.Compile(names[0])
	if err != nil {
		return fmt.Errorf("the pattern is no regular expression: %w", err)
	}
	table := proc.NewTable("/proc")
	chosen, found, err := table.Match(pattern)
	if err != nil {
		return fmt.Errorf("reading the processes: %w", err)
	}
	all, err := table.All()
	if err != nil {
		return fmt.Errorf("reading the processes: %w", err)
	}
	fmt.Fprintf(stdout, "  %7s %7s  COMMAND\n", "PID", "PPID")
	matches := 0
	for _, p := range all {
		text := table.CommandLine(p.PID)
		if text == "" {
			text = p.Comm
		}
		if p.PID == os.Getpid() || p.Dead() || p.Kernel() || !pattern.MatchString(text) {
			continue
		}
		matches++
		mark := " "
		if found && p.PID == chosen.PID {
			mark = "*"
		}
		fmt.Fprintf(stdout, "%s %7d %7d  %s\n", mark, p.PID, p.PPID, plain(text))
	}
	fmt.Fprintf(stdout, "%d in all", matches)
	if found {
		fmt.Fprint(stdout, "; the one with the star is watched")
	}
	fmt.Fprintln(stdout)
	return nil
}
