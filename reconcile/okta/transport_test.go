package okta_test

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

func TestE4_RateLimitIsHandedToTheCaller(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	org, c := newOrg(t, oktatest.Options{RatePerMinute: 2, Now: func() time.Time { return now }})
	u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
	assert.Zero(t, c.Rate())

	_, err := c.User(t.Context(), u.ID)
	require.NoError(t, err)
	assert.Equal(t, okta.Rate{Limit: 2, Remaining: 1, Reset: now.Add(time.Minute)}, c.Rate())
	_, err = c.User(t.Context(), u.ID)
	require.NoError(t, err)

	now = now.Add(20 * time.Second)
	org.ResetCalls()
	_, err = c.User(t.Context(), u.ID)
	var e *okta.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, http.StatusTooManyRequests, e.Status)
	assert.Equal(t, "E0000047", e.Code)
	assert.Equal(t, 40*time.Second, e.RetryAfter)
	assert.Equal(t, 0, c.Rate().Remaining)
	assert.Len(t, org.Calls(), 1, "the SDK neither waits nor repeats")
}

func TestRetryAfter(t *testing.T) {
	const date = "Sun, 01 Mar 2026 12:00:00 GMT"
	reset := func(d time.Duration) string {
		return strconv.FormatInt(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(d).Unix(), 10)
	}
	for name, tc := range map[string]struct {
		status             int
		date, reset, after string
		want               time.Duration
	}{
		"window":                   {429, date, reset(42 * time.Second), "", 42 * time.Second},
		"window just over":         {429, date, reset(0), "", time.Second},
		"window long over":         {429, date, reset(-time.Hour), "", time.Second},
		"no window":                {429, date, "", "", 0},
		"window that is none":      {429, date, "soon", "", 0},
		"absurd window":            {429, date, reset(90 * time.Minute), "", 0},
		"milliseconds":             {429, date, "1772366400000", "", 0},
		"no clock":                 {429, "never", reset(time.Minute), "", 0},
		"proxy":                    {429, date, "", "7", 7 * time.Second},
		"proxy, overload":          {503, date, reset(42 * time.Second), "7", 7 * time.Second},
		"overload":                 {503, date, reset(42 * time.Second), "", 0},
		"window of no consequence": {404, date, reset(42 * time.Second), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := tokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for key, value := range map[string]string{"Date": tc.date, "X-Rate-Limit-Reset": tc.reset, "Retry-After": tc.after} {
					if value != "" {
						w.Header().Set(key, value)
					}
				}
				w.WriteHeader(tc.status)
			}))
			_, err := c.User(t.Context(), "00u1")
			var e *okta.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tc.status, e.Status)
			assert.Equal(t, tc.want, e.RetryAfter)
		})
	}
}

func TestCutConnectionIsTriedOnce(t *testing.T) {
	org := oktatest.New(oktatest.Options{Token: apiToken})
	org.Fail(oktatest.Match{}, -1, oktatest.Fault{Drop: true})
	var tries atomic.Int64
	in := org.Transport() // io.EOF as it is; net/http repeats a GET by itself on a connection it had kept
	c, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: apiToken, Transport: transport(func(r *http.Request) (*http.Response, error) {
		tries.Add(1)
		return in.RoundTrip(r)
	})})
	require.NoError(t, err)
	_, err = c.User(context.Background(), "00u1")
	assert.ErrorContains(t, err, "okta: read user 00u1: no usable answer: the connection was closed before an answer came")
	assert.NotErrorIs(t, err, io.EOF)
	assert.Equal(t, 0, okta.StatusOf(err))
	_, err = c.CreateHook(context.Background(), okta.HookSpec{Name: "n"})
	assert.Error(t, err)
	assert.Equal(t, int64(2), tries.Load())
}

func TestCutConnectionOverASocket(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{})
	u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
	org.Fail(oktatest.Match{}, -1, oktatest.Fault{Drop: true})
	_, err := c.User(context.Background(), u.ID)
	assert.Equal(t, 0, okta.StatusOf(err))
	assert.Less(t, len(org.Calls()), 5)
}

func TestCutBodyIsNotAnAnswer(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{})
	u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
	org.Fail(oktatest.Match{}, -1, oktatest.Fault{CutAfter: 40})
	_, err := c.User(t.Context(), u.ID)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Equal(t, 0, okta.StatusOf(err))
	_, err = c.ListUsers(t.Context(), okta.Query{})
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestCallWithoutDeadlineEnds(t *testing.T) {
	release := make(chan struct{})
	for name, h := range map[string]http.HandlerFunc{
		"no answer": func(http.ResponseWriter, *http.Request) { <-release },
		"no end": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.(http.Flusher).Flush()
			<-release
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := okta.New(okta.Config{OrgURL: serve(t, h), APIToken: apiToken, Timeout: 50 * time.Millisecond})
			require.NoError(t, err)
			_, err = c.User(context.Background(), "00u1")
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, 0, okta.StatusOf(err))
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = c.User(ctx, "00u1")
			assert.ErrorIs(t, err, context.Canceled)
			release <- struct{}{}
		})
	}
}

