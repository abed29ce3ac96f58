package zenqms_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// paced gives an account and a client that makes so many calls a second.
func paced(t *testing.T, opts zenqmstest.Options, perSecond float64) (*zenqmstest.Account, *zenqms.Client) {
	t.Helper()
	account := zenqmstest.New(opts)
	client, err := zenqms.New(zenqms.Config{
		BaseURL: "https://zenqms.test", APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: perSecond, Transport: account.Transport(),
	})
	require.NoError(t, err)
	return account, client
}

// pings makes n calls at once and gives the time until all are answered.
func pings(t *testing.T, client *zenqms.Client, n int) time.Duration {
	t.Helper()
	start := time.Now()
	var all sync.WaitGroup
	for range n {
		all.Go(func() { assert.NoError(t, client.Ping(t.Context())) })
	}
	all.Wait()
	return time.Since(start)
}

func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		perSecond float64
		calls     int
		want      time.Duration
	}{
		"default":         {0, 31, 3 * time.Second},
		"slow":            {0.5, 3, 4 * time.Second},
		"fast, by tenths": {100, 110, time.Second},
		"no limit":        {zenqms.NoLimit, 1000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, client := paced(t, zenqmstest.Options{}, c.perSecond)
				assert.InDelta(t, c.want, pings(t, client, c.calls), float64(time.Millisecond))
			})
		})
	}
}

// A client at its own limit does not run into ZenQMS's, also after a rest.
func TestPace_KeepsAServersLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account, client := paced(t, zenqmstest.Options{RatePerSecond: 10}, 10)
		pings(t, client, 35)
		time.Sleep(time.Hour)
		pings(t, client, 35)
		for _, call := range account.Calls() {
			assert.Equal(t, http.StatusOK, call.Status)
		}
	})
}

func TestPace_HonoursTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account, client := paced(t, zenqmstest.Options{}, 0.01)
		require.NoError(t, client.Ping(t.Context()))

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		start := time.Now()
		err := client.Ping(ctx)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 3*time.Second, time.Since(start))
		assert.ErrorContains(t, err, "not sent")

		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, client.Ping(ctx), context.DeadlineExceeded)
		assert.Len(t, account.Calls(), 1)
	})
}

func TestE4_A429PausesTheWholeClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account, client := paced(t, zenqmstest.Options{}, zenqms.NoLimit)
		account.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Status: 429, Message: "slow down", RetryAfter: 20 * time.Second})

		_, err := client.Create(t.Context(), ada)
		e := asError(t, err)
		assert.Equal(t, 429, e.Status)
		assert.Equal(t, 20*time.Second, e.RetryAfter)
		assert.Equal(t, "slow down", e.Message)
		assert.Equal(t, 20*time.Second, pings(t, client, 5), "all later calls wait")
		assert.Zero(t, pings(t, client, 5), "and then no more")
		assert.Len(t, account.Writes(), 1, "repeating is the caller's decision")
	})
}

func TestE4_A429HoldsCallsThatAlreadyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account, client := paced(t, zenqmstest.Options{}, 0.1)
		account.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Latency: time.Second, Status: 429, RetryAfter: 30 * time.Second})
		start := time.Now()
		var all sync.WaitGroup
		all.Go(func() {
			_, err := client.Create(t.Context(), ada)
			assert.Error(t, err)
		})
		synctest.Wait()
		all.Go(func() { assert.NoError(t, client.Ping(t.Context())) }) // its turn comes after 10 s
		all.Wait()
		assert.GreaterOrEqual(t, time.Since(start), 31*time.Second)
	})
}

func TestE4_OfSeveralPausesTheLastToEndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account, client := paced(t, zenqmstest.Options{}, zenqms.NoLimit)
		account.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Status: 429, RetryAfter: time.Minute})
		account.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Latency: time.Second, Status: 429, RetryAfter: time.Second})
		start := time.Now()
		var all sync.WaitGroup
		all.Go(func() {
			_, err := client.Update(t.Context(), "1", zenqms.Patch{Title: new("T")})
			assert.Error(t, err)
		})
		synctest.Wait()
		_, err := client.Create(t.Context(), ada)
		assert.Error(t, err)
		all.Wait()
		pings(t, client, 1)
		assert.Equal(t, time.Minute, time.Since(start))
	})
}

