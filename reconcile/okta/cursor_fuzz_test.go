package okta

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzCursor holds what a walk relies on, whatever links a server gives: a cursor
// is read as it was written, and pages end. next says for each page which one its
// link leads to.
func FuzzCursor(f *testing.F) {
	f.Add("1.2.3?after=x", `</api/v1/users?after=2>; rel="next"`, []byte{1, 2, 0})
	f.Add("", `<https://other.example.com/x?after=%zz&limit=1>; rel=next; title="a, <b>"`, []byte{1, 1})
	f.Add("ffffffffffffffff.-1.0?a", `<>;rel="next",<?>; REL = "prev next"`, []byte{3, 2, 1, 0})
	f.Add("0.0.9223372036854775807?a=b", `<`+strings.Repeat("?", 70), []byte{2, 3, 4, 5, 6, 3})
	f.Fuzz(func(t *testing.T, text, link string, next []byte) {
		if c, err := parseCursor(text); err == nil {
			again, err := parseCursor(c.String())
			require.NoError(t, err)
			assert.Equal(t, c, again, "a cursor is read as it was written")
			_, _ = c.advance("after=x") // whatever it says, it does not panic
		}
		query, err := nextLink(http.Header{"Link": {link}})
		if err == nil && query != "" {
			_, err = parseCursor(cursor{query: query, span: 1}.String())
			assert.NoError(t, err, "the query of a link, %q, is one of a cursor", query)
			u := url.URL{Scheme: "https", Host: "example.okta.com", Path: "/api/v1/users", RawQuery: query}
			assert.Equal(t, "example.okta.com", u.Host)
		}
		pages := 0
		var c cursor
		for at := 0; at < len(next); at = int(next[at]) {
			var err error
			if c, err = c.advance("after=" + string(rune('A'+next[at]))); err != nil {
				break
			}
			c, err = parseCursor(c.String()) // as the store keeps it
			require.NoError(t, err)
			pages++
			require.LessOrEqual(t, pages, 4*len(next)+4, "a walk round in circles ends")
		}
	})
}
