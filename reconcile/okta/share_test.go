package okta_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

// meter is a fake org with what its answers say of one endpoint's rate limit.
type meter struct {
	*oktatest.Org
	client *okta.Client

	mu        sync.Mutex
	remaining map[string][]int // by path, in the order of the answers
	refused   int              // 429s
}

// newMeter serves a fake org in the caller's process, to a client with a share of its limits.
func newMeter(t *testing.T, share float64, opts oktatest.Options) *meter {
	t.Helper()
	opts.Token = apiToken
	m := &meter{Org: oktatest.New(opts), remaining: map[string][]int{}}
	in := m.Transport()
	client, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: apiToken, Timeout: 5 * time.Second, RateShare: share,
		Transport: transport(func(r *http.Request) (*http.Response, error) {
			resp, err := in.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			left, err := strconv.Atoi(resp.Header.Get("X-Rate-Limit-Remaining"))
			m.remaining[r.URL.Path] = append(m.remaining[r.URL.Path], left)
			if resp.StatusCode == http.StatusTooManyRequests {
				m.refused++
			}
			return resp, err
		})})
	require.NoError(t, err)
	m.client = client
	return m
}

func (m *meter) hire(n int) (ids []string) {
	for i := range n {
		ids = append(ids, m.Seed(oktatest.Profile{Email: fmt.Sprintf("p%d@example.com", i), FirstName: "P", LastName: "Q"}, oktatest.Active).ID)
	}
	return ids
}

// walk reads all pages and tells how many minutes after the first each of them came.
func (m *meter) walk(t *testing.T) (at []int) {
	t.Helper()
	began := time.Now()
	for after := ""; ; {
		page, err := m.client.ListUsers(t.Context(), okta.Query{Limit: 1, After: after})
		require.NoError(t, err)
		at = append(at, int(time.Since(began).Minutes()))
		if after = page.Next; after == "" {
			return at
		}
	}
}

func TestShare_AWalkLeavesHalfOfEachWindow(t *testing.T) {
	m := newMeter(t, 0.5, oktatest.Options{RateLimits: map[string]int{"users": 7}})
	m.hire(8)
	synctest.Test(t, func(t *testing.T) {
		assert.Equal(t, []int{0, 0, 0, 1, 1, 1, 2, 2}, m.walk(t), "three of seven in each window")
	})
	assert.Equal(t, []int{6, 5, 4, 6, 5, 4, 6, 5}, m.remaining["/api/v1/users"])
	assert.Zero(t, m.refused)
}

func TestShare_WhatOthersUseCounts(t *testing.T) {
	m := newMeter(t, 0.5, oktatest.Options{RateLimits: map[string]int{"users": 8}})
	m.hire(4)
	synctest.Test(t, func(t *testing.T) {
		_, err := m.client.ListUsers(t.Context(), okta.Query{Limit: 1})
		require.NoError(t, err)
		m.SpendRate("users", 3) // 4 are left, of which Okta has not told yet
		assert.Equal(t, []int{0, 1, 1, 1}, m.walk(t))
	})
	assert.Equal(t, []int{7, 3, 7, 6, 5}, m.remaining["/api/v1/users"])
}

func TestShare_OneCallInAWindowIsAlwaysOurs(t *testing.T) {
	for _, limit := range []int{1, 2, 3} {
		m := newMeter(t, 0.3, oktatest.Options{RateLimits: map[string]int{"users": limit}})
		m.hire(3)
		synctest.Test(t, func(t *testing.T) {
			assert.Equal(t, []int{0, 1, 2}, m.walk(t), "a limit of %d", limit)
		})
		assert.Zero(t, m.refused)
	}
}

func TestShare_OneIsNoRestraint(t *testing.T) {
	for _, share := range []float64{0, 1} {
		m := newMeter(t, share, oktatest.Options{RateLimits: map[string]int{"user": 2}})
		id := m.hire(1)[0]
		for range 2 {
			_, err := m.client.User(t.Context(), id)
			require.NoError(t, err)
		}
		_, err := m.client.User(t.Context(), id)
		assert.Equal(t, http.StatusTooManyRequests, okta.StatusOf(err), "it is for the caller to wait (E4)")
	}
	_, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: apiToken, RateShare: 1.1})
	assert.ErrorContains(t, err, "rate_share")
}