func TestClientMadeOutsideWorksInABubble(t *testing.T) {
	org := oktatest.New(oktatest.Options{Token: apiToken})
	u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
	c, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: apiToken, Transport: org.Transport()})
	require.NoError(t, err)
	org.Fail(oktatest.Match{}, 1, oktatest.Fault{Latency: 29 * time.Second})
	org.Fail(oktatest.Match{}, 1, oktatest.Fault{Latency: 31 * time.Second})
	synctest.Test(t, func(t *testing.T) {
		_, err := c.User(context.Background(), u.ID)
		assert.NoError(t, err)
		start := time.Now()
		_, err = c.User(context.Background(), u.ID)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, okta.DefaultTimeout, time.Since(start))
	})
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var strangers atomic.Int64
	stranger := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		strangers.Add(1)
		page(`{"id":"00u1"}`)(w, r)
	}))
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, target := range []string{stranger, "/elsewhere"} {
			redirect := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.NotEqual(t, "/elsewhere", r.URL.Path)
				http.Redirect(w, r, target, code)
			})
			_, err := tokenClient(t, redirect).User(t.Context(), "00u1")
			assert.Equal(t, code, okta.StatusOf(err))
			assert.ErrorContains(t, err, "a redirect to ")
			_, err = appClient(t, redirect).User(t.Context(), "00u1")
			assert.Equal(t, code, okta.StatusOf(err))
			assertNoAssertion(t, err)
		}
	}
	assert.Zero(t, strangers.Load())
	_, err := tokenClient(t, status(304, "text/plain", "")).User(t.Context(), "00u1")
	assert.ErrorContains(t, err, "a redirect, which is not followed")
}

func TestOversizedAnswerIsCutOff(t *testing.T) {
	c := tokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		block := strings.Repeat(" ", 1<<20)
		for range 40 {
			if _, err := io.WriteString(w, block); err != nil {
				return // the client hung up, as it should
			}
		}
	}))
	_, err := c.ListUsers(t.Context(), okta.Query{})
	assert.ErrorContains(t, err, "an answer of more than 16 MiB")
	assert.Equal(t, 0, okta.StatusOf(err))
}

// However many calls are answered without an end, what they hold together is bounded.
func TestOversizedAnswersTakeLittleMemory(t *testing.T) {
	const calls, whole, bound = 16, 100 << 20, 384 << 20 // garbage is counted; all answers at once would be 512 MiB without it
	var most atomic.Uint64
	block := []byte(strings.Repeat("x", 1<<20))
	c, err := okta.New(okta.Config{APIToken: apiToken, Timeout: time.Minute, OrgURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `["`)
		for range whole / len(block) {
			if _, err := w.Write(block); err != nil {
				return // the client hung up, as it should
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			for before := most.Load(); m.HeapAlloc > before && !most.CompareAndSwap(before, m.HeapAlloc); before = most.Load() {
			}
		}
	}))})
	require.NoError(t, err)
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			_, err := c.ListUsers(t.Context(), okta.Query{})
			assert.ErrorContains(t, err, "an answer of more than 16 MiB")
		})
	}
	all.Wait()
	t.Logf("at most %d MiB of heap", most.Load()>>20)
	assert.Less(t, most.Load(), uint64(bound), "of 16 answers of 100 MiB each, one at a time is read further than 2 MiB")
}

func TestPagesOfTooManyAreNotOktas(t *testing.T) {
	body := "[" + strings.Repeat(`{"id":"1","profile":{}},`, 20000) + `{"id":"1"}]`
	_, err := tokenClient(t, page(body)).ListUsers(t.Context(), okta.Query{})
	assert.ErrorContains(t, err, "more than 20000 users on a page")
	_, err = tokenClient(t, page(body)).FindGroups(t.Context(), "QA")
	assert.ErrorContains(t, err, "more than 20000 groups on a page")
}

func TestAnswersThatAreNotOktas(t *testing.T) {
	const html = "<html><title>Sign in to the proxy</title></html>"
	for _, tc := range []struct {
		status     int
		kind, body string
		wantStatus int
		wantText   string
	}{
		{200, "text/html", html, 0, `an answer of type "text/html" instead of JSON; is org_url right, is a proxy in the way?`},
		{200, "", `{"id":"00u1"}`, 0, "instead of JSON"},
		{200, "application/json-seq", `{"id":"00u1"}`, 0, "instead of JSON"},
		{502, "text/html", html, 502, `502 Bad Gateway: an answer of type "text/html" without an error code of okta's; is a proxy in the way?`},
		{500, "application/json", "", 500, "500 Internal Server Error: an answer of type"},
		{404, "text/html", html, 404, "404 Not Found: an answer"},
		{404, "application/json", `{"errorCode":"E0000008","errorSummary":"The requested path was not found"}`, 404, "E0000008: The requested path was not found"},
		{403, "application/json", `{"errorCode":"E0000006","errorSummary":"You do not have permission.","errorCauses":[]}`, 403, "E0000006: You do not have permission (give the app"},
		{599, "application/json", `{"errorCode":"E1","errorSummary":"odd"}`, 599, "okta: read user 00u1: 599: E1: odd"},
	} {
		_, err := tokenClient(t, status(tc.status, tc.kind, tc.body)).User(t.Context(), "00u1")
		assert.Equal(t, tc.wantStatus, okta.StatusOf(err))
		assert.ErrorContains(t, err, tc.wantText)
		assert.False(t, okta.IsNotFound(err), "only Okta can say that a user is gone: %v", err)
	}
}

func TestJSONWithACharsetIsJSON(t *testing.T) {
	u, err := tokenClient(t, status(200, "application/json;charset=UTF-8", ` {"id":"00u1"} `)).User(t.Context(), "00u1")
	require.NoError(t, err)
	assert.Equal(t, "00u1", u.ID)
}

func TestServerErrorsAreNotRepeated(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{})
	org.Fail(oktatest.Match{}, -1, oktatest.Fault{Status: 500})
	_, err := c.ListUsers(t.Context(), okta.Query{})
	assert.Equal(t, 500, okta.StatusOf(err))
	assert.Len(t, org.Calls(), 1)
}
