package alerting

import (
	"strings"
	"unicode/utf8"

	"github.com/dialtone/dialtone"
)

// Bounds of what an incident keeps of texts that come from nodes. The event keeps more.
const (
	keptOutput = 8 << 10
	keptWhy    = 2 << 10
)

// keyOf is the fingerprint: node and service. What merely changes has a key of its own, since it never recovers.
func keyOf(e dialtone.Event) string {
	key := e.Node + "/" + e.Service
	if e.Kind == dialtone.EventChange {
		key += "#changed"
	}
	return key
}

// titleOf says what broke, in words that can be read out on the telephone.
func titleOf(in *incident) string {
	if in.Agent && in.Severity != dialtone.Critical {
		return "the agent on " + in.Node + " is stopped"
	}
	if in.Service == "" {
		return in.Node + " " + verbOf(in)
	}
	if in.ServiceKind == "host" {
		return in.Service + ", seen from " + in.Node + ", " + verbOf(in)
	}
	return in.Service + " on " + in.Node + " " + verbOf(in)
}

func verbOf(in *incident) string {
	if in.Changed {
		return "has changed"
	}
	if in.Severity != dialtone.Critical {
		return "needs attention"
	}
	switch in.ServiceKind {
	case "host":
		return "does not answer"
	case "program":
		return "fails"
	case "file", "directory", "fifo", "filesystem", "system":
		return "is critical"
	}
	return "is down"
}

// lastBytes keeps the end of a text, which is where programs say why they stopped, and cuts no rune in two.
func lastBytes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	text = text[len(text)-n:]
	for len(text) > 0 && !utf8.RuneStart(text[0]) {
		text = text[1:]
	}
	return text
}

// firstBytes keeps the beginning of a text, and cuts no rune in two.
func firstBytes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}
