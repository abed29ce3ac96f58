package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/cmd/zensync/output"
)

// explains has the page's worker explain, and counts how often it is asked to.
func (f *fixture) explains(err error) *atomic.Int64 {
	var asked atomic.Int64
	f.page.Show(Subject{Explain: func(_ context.Context, who string) (Explained, error) {
		asked.Add(1)
		return Explained{
			About: []output.Pair{{Key: "okta", Value: []output.Pair{{Key: "login", Value: who}}}, {Key: "zenqms", Value: nil}, {Key: "in_scope", Value: true},
				{Key: "now", Value: []output.Pair{{Key: "action", Value: "create"}, {Key: "rule", Value: "L2"}}}},
			Log: output.Table{Columns: []string{"time", "action"}, Rows: [][]any{{"2026-03-01T12:00:00.000Z", "skip"}}},
		}, err
	}})
	return &asked
}

func TestSearchExplainsAUser(t *testing.T) {
	f := setup(t)
	asked := f.explains(nil)
	status, body := f.get("/explain?user=%20ann@example.com")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, plain(body), "What a sync would do now action create rule L2 How he stands in_scope yes In Okta login ann@example.com In ZenQMS there is none "+
		"The latest about him in the log time action 2026-03-01T12:00:00.000Z skip The same in a terminal: sudo -u zensync zensync explain ann@example.com")
	assert.Contains(t, body, `value="ann@example.com"`, "it can be corrected")
	assert.EqualValues(t, 1, asked.Load())

	_, body = f.get("/explain?user=ann%3Breboot")
	assert.NotContains(t, plain(body), "zensync explain", "what is to be typed holds nothing for a shell")

	status, _ = f.get("/explain")
	assert.Equal(t, http.StatusBadRequest, status)
	f.explains(fmt.Errorf("no such user: %w", ErrUnclear))
	status, body = f.get("/explain?user=nobody")
	assert.Equal(t, http.StatusNotFound, status)
	assert.Contains(t, body, "no such user")
	f.explains(errors.New("okta: read user: status 500"))
	status, body = f.get("/explain?user=ann")
	assert.Equal(t, http.StatusBadGateway, status)
	assert.Contains(t, body, "okta: read user: status 500")
}

func TestSearchIsNotForOtherSitesNorForHeads(t *testing.T) {
	f := setup(t)
	asked := f.explains(nil)
	address, stop := f.serve()
	defer stop()
	for _, site := range []string{"cross-site", "same-site", "anything"} {
		resp, body := request(t, http.MethodGet, "http://"+address+"/explain?user=planted", address, "Sec-Fetch-Site", site)
		assert.Equal(t, http.StatusForbidden, resp.StatusCode, site)
		assert.Contains(t, body, "Another site has sent you here")
		assert.NotContains(t, body, "planted")
	}
	resp, _ := request(t, http.MethodHead, "http://"+address+"/explain?user=ann", address)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Zero(t, asked.Load(), "no call was made")
	for i, site := range []string{"none", "same-origin", ""} {
		resp, _ := request(t, http.MethodGet, "http://"+address+"/explain?user=ann", address, "Sec-Fetch-Site", site)
		assert.Equal(t, http.StatusOK, resp.StatusCode, site)
		assert.EqualValues(t, i+1, asked.Load())
	}
}

func TestSearchIsOneAtATimeAndNotTooOften(t *testing.T) {
	f := setup(t)
	asked := f.explains(nil)
	f.page.turns.left, f.page.turns.at = 0, time.Now()
	status, body := f.get("/explain?user=ann")
	assert.Equal(t, http.StatusTooManyRequests, status, "a page that reloads itself does not use up Okta's rate limit")
	assert.Contains(t, body, "Wait some seconds")
	assert.Zero(t, asked.Load())
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		done, err := turns.take(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = turns.take(ctx)
		assert.Equal(t, errBusy, err, "one at a time")
		done()
		for range explainAtOnce - 1 {
			done, err := turns.take(t.Context())
			require.NoError(t, err)
			done()
		}
		_, err = turns.take(t.Context())
		assert.Equal(t, errBusy, err)
		time.Sleep(explainEvery)
		done, err = turns.take(t.Context())
		require.NoError(t, err, "and then one in so long")
		done()
	})
}

func TestSearchEndsInTimeAndABugInItIsNotTheWorkers(t *testing.T) {
	f := setup(t)
	status, body := f.get("/explain?user=ann")
	assert.Equal(t, http.StatusServiceUnavailable, status, "no worker")
	assert.Contains(t, body, "the worker is not at work")
	var within time.Duration
	f.page.Show(Subject{Explain: func(ctx context.Context, _ string) (Explained, error) {
		until, _ := ctx.Deadline()
		within = time.Until(until)
		panic("a bug")
	}})
	status, body = f.get("/explain?user=ann")
	assert.Equal(t, http.StatusInternalServerError, status)
	assert.Contains(t, body, "a bug in zensync")
	assert.InDelta(t, explainWithin.Seconds(), within.Seconds(), 5)
	f.explains(nil)
	status, _ = f.get("/explain?user=ann")
	assert.Equal(t, http.StatusOK, status, "its turn was given back")
}
