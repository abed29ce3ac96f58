package oktatest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/okta/oktatest/oktaspec"
)

func TestFault_StrikesWhatItMatchesAndThenNoMore(t *testing.T) {
	a := start(t, oktatest.Options{})
	u := a.org.Seed(person("ann"), oktatest.Active)
	a.org.Fail(oktatest.Match{Method: "GET", Route: "/api/v1/users/{id}"}, 2, oktatest.Fault{Status: 500})
	a.org.Fail(oktatest.Match{Path: regexp.MustCompile(`/groups$`), Query: "q=x"}, -1, oktatest.Fault{Status: 403})
	a.org.Fail(oktatest.Match{Prefix: hooksPath}, 1, oktatest.Fault{Body: []byte("<html>"), ContentType: "text/html"})

	assert.Equal(t, http.StatusOK, a.get("/api/v1/users").status)
	assert.Equal(t, "E0000009", a.get("/api/v1/users/"+u.ID).code(t))
	assert.Equal(t, http.StatusInternalServerError, a.get("/api/v1/users/"+u.ID).status)
	assert.Equal(t, http.StatusOK, a.get("/api/v1/users/"+u.ID).status)
	for range 3 {
		assert.Equal(t, "E0000006", a.get("/api/v1/groups?q=x").code(t))
	}
	assert.Equal(t, http.StatusOK, a.get("/api/v1/groups?q=y").status)
	a.org.ClearFaults()
	assert.Equal(t, http.StatusOK, a.get("/api/v1/groups?q=x").status)

	b := start(t, oktatest.Options{})
	b.org.Fail(oktatest.Match{}, 1, oktatest.Fault{Body: []byte("<html>"), ContentType: "text/html"})
	r := b.get("/api/v1/users")
	assert.Equal(t, "<html>", string(r.body))
	assert.Equal(t, "text/html", r.header.Get("Content-Type"))
}

func TestFault_429TellsWhenToComeBack(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 500e6, time.UTC)
	a := start(t, oktatest.Options{Now: func() time.Time { return now }})
	a.org.Fail(oktatest.Match{}, 1, oktatest.Fault{Status: 429, ResetAfter: 10 * time.Second})
	r := a.get("/api/v1/users")
	assert.Equal(t, http.StatusTooManyRequests, r.status)
	assert.Equal(t, "E0000047", r.code(t))
	assert.Equal(t, "0", r.header.Get("X-Rate-Limit-Remaining"))
	assert.Equal(t, strconv.FormatInt(now.Unix()+11, 10), r.header.Get("X-Rate-Limit-Reset"), "whole seconds, never too early")
	assert.Equal(t, now.Format(http.TimeFormat), r.header.Get("Date"))
	assert.Empty(t, r.header.Get("Retry-After"), "Okta sends none")
}

func TestFault_CutConnections(t *testing.T) {
	for name, connect := range map[string]func(t *testing.T, h http.Handler) (*http.Client, string){
		"in process": func(_ *testing.T, h http.Handler) (*http.Client, string) {
			return &http.Client{Transport: oktatest.InProcess(h)}, orgURL
		},
		"socket": func(t *testing.T, h http.Handler) (*http.Client, string) {
			srv := httptest.NewServer(h)
			t.Cleanup(srv.Close)
			return srv.Client(), srv.URL
		},
	} {
		t.Run(name, func(t *testing.T) {
			org := oktatest.New(oktatest.Options{Token: apiToken})
			org.Seed(person("ann"), oktatest.Active)
			client, base := connect(t, oktaspec.Wrap(t, org))
			get := func() (*http.Response, error) {
				req, err := http.NewRequest(http.MethodGet, base+"/api/v1/users", nil)
				require.NoError(t, err)
				req.Header.Set("Authorization", "SSWS "+apiToken)
				return client.Do(req)
			}
			org.Fail(oktatest.Match{}, 1, oktatest.Fault{CutAfter: 20})
			resp, err := get()
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.Len(t, body, 20)
			require.NoError(t, resp.Body.Close())

			// net/http repeats a GET whose kept connection was cut.
			org.Fail(oktatest.Match{}, -1, oktatest.Fault{Drop: true})
			_, err = get()
			require.ErrorIs(t, err, io.EOF)
			calls := org.Calls()
			assert.Equal(t, 200, calls[0].Status)
			assert.Equal(t, 0, calls[len(calls)-1].Status)
		})
	}
}

func TestFault_LatencyEndsWithTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := start(t, oktatest.Options{})
		a.org.Fail(oktatest.Match{}, -1, oktatest.Fault{Latency: 5 * time.Second})
		began := time.Now()
		assert.Equal(t, http.StatusOK, a.get("/api/v1/users").status)
		assert.Equal(t, 5*time.Second, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, orgURL+"/api/v1/users", nil)
		require.NoError(t, err)
		_, err = a.client.Do(req)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 6*time.Second, time.Since(began))
		_, err = a.client.Do(req)
		require.ErrorIs(t, err, context.DeadlineExceeded, "a dead context asks nothing")
		assert.Len(t, a.org.Calls(), 2)
	})
}

