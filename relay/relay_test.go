package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

func TestE5_AnswersAfterTheCommit(t *testing.T) {
	h := listen(t)
	nudges, stop, err := h.db.Nudges()
	require.NoError(t, err)
	defer stop()

	status, text := h.post(sample(t, "worldfixture-emulator.user.lifecycle.create.envelope.json"))
	assert.Equal(t, http.StatusNoContent, status)
	assert.Empty(t, text)
	rows := h.events()
	require.Len(t, rows, 1)
	assert.Equal(t, "c0ff81b2-eec9-4c15-9711-59232624a456", rows[0][0])
	assert.Equal(t, "00u13cd45a88f704f41b", rows[0][4])
	assert.Equal(t, "open", rows[0][5])
	select {
	case <-nudges:
	case <-time.After(5 * time.Second):
		t.Error("the worker was not told")
	}
}

func TestE5_OddEventBesideGoodOnesIsStoredAsIgnored(t *testing.T) {
	h := listen(t)
	status, _ := h.post(envelope(event("a", "00u1"), `null`, sample(t, "mule-test.user.account.update_profile.event.json"), event("b", "00u2")))
	assert.Equal(t, http.StatusNoContent, status)
	var states, reasons []any
	for _, row := range h.events() {
		states, reasons = append(states, row[5]), append(reasons, row[8])
	}
	assert.Equal(t, []any{"open", "ignored", "ignored", "open"}, states)
	assert.Equal(t, []any{nil, "it has no target", "it is not a JSON object", nil}, reasons)
}

func TestE5_NoEnvelopeIs400(t *testing.T) {
	h := listen(t)
	for name, body := range map[string]string{
		"a bare event": sample(t, "okta-docs.user.lifecycle.deactivate.event.json"),
		"no JSON":      "uuid=1",
		"empty":        "",
		"brackets":     strings.Repeat("[", maxBody),
	} {
		status, text := h.post(body)
		assert.Equal(t, http.StatusBadRequest, status, name)
		assert.Contains(t, text, "data.events", name)
	}
	status, _ := h.post(envelope())
	assert.Equal(t, http.StatusNoContent, status, "an empty list is an envelope")
	assert.Empty(t, h.events())
}

// padded is a delivery of exactly n bytes.
func padded(n int) string {
	body := envelope(event("a", "00u1"))
	return body + strings.Repeat(" ", n-len(body))
}

func TestE5_MoreThan8MiBIs413(t *testing.T) {
	h := listen(t)
	status, _ := h.post(padded(maxBody))
	assert.Equal(t, http.StatusNoContent, status, "8 MiB are taken")

	status, text := h.post(padded(maxBody + 1))
	assert.Equal(t, http.StatusRequestEntityTooLarge, status)
	assert.Contains(t, text, "8388608")
	answer, _ := h.request(http.MethodPost, io.MultiReader(strings.NewReader(padded(maxBody+1)))) // sent in chunks, its length not told
	assert.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode)

	conn := h.raw("POST / HTTP/1.1\r\nHost: relay\r\nAuthorization: " + secret + "\r\nContent-Length: 9000000\r\n\r\n")
	assert.Equal(t, http.StatusRequestEntityTooLarge, h.status(conn, 2*time.Second), "what says that it is too large need not be sent")
}

func TestE5_WrongSecretIs401BeforeABodyIsRead(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{
		"POST":           "POST / HTTP/1.1\r\nContent-Length: 1000\r\n",
		"a huge POST":    "POST / HTTP/1.1\r\nContent-Length: 9000000000\r\n",
		"chunked":        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
		"expecting":      "POST / HTTP/1.1\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n",
		"GET":            "GET / HTTP/1.1\r\nContent-Length: 1000\r\n",
		"a challenge":    "GET / HTTP/1.1\r\nX-Okta-Verification-Challenge: ch4llenge\r\n",
		"DELETE":         "DELETE / HTTP/1.1\r\n",
		"OPTIONS *":      "OPTIONS * HTTP/1.1\r\n",
		"a wrong secret": "POST / HTTP/1.1\r\nAuthorization: s3cret\r\nContent-Length: 1000\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := listen(t)
			require.NoError(t, h.db.Close(), "it asks nothing of the store either")
			conn := h.raw(head + "Host: relay\r\n\r\n") // and never a body
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(bodyWithin/2)))
			everything, err := io.ReadAll(conn)
			require.NoError(t, err, "the answer comes, and then the relay hangs up")
			assert.True(t, strings.HasPrefix(string(everything), "HTTP/1.1 401 "), "%s", everything)
			assert.NotContains(t, string(everything), "ch4llenge")
		})
	}
}

