package control

import "time"

// The bounds of a ping.
const (
	mostPings    = 100
	leastPayload = 8
	mostPayload  = 65507 // of UDP and ICMP over IPv4
)

// ping parses `ping|ping4|ping6|icmp type echo [count N] [size N] [responsetime …] [timeout N seconds] [address SOURCE]`.
func (p *parser) ping(succeeded bool) Test {
	p.usage = "failed|succeeded ping|ping4|ping6 [count N] [size N] [responsetime < N ms] [with timeout N seconds] [address SOURCE]"
	t := p.take()
	test := &Ping{Succeeded: succeeded}
	switch {
	case t.is("ping4"):
		test.Family = "ipv4"
	case t.is("ping6"):
		test.Family = "ipv6"
	case t.is("icmp"):
		p.expect("type")
		p.expect("echo")
	}
	for !p.failed {
		switch {
		case p.accept("count"):
			test.Count = p.count("the number of requests", 1, mostPings)
		case p.accept("size"):
			test.Size = p.count("a size in bytes", leastPayload, mostPayload)
		case p.accept("timeout"):
			test.Timeout = p.wait()
		case p.accept("address"):
			test.Source, _ = p.value("an address of this machine")
		case p.accept("ipv4", "ipv6"):
			test.Family = p.family()
		case p.accept("responsetime"):
			test.ResponseOp, test.Response = p.responseTime()
		case !p.accept(","):
			return test
		}
	}
	return test
}

// failing is the comparison that fails a test which wants the other one.
var failing = map[Op]Op{Less: GreaterEqual, LessEqual: Greater, Greater: LessEqual, GreaterEqual: Less, Equal: NotEqual, NotEqual: Equal}

// responseTime parses `responsetime < 200 ms`: what is wanted of the answer's time, which the tree keeps as what fails. Without an
// operator the time is the longest that is good.
func (p *parser) responseTime() (Op, time.Duration) {
	op := LessEqual
	if p.atComparison() {
		op = p.operator()
	}
	return failing[op], p.wait()
}
