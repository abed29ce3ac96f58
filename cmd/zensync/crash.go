//go:build crash

package main

import (
	"net/http"
	"strings"

	"github.com/zensync/zensync/store"
)

// mortal carries the calls to one side as the client's own transport does, and
// has a point before and after each where the process may be told to die.
func mortal(side string) http.RoundTripper {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = 32
	return mortalTransport{side, base}
}

type mortalTransport struct {
	side string
	base http.RoundTripper
}

func (m mortalTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	kind := "write"
	if r.Method == http.MethodGet || strings.HasSuffix(r.URL.Path, "/search") || strings.HasSuffix(r.URL.Path, "/token") {
		kind = "read"
	}
	store.Crash("before " + m.side + " " + kind)
	resp, err := m.base.RoundTrip(r)
	store.Crash("after " + m.side + " " + kind)
	return resp, err
}
