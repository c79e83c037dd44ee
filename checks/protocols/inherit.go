package protocols

import (
	"cmp"
	"strings"

	"github.com/dialtone/dialtone/control"
)

// Inherit completes the connection and ping tests of a file with what holds for all of them: the options of `set tls`, the bounds of
// `set limits`, and what a protocol's name says by itself. It is done once, when a file is read, before services are compared.
func Inherit(f *control.File) {
	for _, s := range f.Services {
		for _, r := range s.Rules {
			switch test := r.Test.(type) {
			case *control.Connection:
				inherit(test, &f.Settings)
			case *control.Ping:
				test.Timeout = cmp.Or(test.Timeout, f.Settings.Limits.NetworkTimeout)
			}
		}
	}
}

func inherit(c *control.Connection, set *control.Settings) {
	c.Timeout = cmp.Or(c.Timeout, set.Limits.NetworkTimeout)
	p, err := protocolOf(c)
	if err != nil {
		return // Validate tells
	}
	c.Buffer = cmp.Or(c.Buffer, bufferOf(c.Protocol, set.Limits))
	if p.UDP {
		c.Network = "udp"
	}
	if p.TLS && c.TLS == nil {
		c.TLS = &control.TLS{}
	}
	if c.TLS == nil {
		return
	}
	c.TLS.On = c.TLS.On || p.TLS
	if set.TLS != nil {
		inheritTLS(c.TLS, set.TLS)
	}
}

// inheritTLS fills what a test leaves open. A test that names CA certificates or a client certificate of its own gets none of the others.
func inheritTLS(own, all *control.TLS) {
	own.VerifyOff = own.VerifyOff || all.VerifyOff && !own.VerifyOn
	own.SelfSigned = own.SelfSigned || all.SelfSigned
	own.Version = cmp.Or(own.Version, all.Version)
	own.Ciphers = cmp.Or(own.Ciphers, all.Ciphers)
	own.ClientPEM = cmp.Or(own.ClientPEM, all.ClientPEM)
	if own.CAFile == "" && own.CAPath == "" {
		own.CAFile, own.CAPath = all.CAFile, all.CAPath
	}
}

// bufferOf is the limit that a protocol's answers have.
func bufferOf(protocol string, set control.Limits) int {
	if strings.HasPrefix(protocol, "http") {
		return set.HTTPContentBuffer
	}
	return set.SendExpectBuffer
}
