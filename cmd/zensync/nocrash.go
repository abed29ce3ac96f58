//go:build !crash

package main

import "net/http"

// mortal is what carries the calls to one side: the client's own, but in a
// program that is built with the tag crash.
func mortal(string) http.RoundTripper { return nil }