func TestCancel_InFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account, client := paced(t, zenqmstest.Options{}, zenqms.NoLimit)
		account.Latency(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := client.Create(ctx, ada)
		assert.ErrorIs(t, err, context.Canceled)
		assert.EqualError(t, err, "zenqms: create user: context canceled")

		_, err = client.Create(t.Context(), ada)
		assert.EqualError(t, err, "zenqms: create user: no answer within 30s")
	})
}

func TestE4_APauseEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account, client := paced(t, zenqmstest.Options{}, zenqms.NoLimit)
		account.Fail(zenqmstest.OnAny, 1, zenqmstest.Fault{Status: 429, RetryAfter: time.Minute})
		require.Error(t, client.Ping(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		assert.ErrorIs(t, client.Ping(ctx), context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(start))
	})
}

func TestRetryAfter(t *testing.T) {
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	for name, c := range map[string]struct {
		status int
		value  func() string
		date   func() string
		want   time.Duration
	}{
		"seconds":               {429, func() string { return "7" }, nil, 7 * time.Second},
		"padded":                {429, func() string { return " 7 " }, nil, 7 * time.Second},
		"fraction":              {429, func() string { return "1.5" }, nil, 1500 * time.Millisecond},
		"a date":                {429, func() string { return in(90 * time.Second) }, nil, 90 * time.Second},
		"by the server's clock": {429, func() string { return in(time.Hour + 90*time.Second) }, func() string { return in(time.Hour) }, 90 * time.Second},
		"a date gone by":        {429, func() string { return in(-time.Hour) }, nil, time.Second},
		"none":                  {429, func() string { return "" }, nil, time.Second},
		"zero":                  {429, func() string { return "0" }, nil, time.Second},
		"negative":              {429, func() string { return "-5" }, nil, time.Second},
		"nonsense":              {429, func() string { return "soon" }, nil, time.Second},
		"not a number":          {429, func() string { return "NaN" }, nil, time.Second},
		"far too long":          {429, func() string { return "999999999999999999999" }, nil, time.Hour},
		"a far date":            {429, func() string { return "Fri, 31 Dec 9999 23:59:59 GMT" }, nil, time.Hour},
		"of a 503":              {503, func() string { return "7" }, nil, 7 * time.Second},
		"of a 503 without":      {503, func() string { return "" }, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				account, client := paced(t, zenqmstest.Options{}, zenqms.NoLimit)
				header := http.Header{"Retry-After": {c.value()}}
				if c.date != nil {
					header.Set("Date", c.date())
				}
				account.Fail(zenqmstest.OnAny, 1, zenqmstest.Fault{Status: c.status, Header: header})
				assert.Equal(t, c.want, asError(t, client.Ping(t.Context())).RetryAfter)
				pause := c.want
				if c.status != 429 {
					pause = 0 // one call's trouble, not the client's
				}
				assert.Equal(t, pause, pings(t, client, 3))
			})
		})
	}
}

func TestCallsUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := zenqmstest.New(zenqmstest.Options{})
		account.Latency(time.Second)
		client, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.test", APIKey: zenqmstest.DefaultToken,
			MaxRequestsPerSecond: zenqms.NoLimit, MaxInFlight: 3, Transport: account.Transport()})
		require.NoError(t, err)
		assert.Equal(t, 3*time.Second, pings(t, client, 9), "three at a time")

		var busy sync.WaitGroup
		for range 3 {
			busy.Go(func() { assert.NoError(t, client.Ping(t.Context())) })
		}
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		assert.ErrorIs(t, client.Ping(short), context.DeadlineExceeded, "who waits for his turn may give up")
		busy.Wait()
		assert.Equal(t, time.Second, pings(t, client, 3), "and has taken no turn from others")
	})
}
