package protocols

import (
	"strconv"
	"strings"
)

// shortestSecret is from where on a secret is looked for in a sentence: shorter ones stand in words.
const shortestSecret = 4

// secretsOf are the test's secrets as they go over the wire, in the Base64 of SASL and HTTP and plain; none is a part of a later one.
func secretsOf(t Target) []string {
	password, secret := t.Password.Reveal(), t.Secret.Reveal()
	if password == "" {
		return []string{secret}
	}
	return []string{t.saslPlain(), base64Of(t.Username + ":" + password), base64Of(password), password, secret}
}

// withoutSecrets is a sentence for pages and logs: a far side that sends back what it got has put the test's own password into what is
// quoted of it, whole or cut by the end of the quotation.
func withoutSecrets(text string, t Target) string {
	for _, secret := range secretsOf(t) {
		quoted := strings.Trim(strconv.Quote(secret), `"`)
		for n := len(quoted); n >= shortestSecret; n-- {
			cut := quoted[:n]
			if n < len(quoted) {
				cut += `"`
			}
			text = strings.ReplaceAll(text, cut, strings.Replace(cut, quoted[:n], "********", 1))
		}
	}
	return text
}
