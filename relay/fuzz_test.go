package relay

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// FuzzRelay holds what Okta and the operator rely on, whatever is asked: the
// status, that what is accepted is stored, that no bug is met, and that neither
// the log nor a refusal quotes the body.
func FuzzRelay(f *testing.F) {
	dir := f.TempDir()
	db, err := store.Open(f.Context(), filepath.Join(dir, "zensync.db"))
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, db.Close()) })
	s, err := OpenSecret(write(f, dir, "hook.secret", secret), "")
	require.NoError(f, err)

	for _, folder := range []string{"hooks", "odd"} {
		for _, text := range samples(f, folder) {
			f.Add(http.MethodPost, secret, "", int64(-1), []byte(text), false)
			f.Add(http.MethodPost, "Bearer "+secret, "", int64(len(text)), []byte(envelope(text)), false)
		}
	}
	good := []byte(envelope(event("a", "00u1"), event("b", "00u1"), event("b", "00u2")))
	f.Add(http.MethodPost, secret, "", int64(-1), good, false)
	f.Add(http.MethodPost, secret, "", int64(-1), good, true)
	f.Add(http.MethodPost, secret, "", int64(maxBody+1), good, false)
	f.Add(http.MethodPost, secret+"?", "", int64(0), good, false)
	f.Add(http.MethodGet, secret, "<ch4llenge>\xff", int64(0), []byte(nil), false)
	f.Add(http.MethodGet, secret, "", int64(0), []byte(nil), false)
	f.Add("BREW", secret, "ch4llenge", int64(5), []byte("tea\r\n\x00"), true)
	f.Add(http.MethodPost, secret, "", int64(-1), []byte(envelope(nested(10_001, "", ""))), false)

	stored := map[string]bool{}
	f.Fuzz(func(t *testing.T, method, authorization, challenge string, length int64, body []byte, broken bool) {
		log := &journal{}
		r := &Relay{DB: db, Secret: s, Log: log.logger()}
		var stream io.Reader = bytes.NewReader(body)
		if broken {
			stream = io.MultiReader(stream, iotest.ErrReader(io.ErrUnexpectedEOF))
		}
		req := (&http.Request{Method: method, URL: &url.URL{Path: "/"}, ContentLength: length, Body: io.NopCloser(stream), Header: http.Header{
			"Authorization": {authorization}, "X-Okta-Verification-Challenge": {challenge},
		}}).WithContext(t.Context())
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)

		events, parseErr := Parse(body)
		want := http.StatusNoContent
		switch {
		case !s.Accepts(authorization):
			want = http.StatusUnauthorized
		case method == http.MethodGet && challenge != "":
			want = http.StatusOK
		case method == http.MethodGet:
			want = http.StatusBadRequest
		case method != http.MethodPost:
			want = http.StatusMethodNotAllowed
		case length > maxBody:
			want = http.StatusRequestEntityTooLarge
		case broken:
			want = http.StatusServiceUnavailable
		case parseErr != nil:
			want = http.StatusBadRequest
		}
		assert.NotContains(t, log.String(), "bug")
		assert.False(t, quotes(log.String(), body), "the log quotes the body: %s", log)
		if want != http.StatusOK {
			assert.False(t, quotes(w.Body.String(), body), "the answer quotes the body: %s", w.Body)
		}
		if w.Code == http.StatusServiceUnavailable && strings.Contains(log.String(), errTooSlow.Error()) {
			t.Skip("the disk is slow: Okta would send it again")
		}
		require.Equal(t, want, w.Code, "%s", log)
		if want == http.StatusNoContent {
			assertStored(t, db, events, stored)
		}
	})
}

// assertStored finds those of the events that are not among the stored ones at
// the end of the store, and adds them there.
func assertStored(t *testing.T, db *store.DB, events []store.Event, stored map[string]bool) {
	t.Helper()
	var fresh []string
	rows := 0
	for _, e := range events {
		if !stored[e.UUID] {
			stored[e.UUID] = true
			fresh = append(fresh, e.UUID)
			rows += max(1, len(e.Users))
		}
	}
	if len(fresh) == 0 {
		return
	}
	found := map[string]bool{}
	for _, row := range eventRows(t, db, int64(rows)) {
		found[row[0].(string)] = true
	}
	for _, uuid := range fresh {
		assert.True(t, found[uuid], "accepted and not stored: %q", uuid)
	}
}

// quotes tells whether a text holds a piece of a body that could not be there
// by chance: of 16 bytes, and no word of ours.
func quotes(text string, body []byte) bool {
	const piece = 16
	own := ErrNoEnvelope.Error() + " data.events Authorization X-Okta-Verification-Challenge"
	for i := 0; i+piece <= len(body); i++ {
		if part := string(body[i : i+piece]); strings.Contains(text, part) && !strings.Contains(own, part) {
			return true
		}
	}
	return false
}
