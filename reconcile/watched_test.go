package reconcile

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

func TestKeptTellsWhatBecameOfEvents(t *testing.T) {
	w := newWorld(t)
	w.w.Brake.Deactivations = Limit{}
	var mu sync.Mutex
	became := map[string][]store.State{}
	w.w.Kept = func(k Kept) {
		mu.Lock()
		defer mu.Unlock()
		became[k.EventType] = append(became[k.EventType], k.State)
		assert.False(t, k.Received.IsZero())
		assert.False(t, k.Published.IsZero())
		assert.False(t, k.Ended.Before(k.Received))
	}
	ada := w.hire("Ada", "Byron", "ACTIVE")
	w.hire("", "Nameless", "ACTIVE")
	w.hooks()
	w.drain()
	assert.ElementsMatch(t, []store.State{store.StateDone, store.StateSkipped}, became[store.UserCreate])

	w.org.SetStatus(ada.ID, oktatest.Suspended)
	w.hooks()
	w.drain()
	assert.Equal(t, []store.State{store.StateHeld}, became[store.UserSuspend])

	group := w.org.AddGroup("nobody mapped this")
	w.org.AddMember(group, ada.ID)
	w.hooks()
	w.drain()
	assert.Equal(t, []store.State{store.StateIgnored}, became[store.MemberAdd])

	refuses := zenqmstest.OnCreate
	w.acct.Fail(refuses, zenqmstest.Always, zenqmstest.Fault{Status: http.StatusMethodNotAllowed})
	became = map[string][]store.State{}
	bob := w.hire("Bob", "Roy", "ACTIVE")
	w.hooks()
	w.drain()
	assert.Equal(t, []store.State{store.StateDead}, became[store.UserCreate])
	w.acct.Heal()
	became = map[string][]store.State{}
	w.update(func(tx *store.Tx) error {
		_, err := tx.Enqueue(store.Promise{OktaID: bob.ID, Origin: store.FromManual, Priority: store.ManualPriority})
		return err
	})
	w.drain()
	assert.Empty(t, became, "no event has asked for that")
}

func TestBreakersAreThoseOfTheOutages(t *testing.T) {
	w := &Worker{}
	okta, zenqms := w.Breakers()
	assert.Equal(t, []Breaker{Closed, Closed}, []Breaker{okta, zenqms}, "before it runs")
	w.outages = newOutages()
	w.breakers.Store(&w.outages)
	for range outageAfter {
		w.outages.zenqms.failed("00u1", true)
	}
	okta, zenqms = w.Breakers()
	assert.Equal(t, []Breaker{Closed, Open}, []Breaker{okta, zenqms})
	w.outages.zenqms.HalfOpen()
	_, zenqms = w.Breakers()
	assert.Equal(t, HalfOpen, zenqms)
	w.outages.zenqms.forgive()
	_, zenqms = w.Breakers()
	assert.Equal(t, Closed, zenqms)
}

func TestCallsUnderWayHaveTimeToEnd(t *testing.T) {
	for name, c := range map[string]struct {
		stop, anew time.Duration // when it is told to; 0: never
		over       time.Duration // when the last call is over by itself
		cut        time.Duration // when the calls are cut off; 0: never
		enough     time.Duration // when no more work is taken for a new start
	}{
		"a stop":                     {stop: time.Second, over: time.Hour, cut: time.Second + lastCalls},
		"a stop of a quick one":      {stop: time.Second, over: 3 * time.Second},
		"a new start":                {anew: time.Second, over: time.Hour, cut: time.Second + fullCalls, enough: time.Second},
		"a new start of a quick one": {anew: time.Second, over: 40 * time.Second, enough: time.Second},
		"a stop while it starts anew": {anew: time.Second, stop: 10 * time.Second, over: time.Hour, cut: 10*time.Second + lastCalls,
			enough: time.Second},
		"neither": {over: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				calls, over := context.WithCancel(context.Background())
				anew := make(chan struct{})
				w := &Worker{Anew: anew}
				began := time.Now()
				var cut, enough time.Duration
				at := func(d time.Duration, do func()) {
					if d > 0 {
						time.AfterFunc(d, do)
					}
				}
				at(c.stop, stop)
				at(c.anew, func() { close(anew) })
				at(c.over, over)
				w.limitCalls(ctx, func() { enough = time.Since(began) }, calls, func() { cut = time.Since(began); over() })
				assert.Equal(t, c.cut, cut)
				assert.Equal(t, c.enough, enough)
				stop()
			})
		})
	}
}

func TestWorkerBeginsAnewWithoutLosingWhatIsUnderWay(t *testing.T) {
	w := newWorld(t)
	w.realTime()
	for range 40 {
		w.hire("P"+idText(int64(len(w.org.Users()))), "Person", "ACTIVE")
	}
	w.hooks()
	w.acct.Latency(20 * time.Millisecond)
	anew := make(chan struct{})
	w.w.Anew = anew
	ended := make(chan error, 1)
	go func() { ended <- w.w.Run(w.Context()) }()
	w.eventually("some are done", func() bool { return w.acct.Len() > 3 })
	close(anew)
	require.NoError(t, <-ended)
	w.view(func(tx *store.Tx) error {
		links, err := tx.LinkCount()
		assert.EqualValues(t, w.acct.Len(), links.Active, "every account that was made is known")
		q, _ := tx.Queue()
		assert.Positive(t, q.Ready, "and the others are still to do")
		return err
	})
	for _, row := range w.report("log", store.ReportArgs{}) {
		assert.NotEqual(t, "failed", row["outcome"], "nothing was cut off: %v", row["error"])
	}
	w.w.Anew = nil
	w.running()
	w.eventually("the next one does the rest", func() bool { return w.acct.Len() == 40 })
}
