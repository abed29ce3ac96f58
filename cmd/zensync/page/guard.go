package page

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// What browsers may do with an answer. Nothing on the page is a script, and
// nothing comes from elsewhere.
const (
	policyStrict = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// policyFront is that of pages for people: a style sheet, pictures and the
	// search, all of this server.
	policyFront = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	// policyChart is that of pictures: the library writes their looks into
	// attributes.
	policyChart = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// readOnly lets nothing through but what asks to be shown something, and tells
// browsers to make nothing else of the answer.
func readOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", policyStrict)
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "this page only shows: GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// known lets nothing through that asks for a server of another name. A browser
// reads what a site answers to that site's own scripts, and a site can make its
// name point at this host: then the name is all that tells.
//
// It holds for monitoring too. That asks by an address, or by the name that
// worker.listen has, and both are known.
func (p *Page) known(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.isKnown(r) {
			http.Error(w, "this server answers to localhost, to the address it was reached at, and to the host of worker.listen; "+
				"the request names another host. A proxy before it has to send one of these as Host.", http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (p *Page) isKnown(r *http.Request) bool {
	host := r.Host
	if host == "" { // HTTP/1.0, which no browser speaks and load balancers do
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") || p.name != "" && strings.EqualFold(host, p.name) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	ip = ip.Unmap()
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ip.IsLoopback() || ok && local.AddrPort().Addr().Unmap().WithZone("") == ip.WithZone("")
}

// isForeign tells whether a browser says that another site made it ask. What
// somebody typed, follows out of his mail, or asks without a browser is not.
func isForeign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return true
}
