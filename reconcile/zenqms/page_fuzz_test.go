package zenqms

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzPages holds what every search relies on, whatever a server answers: its
// pages are read or refused, never panic, and end. next says for each page which
// one comes after it.
func FuzzPages(f *testing.F) {
	f.Add([]byte(`{"data": [{"id": 7, "email": "a@b.c", "is_active": true, "roles": [{"id": 3, "name": "Reviewer"}]}], "page_size": 100, "total": 812}`), []byte{1, 0})
	f.Add([]byte(`{"data": null, "total": "many"}`), []byte{1, 2, 3, 1})
	f.Add([]byte(`{"data": [null, {}], "page_size": -1}`), []byte{})
	f.Add([]byte(`{"data": [{"id": 1e999, "is_active": null}]}`), []byte{0})
	f.Fuzz(func(t *testing.T, body, next []byte) {
		var w wirePage[wireUser]
		if err := json.Unmarshal(body, &w); err == nil {
			require.LessOrEqual(t, len(w.Data.list), maxRows)
			var trail pageTrail
			_, _, _ = follow("list users", &trail, 1, w) // whatever it says, it does not panic
		}
		var trail pageTrail
		for page, at := 1, 0; at < len(next); page, at = page+1, int(next[at]) {
			rows := wirePage[wireUser]{Data: rows[wireUser]{given: true, list: []wireUser{{ID: opaque{text: string(rune('A' + at))}}}}}
			repeated, more, err := follow("list users", &trail, page, rows)
			if repeated || !more || err != nil {
				break
			}
			require.LessOrEqual(t, page, 4*len(next)+4, "pages that go round in circles end")
		}
	})
}