func TestShare_CallsUnderWayCount(t *testing.T) {
	m := newMeter(t, 0.5, oktatest.Options{RateLimits: map[string]int{"user": 40}})
	id := m.hire(1)[0]
	m.Fail(oktatest.Match{}, -1, oktatest.Fault{Latency: 100 * time.Millisecond})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var workers sync.WaitGroup
		for range 8 {
			workers.Go(func() {
				for range 7 {
					_, err := m.client.User(t.Context(), id)
					assert.NoError(t, err)
				}
			})
		}
		workers.Wait()
		assert.InDelta(t, 120, time.Since(began).Seconds(), 4, "56 reads, 20 in a window")
	})
	path := "/api/v1/users/" + id
	require.Len(t, m.remaining[path], 56)
	windows := map[int]int{}
	for _, left := range m.remaining[path] {
		assert.GreaterOrEqual(t, left, 20)
		windows[left]++
	}
	assert.Equal(t, 3, windows[39], "each window begins anew")
	assert.Zero(t, m.refused)
}

func TestShare_ALeaversReadGoesThroughWhileOthersWait(t *testing.T) {
	m := newMeter(t, 0.5, oktatest.Options{RateLimits: map[string]int{"users": 4, "user": 20, "other": 20}})
	ids := m.hire(3)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var waiting sync.WaitGroup
		waiting.Go(func() { assert.Equal(t, []int{0, 0, 1}, m.walk(t)) })
		synctest.Wait()
		for range 10 {
			_, err := m.client.User(t.Context(), ids[0])
			require.NoError(t, err)
		}
		waiting.Go(func() {
			_, err := m.client.User(t.Context(), ids[1])
			assert.NoError(t, err)
			assert.GreaterOrEqual(t, time.Since(began), time.Minute)
		})
		waiting.Go(func() {
			_, err := m.client.UsersByEmail(okta.Urgent(t.Context()), "p0@example.com")
			assert.NoError(t, err)
			assert.GreaterOrEqual(t, time.Since(began), time.Minute, "a list never exceeds our share")
		})
		synctest.Wait()
		assert.Equal(t, 3, m.client.Waiting())

		leaver := okta.Urgent(t.Context())
		_, err := m.client.UserGroups(leaver, ids[2])
		require.NoError(t, err)
		for range 9 {
			_, err := m.client.User(leaver, ids[2])
			require.NoError(t, err)
		}
		assert.Less(t, time.Since(began), time.Second, "leavers are served first")
		_, err = m.client.User(leaver, ids[2])
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(began), time.Minute, "a twentieth is left by leavers too")
		waiting.Wait()
		assert.Zero(t, m.client.Waiting())
	})
	assert.Zero(t, m.refused)
}

func TestShare_AWaitEndsWithItsContextAndCanBeRefused(t *testing.T) {
	m := newMeter(t, 0.5, oktatest.Options{RateLimits: map[string]int{"user": 2}})
	id := m.hire(1)[0]
	synctest.Test(t, func(t *testing.T) {
		_, err := m.client.User(t.Context(), id)
		require.NoError(t, err)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err = m.client.User(ctx, id)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 10*time.Second, time.Since(began))
		assert.Equal(t, 1, m.Count("GET /api/v1/users/{id}"), "the call was not made")

		_, err = m.client.User(okta.WithoutWaiting(t.Context()), id)
		var share *okta.ErrShare
		require.ErrorAs(t, err, &share)
		assert.Equal(t, 10*time.Second, time.Since(began))
		assert.InDelta(t, 50, share.For.Seconds(), 1)
		assert.ErrorContains(t, err, "okta: read user "+id+": our share of the rate limit is used up for 5")
		assert.ErrorIs(t, share.Wait(ctx), context.DeadlineExceeded)
		require.NoError(t, share.Wait(t.Context()))
		assert.InDelta(t, 60, time.Since(began).Seconds(), 1)
		_, err = m.client.User(okta.WithoutWaiting(t.Context()), id)
		assert.NoError(t, err)
	})
}

// What Okta says when too many calls are under way at the same time is not
// said of a bucket.
func TestShare_AConcurrencyLimitIsNoWindow(t *testing.T) {
	calls := 0
	c, err := okta.New(okta.Config{OrgURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls > 1 {
			page(`{"id": "00u1", "status": "ACTIVE"}`)(w, r)
			return
		}
		w.Header().Set("X-Rate-Limit-Limit", "0")
		w.Header().Set("X-Rate-Limit-Remaining", "0")
		w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10))
		status(429, "application/json", `{"errorCode": "E0000047"}`)(w, r)
	})), APIToken: apiToken, RateShare: 0.5})
	require.NoError(t, err)
	_, err = c.User(okta.WithoutWaiting(t.Context()), "00u1")
	assert.Equal(t, 429, okta.StatusOf(err))
	_, err = c.User(okta.WithoutWaiting(t.Context()), "00u1")
	assert.NoError(t, err)
}
