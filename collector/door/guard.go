package door

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"slices"
)

// User is the one name that the password belongs to.
const User = "admin"

// guard lets in who may come in: on loopback whoever names a loopback host, elsewhere whoever knows the password.
// Nowhere may another site's page send a form here through a visitor's browser.
func (d *Door) guard(inside http.Handler) http.Handler {
	next := http.NewCrossOriginProtection().Handler(inside)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(d.cfg.Open, r.URL.Path) {
			inside.ServeHTTP(w, r)
			return
		}
		if d.loopback && !isLoopback(hostOf(r.Host)) {
			http.Error(w, "This address answers requests for 127.0.0.1, ::1 and localhost only.", http.StatusMisdirectedRequest)
			return
		}
		if d.password != "" && !d.knows(r) {
			w.Header().Set("WWW-Authenticate", `Basic realm="dialtone", charset="UTF-8"`)
			http.Error(w, "User admin; the password is in the file named when dialtone started.", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// knows compares digests, so that neither length nor content shows in the time it takes.
func (d *Door) knows(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	given, wanted := sha256.Sum256([]byte(user+"\x00"+password)), sha256.Sum256([]byte(User+"\x00"+d.password))
	return ok && subtle.ConstantTimeCompare(given[:], wanted[:]) == 1
}

func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}