func TestE5_WhenTheStoreIsClosedIs503(t *testing.T) {
	h := listen(t)
	require.NoError(t, h.db.Close())
	status, text := h.post(envelope(event("a", "00u1")))
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, text, "send them again")
	assert.Contains(t, h.log.String(), "the store is closed")
}

func TestE5_WhenTheStoreIsBlockedIs503InTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		db, err := store.Open(t.Context(), filepath.Join(dir, "zensync.db"))
		require.NoError(t, err)
		defer db.Close()
		s, err := OpenSecret(write(t, dir, "hook.secret", secret), "")
		require.NoError(t, err)
		h := &hook{T: t, db: db, log: &journal{}}
		r := &Relay{DB: db, Secret: s, Log: h.log.logger()}
		deliver := func() int {
			req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(envelope(event("a", "00u1"))))
			req.Header.Set("Authorization", secret)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			return w.Code
		}

		begun, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			done <- db.Update(context.Background(), func(*store.Tx) error {
				close(begun)
				<-release
				return nil
			})
		}()
		<-begun
		start := time.Now()
		const more = 600 // than the queue to the store and one transaction hold together
		var all sync.WaitGroup
		for range more {
			all.Go(func() { assert.Equal(t, http.StatusServiceUnavailable, deliver(), "E5: the queue may be full") })
		}
		all.Wait()
		assert.Equal(t, answerWithin, time.Since(start), "E5: nobody waits longer for being the last")
		assert.Less(t, answerWithin, 2500*time.Millisecond)
		assert.Contains(t, h.log.String(), errTooSlow.Error())

		close(release)
		require.NoError(t, <-done)
		assert.Equal(t, http.StatusNoContent, deliver(), "Okta's second try")
		assert.Len(t, h.events(), 1)
	})
}

func TestE5_BodyThatDoesNotComeWholeIsNo4xx(t *testing.T) {
	t.Parallel()
	const head = "POST / HTTP/1.1\r\nHost: relay\r\nAuthorization: " + secret + "\r\nContent-Length: 1000\r\n\r\n"
	t.Run("cut off", func(t *testing.T) {
		h := listen(t)
		conn := h.raw(head + `{"data": `)
		require.NoError(t, conn.CloseWrite())
		assert.Equal(t, http.StatusServiceUnavailable, h.status(conn, 3*time.Second))
	})
	t.Run("too slow", func(t *testing.T) {
		h := listen(t)
		conn := h.raw(head + `{"data": `)
		assert.Equal(t, http.StatusServiceUnavailable, h.status(conn, 3*time.Second), "before Okta gives up")
	})
}

func TestE5_Challenge(t *testing.T) {
	h := listen(t)
	const challenge = `"<&> ch4llenge`
	answer, text := h.request(http.MethodGet, nil, "X-Okta-Verification-Challenge", challenge)
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, "application/json", answer.Header.Get("Content-Type"))
	var got map[string]string
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	assert.Equal(t, map[string]string{"verification": challenge}, got)

	answer, text = h.request(http.MethodGet, nil, "X-Okta-Verification-Challenge", challenge, "Authorization", "wrong")
	assert.Equal(t, http.StatusUnauthorized, answer.StatusCode, "deploy must not verify a relay that refuses every event")
	assert.NotContains(t, text, "ch4llenge")

	answer, text = h.request(http.MethodGet, nil)
	assert.Equal(t, http.StatusBadRequest, answer.StatusCode)
	assert.Contains(t, text, "X-Okta-Verification-Challenge")
}

func TestE5_OtherMethodsAre405(t *testing.T) {
	h := listen(t)
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodHead} {
		answer, _ := h.request(method, nil)
		assert.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode, method)
		assert.Equal(t, "GET, POST", answer.Header.Get("Allow"), method)
	}
}

func TestE2_EventIsStoredOnce(t *testing.T) {
	h := listen(t)
	for _, body := range []string{
		envelope(event("a", "00u1"), event("a", "00u1")),
		envelope(event("a", "00u1")),
		envelope(event("b", "00u1"), event("a", "00u1")),
	} {
		status, _ := h.post(body)
		assert.Equal(t, http.StatusNoContent, status)
	}
	var uuids []any
	for _, row := range h.events() {
		uuids = append(uuids, row[0])
	}
	assert.Equal(t, []any{"b", "a"}, uuids)
}

