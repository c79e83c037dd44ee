package protocols

import (
	"crypto/tls"

	"github.com/dialtone/dialtone/control"
)

// ClientTLS is how a client speaks TLS with host as the options want it: what mail servers and M/Monit are spoken to with. Nil options
// are the defaults, which verify the certificate and its name.
func ClientTLS(options *control.TLS, host string, port int) (*tls.Config, error) {
	if options == nil {
		options = &control.TLS{}
	}
	return clientConfig(options, Target{Connection: &control.Connection{Port: port}, host: host, network: "tcp"})
}
