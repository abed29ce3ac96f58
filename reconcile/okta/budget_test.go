package okta

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestReserve(t *testing.T) {
	for _, tc := range []struct {
		limit          int
		share          float64
		plain, urgents int
	}{
		{600, 0.5, 300, 30},
		{600, 0.9, 60, 30},
		{600, 0.99, 6, 6},
		{600, 1, 0, 0},
		{100, 0.29, 71, 5},
		{5, 0.5, 3, 1},
		{2, 0.5, 1, 1},
		{1, 0.5, 0, 0},
		{10, 0.001, 9, 1},
	} {
		assert.Equal(t, tc.plain, reserve(tc.limit, tc.share, false), "%d at %v", tc.limit, tc.share)
		assert.Equal(t, tc.urgents, reserve(tc.limit, tc.share, true), "%d at %v, urgent", tc.limit, tc.share)
	}
}

func TestBucketLeft(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const window = 40 * time.Second
	for name, tc := range map[string]struct {
		b             bucket
		plain, urgent time.Duration
	}{
		"never heard of":                 {bucket{limit: 100, remaining: 100}, 0, 0},
		"never heard of, and many calls": {bucket{limit: 100, remaining: 100, inFlight: 50}, shortWait, 0},
		"room":                           {bucket{limit: 100, remaining: 51, ends: now.Add(window)}, 0, 0},
		"our share used":                 {bucket{limit: 100, remaining: 50, ends: now.Add(window)}, window, 0},
		"others used more":               {bucket{limit: 100, remaining: 6, ends: now.Add(window)}, window, 0},
		"nothing but the urgent reserve": {bucket{limit: 100, remaining: 5, ends: now.Add(window)}, window, window},
		"calls under way fill our share": {bucket{limit: 100, remaining: 58, inFlight: 8, ends: now.Add(window)}, shortWait, 0},
		"one place left beside them":     {bucket{limit: 100, remaining: 59, inFlight: 8, ends: now.Add(window)}, 0, 0},
		"window over":                    {bucket{limit: 100, remaining: 0, ends: now}, 0, 0},
		"window over, calls under way":   {bucket{limit: 10, remaining: 0, inFlight: 5, ends: now}, shortWait, 0},
		"a limit of one":                 {bucket{limit: 1, remaining: 1}, 0, 0},
		"a limit of one, used":           {bucket{limit: 1, remaining: 0, ends: now.Add(window)}, window, window},
	} {
		for urgent, want := range map[bool]time.Duration{false: tc.plain, true: tc.urgent} {
			b := tc.b
			assert.Equal(t, want, b.left(now, 0.5, urgent), "%s, urgent %v", name, urgent)
		}
	}
}

func TestBucketReport(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	said := func(remaining int, reset time.Duration) Rate {
		return Rate{Limit: 100, Remaining: remaining, Reset: now.Add(reset)}
	}
	b := &bucket{limit: presumedLimit, remaining: presumedLimit}
	b.report(said(70, time.Minute), now.Add(time.Minute))
	b.report(said(80, time.Minute), now.Add(61*time.Second))
	assert.Equal(t, 70, b.remaining, "an answer that was overtaken")
	assert.Equal(t, now.Add(time.Minute), b.ends)
	b.leave(false)
	assert.Equal(t, 69, b.remaining, "a call without an answer may have been counted")
	b.report(said(98, 2*time.Minute), now.Add(2*time.Minute))
	assert.Equal(t, 98, b.remaining, "the next window")
	b.report(said(1, time.Minute), now.Add(time.Minute))
	assert.Equal(t, 98, b.remaining, "an answer of the window before")

	assert.Zero(t, b.left(now.Add(2*time.Minute), 0.5, false))
	assert.Equal(t, 100, b.remaining, "a window of which nothing is known is full")
	b.report(Rate{Limit: 60, Remaining: 20, Reset: now.Add(3 * time.Minute)}, now.Add(3*time.Minute))
	assert.Equal(t, time.Minute, b.left(now.Add(2*time.Minute), 0.5, false), "Okta may change a limit")
}

func TestBucketOf(t *testing.T) {
	for path, want := range map[string]string{
		"/api/v1/users":                              "users",
		"/api/v1/users/00u1":                         "users/{id}",
		"/api/v1/users/00u1/groups":                  "users/{id}/groups",
		"/api/v1/groups":                             "groups",
		"/api/v1/groups/00g1":                        "groups/{id}",
		"/api/v1/groups/00g1/users":                  "groups/{id}/users",
		"/api/v1/eventHooks":                         "eventHooks",
		"/api/v1/eventHooks/who1":                    "eventHooks",
		"/api/v1/eventHooks/who1/lifecycle/activate": "eventHooks",
	} {
		assert.Equal(t, want, bucketOf(path), path)
	}
}
