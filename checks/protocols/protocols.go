// Package protocols asks far sides whether they answer as their protocol says: one file a protocol, one test beside it.
//
// A protocol registers itself; the control file names it in `if failed port N protocol NAME`. Probe dials, speaks and closes, all
// within the time-out of the test; what is wrong comes back as a sentence that a person reads at 3 am.
package protocols

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/dialtone/dialtone/control"
)

// Protocol is one row of the registry.
type Protocol struct {
	Name      string                          // as in `protocol NAME`
	Doc       string                          // one paragraph: what passes, and after which document
	Validate  func(*control.Connection) error // what this protocol cannot do with the options written; nil: anything goes
	TLS       bool                            // TLS from the first byte, whatever the test says: https, imaps
	StartTLS  bool                            // where the test's TLS is not On, Speak itself changes to TLS: see talk.upgrade
	TLSWithin bool                            // TLS always begins within the protocol: mysql, pgsql; Speak changes to it as with StartTLS
	UDP       bool                            // over UDP alone, whatever the test says: ntp3, radius
	UDPToo    bool                            // over UDP where the test says so: dns, sip

	// Speak speaks on a connection that Probe dialed (with TLS where the test or the protocol wants it) and closes. It returns an
	// error unless the far side has proven that it speaks the protocol. Its reads and writes end with ctx. Its errors are sentences
	// (tell, talk), or those of reads and writes as they are: Probe turns refused, silent and broken connections into sentences.
	Speak func(ctx context.Context, conn net.Conn, t Target) error
}

var registry = map[string]Protocol{}

func register(p Protocol) { registry[p.Name] = p }

// All returns the registered protocols by name.
func All() []Protocol {
	return slices.SortedFunc(maps.Values(registry), func(a, b Protocol) int { return strings.Compare(a.Name, b.Name) })
}

func protocolOf(c *control.Connection) (Protocol, error) {
	name := cmp.Or(c.Protocol, "default")
	if name == "default" && len(c.Script) > 0 {
		name = "generic"
	}
	p, known := registry[name]
	if !known {
		return Protocol{}, fmt.Errorf("no protocol %q is known here", name)
	}
	return p, nil
}

// Validate says what is wrong with a connection test before anybody is asked.
func Validate(c *control.Connection) error {
	p, err := protocolOf(c)
	if err != nil {
		return err
	}
	if err := errors.Join(validateWay(p, c), validateTLS(c.TLS)); err != nil || p.Validate == nil {
		return err
	}
	return p.Validate(c)
}

// validateWay looks at how the far side is reached.
func validateWay(p Protocol, c *control.Connection) error {
	udp := p.UDP || c.Network == "udp"
	switch {
	case c.UnixSocket == "" && (c.Port < 1 || c.Port > 65535):
		return fmt.Errorf("port %d is not between 1 and 65535", c.Port)
	case c.Network == "udp" && !p.UDP && !p.UDPToo:
		return fmt.Errorf("protocol %s does not run over udp", p.Name)
	case c.UnixSocket != "" && p.UDP:
		return fmt.Errorf("protocol %s needs a port, not a unixsocket", p.Name)
	case udp && (p.TLS || c.TLS != nil):
		return errors.New("TLS needs type tcp")
	case c.Source != "" && net.ParseIP(c.Source) == nil:
		return fmt.Errorf("the source address %q is not an IP address", c.Source)
	}
	return nil
}