func TestE5_EveryAcceptedDeliveryIsInTheStore(t *testing.T) {
	h := listen(t)
	const senders, each = 64, 8
	var accepted sync.Map
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for n := range each {
				uuid := fmt.Sprintf("%d-%d", s, n)
				if status, _ := h.post(envelope(event(uuid, "00u1"))); assert.Equal(t, http.StatusNoContent, status) {
					accepted.Store(uuid, true)
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, h.db.Close())
	db, err := store.Open(t.Context(), h.db.Path())
	require.NoError(t, err)
	h.db = db
	rows := h.events()
	assert.Len(t, rows, senders*each)
	for _, row := range rows {
		_, ok := accepted.LoadAndDelete(row[0])
		assert.True(t, ok, row[0])
	}
}

func TestE5_NothingOfADeliveryIsLoggedOrAnswered(t *testing.T) {
	h := listen(t)
	private := []string{secret, "wr0ng-secret", "ch4llenge", "jane@example.com", "Jane", "00u13cd45a88f704f41b", "zed@example.com", "Zed"}
	var answers strings.Builder
	deliver := func(method, body string, header ...string) {
		_, text := h.request(method, strings.NewReader(body), header...)
		answers.WriteString(text)
	}
	good := sample(t, "worldfixture-emulator.user.lifecycle.create.envelope.json")
	deliver(http.MethodPost, good)
	deliver(http.MethodPost, good, "Authorization", "wr0ng-secret")
	deliver(http.MethodPost, `{"jane@example.com": Jane}`)
	deliver(http.MethodPost, `{"data": {"events": "Jane"}}`)
	deliver(http.MethodPut, "Jane")
	deliver(http.MethodGet, "", "X-Okta-Verification-Challenge", "ch4llenge", "Authorization", "Bearer wr0ng-secret")
	require.NoError(t, h.db.Close())
	deliver(http.MethodPost, envelope(event("jane@example.com", "00u13cd45a88f704f41b")))
	for _, word := range private {
		assert.NotContains(t, h.log.String(), word)
		assert.NotContains(t, answers.String(), word)
	}
	assert.Equal(t, 5, strings.Count(h.log.String(), "level=WARN"), "one line for each refusal, the second 401 is only counted: %s", h.log)
}

func TestE5_StrangersCannotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := OpenSecret(write(t, t.TempDir(), "hook.secret", secret), "")
		require.NoError(t, err)
		log := &journal{}
		r := &Relay{Secret: s, Log: log.logger()}
		knock := func(times int) {
			for range times {
				w := httptest.NewRecorder()
				r.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
				assert.Equal(t, http.StatusUnauthorized, w.Code)
			}
		}
		counts := func() (lines []string) {
			for line := range strings.Lines(log.String()) {
				_, count, _ := strings.Cut(strings.TrimSpace(line), "count=")
				lines = append(lines, count)
			}
			return lines
		}
		knock(1000)
		assert.Equal(t, []string{"1"}, counts(), "the first is said at once")
		time.Sleep(tallyEvery)
		synctest.Wait()
		assert.Equal(t, []string{"1", "999"}, counts(), "the others as a number")
		knock(10)
		time.Sleep(2 * tallyEvery)
		synctest.Wait()
		assert.Equal(t, []string{"1", "999", "10"}, counts())
		knock(1)
		assert.Equal(t, []string{"1", "999", "10", "1"}, counts(), "after a quiet minute the next is a first one")
		time.Sleep(tallyEvery)
	})
}

func TestE5_BugIs503(t *testing.T) {
	s, err := OpenSecret(write(t, t.TempDir(), "hook.secret", secret), "")
	require.NoError(t, err)
	log := &journal{}
	r := &Relay{Secret: s, Log: log.logger()}
	req := httptest.NewRequest(http.MethodPost, "/", panicking{})
	req.Header.Set("Authorization", secret)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Contains(t, log.String(), "readBody", "the log says where it happened")
	assert.NotContains(t, log.String(), "jane@example.com")
}

// panicking is a body that meets a bug.
type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("jane@example.com") }

// Before there is a store all is to be sent again; who does not know the secret
// is told no more than ever.
func TestE5_WhenTheStoreCannotBeOpenedIs503(t *testing.T) {
	s, err := OpenSecret(write(t, t.TempDir(), "hook.secret", secret), "")
	require.NoError(t, err)
	log := &journal{}
	r := &Relay{Secret: s, Log: log.logger()}
	ask := func(method, secret, body string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(method, "/okta/events", strings.NewReader(body))
		req.Header.Set("Authorization", secret)
		answer := httptest.NewRecorder()
		r.ServeHTTP(answer, req)
		return answer
	}
	answer := ask(http.MethodPost, secret, envelope(event("a", "00u1")))
	assert.Equal(t, http.StatusServiceUnavailable, answer.Code, "E5: never a 4xx for something that is ours")
	assert.Contains(t, answer.Body.String(), "send them again")
	assert.Contains(t, log.String(), "the store could not be opened")
	assert.NotContains(t, log.String(), "bug")
	assert.Equal(t, http.StatusUnauthorized, ask(http.MethodPost, "wrong", envelope(event("a", "00u1"))).Code)
	assert.Equal(t, http.StatusBadRequest, ask(http.MethodPost, secret, "no envelope").Code)
}