func TestRate_LimitsEachGroupOfEndpoints(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)
	a := start(t, oktatest.Options{RatePerMinute: 2, Now: func() time.Time { return now }})
	for i := range 4 {
		r := a.get("/api/v1/users")
		assert.Equal(t, "2", r.header.Get("X-Rate-Limit-Limit"))
		assert.Equal(t, strconv.Itoa(max(0, 1-i)), r.header.Get("X-Rate-Limit-Remaining"))
		assert.Equal(t, strconv.FormatInt(now.Unix()+60, 10), r.header.Get("X-Rate-Limit-Reset"))
		if i < 2 {
			assert.Equal(t, http.StatusOK, r.status)
		} else {
			assert.Equal(t, http.StatusTooManyRequests, r.status)
		}
	}
	assert.Equal(t, http.StatusOK, a.get("/api/v1/groups").status, "another bucket")
	now = now.Add(time.Minute)
	assert.Equal(t, http.StatusOK, a.get("/api/v1/users").status)
}

func TestRate_GroupsOfEndpointsCanDifferAndBeSharedWithOtherApps(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)
	a := start(t, oktatest.Options{RateLimits: map[string]int{"users": 5}, Now: func() time.Time { return now }})
	a.org.SpendRate("users", 3)
	r := a.get("/api/v1/users")
	assert.Equal(t, http.StatusOK, r.status)
	assert.Equal(t, "5", r.header.Get("X-Rate-Limit-Limit"))
	assert.Equal(t, "1", r.header.Get("X-Rate-Limit-Remaining"))
	a.org.SpendRate("users", 3)
	r = a.get("/api/v1/users")
	assert.Equal(t, http.StatusTooManyRequests, r.status)
	assert.Equal(t, "0", r.header.Get("X-Rate-Limit-Remaining"))
	assert.Equal(t, "599", a.get("/api/v1/groups").header.Get("X-Rate-Limit-Remaining"), "not limited at all")
	now = now.Add(time.Minute)
	assert.Equal(t, "4", a.get("/api/v1/users").header.Get("X-Rate-Limit-Remaining"))
}

func TestJournal(t *testing.T) {
	a := start(t, oktatest.Options{})
	u := a.org.Seed(person("ann"), oktatest.Active)
	a.get("/api/v1/users?limit=5")
	a.get("/api/v1/users/" + u.ID)
	a.get("/api/v1/users/nobody")
	calls := a.org.Calls()
	require.Len(t, calls, 3)
	assert.Equal(t, "limit=5", calls[0].Query)
	assert.Equal(t, "/api/v1/users/"+u.ID, calls[1].Path)
	assert.Equal(t, "/api/v1/users/{id}", calls[1].Route)
	assert.Equal(t, http.StatusNotFound, calls[2].Status)
	assert.Equal(t, 2, a.org.Count("GET /api/v1/users/{id}"))
	assert.Equal(t, 1, a.org.Count("GET /api/v1/users"))
	a.org.ResetCalls()
	assert.Empty(t, a.org.Calls())
	assert.Zero(t, a.org.Count("GET /api/v1/users"))
}

// The paths here are not in Okta's document, so the check stays out.
func TestPaths_ThatOktaDoesNotKnow(t *testing.T) {
	org := oktatest.New(oktatest.Options{Token: apiToken})
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/api/v1/apps", 404},
		{"GET", "/", 404},
		{"GET", "//api/v1/users", 404},            // a base URL that ends in a slash
		{"GET", "/api/v1/users/", 404},            // an empty id
		{"GET", "/api/v1/users/../groups", 404},   // an id that was not escaped
		{"GET", "/org/api/v1/users", 404},         // a base URL with a path
		{"POST", "/api/v1/users", 405},            // this org is not changed by API
		{"DELETE", "/api/v1/users/00u1", 405},     //
		{"GET", "/oauth2/v1/token", 405},          //
		{"PATCH", "/api/v1/eventHooks/who1", 405}, //
	} {
		req, err := http.NewRequest(c.method, orgURL+c.path, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "SSWS "+apiToken)
		resp, err := org.Transport().RoundTrip(req)
		require.NoError(t, err)
		assert.Equal(t, c.status, resp.StatusCode, "%s %s", c.method, c.path)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Contains(t, string(body), "E0000022")
	}
}

func TestOrg_IsSafeForConcurrentUse(t *testing.T) {
	a := start(t, oktatest.Options{PageSizeMax: 3})
	g := a.org.AddGroup("QA")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			u := a.org.AddUser(person(string(rune('a'+i))+"n"), oktatest.Active)
			for range 20 {
				a.org.AddMember(g, u.ID)
				a.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title += "x" })
				a.org.SetStatus(u.ID, oktatest.Suspended)
				a.org.RemoveMember(g, u.ID)
				a.org.SetStatus(u.ID, oktatest.Active)
			}
		})
		wg.Go(func() {
			for range 5 {
				a.walk("/api/v1/users")
				a.walk("/api/v1/groups/" + g + "/users")
				a.org.Envelope(a.org.Pending()...)
			}
		})
	}
	wg.Wait()
	ids, _ := a.walk("/api/v1/users")
	assert.Len(t, ids, 8)
}

func TestFaultHeader_IsTheOneTheCheckKnows(t *testing.T) {
	assert.Equal(t, oktatest.FaultHeader, oktaspec.FaultHeader)
}
