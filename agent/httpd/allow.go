package httpd

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/tg123/go-htpasswd"

	"github.com/dialtone/dialtone/control"
	"github.com/dialtone/dialtone/internal/command"
)

// right is what somebody may do. The zero value is nothing.
type right uint8

const (
	none right = iota
	read
	act
)

// gate decides who may come in. Addresses and names restrict from where, users and groups say who: where a file has rules of both
// kinds, both must allow. Without any rule only this machine may look, and nobody may act.
type gate struct {
	from []control.Allow // Network and Host
	who  []control.Allow // User, Group and File
	log  *slog.Logger

	resolve  func(ctx context.Context, host string) ([]netip.Addr, error)
	password func(ctx context.Context, name, password string) error // of an account of this machine
}

func newGate(rules []control.Allow, log *slog.Logger) *gate {
	g := &gate{log: log, resolve: lookup, password: askSystem}
	for _, a := range rules {
		if a.Network != "" || a.Host != "" {
			g.from = append(g.from, a)
		} else {
			g.who = append(g.who, a)
		}
	}
	return g
}

// enter says what a request may do. asks is true where a name and password would help.
func (g *gate) enter(ctx context.Context, remote string, name, password string, given bool) (may right, asks bool) {
	from := g.place(ctx, remote)
	if from == none || len(g.who) == 0 {
		return from, false
	}
	if !given {
		return none, true
	}
	return min(from, g.person(ctx, name, password)), true
}

// place is what the address of the far side allows. A Unix socket has none: its file's mode has decided already.
func (g *gate) place(ctx context.Context, remote string) right {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return act
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return none
	}
	address = address.Unmap()
	switch {
	case len(g.from) > 0:
		return g.listed(ctx, address)
	case len(g.who) > 0:
		return act
	case address.IsLoopback():
		return read
	}
	return none
}

func (g *gate) listed(ctx context.Context, address netip.Addr) right {
	best := none
	for _, a := range g.from {
		if g.matches(ctx, a, address) {
			best = max(best, rightOf(a))
		}
	}
	return best
}

func rightOf(a control.Allow) right {
	if a.ReadOnly {
		return read
	}
	return act
}

func (g *gate) matches(ctx context.Context, a control.Allow, address netip.Addr) bool {
	if a.Network != "" {
		prefix, err := netip.ParsePrefix(a.Network)
		if err != nil {
			one, err := netip.ParseAddr(a.Network)
			return err == nil && one.Unmap() == address
		}
		return prefix.Contains(address)
	}
	found, err := g.resolve(ctx, a.Host)
	if err != nil {
		g.log.Warn("a host that may see the status page does not resolve", "host", a.Host, "error", err)
	}
	return slices.ContainsFunc(found, func(one netip.Addr) bool { return one.Unmap() == address })
}

// lookupWithin bounds the resolver: somebody waits for the page.
const lookupWithin = 2 * time.Second

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupWithin)
	defer cancel()
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// person is the most that a name and its password allow.
func (g *gate) person(ctx context.Context, name, password string) right {
	best := none
	for _, a := range g.who {
		if rightOf(a) > best && g.knows(ctx, a, name, password) {
			best = rightOf(a)
		}
	}
	return best
}

func (g *gate) knows(ctx context.Context, a control.Allow, name, password string) bool {
	switch {
	case a.User != "":
		same := subtle.ConstantTimeCompare([]byte(a.User), []byte(name)) & subtle.ConstantTimeCompare([]byte(a.Password.Reveal()), []byte(password))
		return same == 1
	case a.File != "":
		return g.inFile(a, name, password)
	case a.Group != "":
		return g.inGroup(ctx, a.Group, name, password)
	}
	return false
}

// inFile reads the file anew each time: who is taken out of it is out.
func (g *gate) inFile(a control.Allow, name, password string) bool {
	if len(a.Users) > 0 && !slices.Contains(a.Users, name) {
		return false
	}
	file, err := htpasswd.New(a.File, parsers(a.Crypt), nil)
	if err != nil {
		g.log.Warn("a file of passwords cannot be read", "file", a.File, "error", err)
		return false
	}
	return file.Match(name, password)
}

// parsers are the forms of password that a rule names: `cleartext`, `md5` (apr1 and crypt's) or `crypt` (all of glibc's but DES).
func parsers(crypt string) []htpasswd.PasswdParser {
	switch crypt {
	case "cleartext":
		return []htpasswd.PasswdParser{htpasswd.AcceptPlain}
	case "md5":
		return []htpasswd.PasswdParser{htpasswd.AcceptMd5, htpasswd.RejectPlain}
	}
	return []htpasswd.PasswdParser{htpasswd.AcceptMd5, htpasswd.AcceptCryptSha, htpasswd.AcceptSha, htpasswd.AcceptBcrypt, htpasswd.RejectPlain}
}

// inGroup asks the system about one of its accounts, once it is known to be in the group.
func (g *gate) inGroup(ctx context.Context, group, name, password string) bool {
	account, err := user.Lookup(name)
	if err != nil {
		return false
	}
	wanted, err := user.LookupGroup(group)
	if err != nil {
		g.log.Warn("a group that may see the status page does not exist", "group", group)
		return false
	}
	member, err := account.GroupIds()
	if err != nil || !slices.Contains(member, wanted.Gid) {
		return false
	}
	if err := g.password(ctx, name, password); err != nil {
		g.log.Warn("an account was not let in", "user", name, "error", err)
		return false
	}
	return true
}

// unixChkpwd is the program by which pam_unix(8) itself looks at passwords: it reads one, ended by NUL, and exits with 0 when it is
// the account's. Only root may ask it about others.
const unixChkpwd = "/usr/sbin/unix_chkpwd"

func askSystem(ctx context.Context, name, password string) error {
	if strings.ContainsRune(name, 0) || strings.HasPrefix(name, "-") || strings.ContainsRune(password, 0) {
		return fmt.Errorf("no account has such a name or password")
	}
	r, err := command.Run(ctx, command.Spec{Argv: []string{unixChkpwd, name, "nonull"}, Input: password + "\x00", Timeout: 5 * time.Second})
	switch {
	case err != nil:
		return fmt.Errorf("asking %s: %w", unixChkpwd, err)
	case r.TimedOut:
		return fmt.Errorf("%s did not answer", unixChkpwd)
	case r.ExitCode != 0:
		return fmt.Errorf("the password is not that of the account")
	}
	return nil
}
