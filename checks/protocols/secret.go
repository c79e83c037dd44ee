package protocols

import (
	"strconv"
	"strings"
)

// shortestSecret is from where on a secret is looked for in a sentence: shorter ones stand in words.
const shortestSecret = 4

// withoutSecrets is a sentence for pages and logs: a far side that sends back what it got has put the test's own password into what is
// quoted of it, whole or cut by the end of the quotation.
func withoutSecrets(text string, t Target) string {
	for _, secret := range []string{t.Password.Reveal(), t.Secret.Reveal()} {
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
