package reconcile

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

func TestE4_AnOutageCostsNoAttempts(t *testing.T) {
	for name, c := range map[string]struct{ fail, heal func(w *world) }{
		"of ZenQMS": {func(w *world) { w.acct.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Status: 503}) }, func(w *world) { w.acct.Heal() }},
		"of Okta":   {func(w *world) { w.org.Fail(oktatest.Match{}, -1, oktatest.Fault{Status: 503}) }, func(w *world) { w.org.ClearFaults() }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u := w.hire("Ada", "Byron", "ACTIVE")
			c.fail(w)
			w.hooks()
			for range 40 {
				w.drain()
				w.pass(10 * time.Minute)
			}
			var s store.RowState
			w.view(func(tx *store.Tx) (err error) {
				s, err = tx.RowState(1)
				return err
			})
			assert.Equal(t, store.StateOpen, s.State, "E4: hours of outage kill nobody's promise")
			assert.LessOrEqual(t, s.Attempts, outageAfter, "E4: but for those by which it was told from one user's failure")
			c.heal(w)
			w.breathe()
			w.drain()
			assert.True(t, w.account(u.ID).Active)
		})
	}
}

// breathe lets the wait pass after which a side that is down is tried again,
// which runs on the real clock.
func (w *world) breathe() {
	for _, s := range []*side{w.w.outages.okta, w.w.outages.zenqms} {
		if s.IsOpen() {
			s.HalfOpen()
		}
	}
}

// Nobody else comes by, so that all of ZenQMS's answers are failures.
func TestE4_OneSickUserAloneIsNoOutage(t *testing.T) {
	w := newWorld(t)
	w.hire("Sick", "User", "ACTIVE")
	w.acct.Fail(zenqmstest.Match{Body: "sick.user"}, zenqmstest.Always, zenqmstest.Fault{Status: 500})
	w.hooks()
	for range 4 * w.w.MaxAttempts {
		w.breathe()
		w.drain()
		w.pass(10 * time.Minute)
	}
	dead := w.report("dead", store.ReportArgs{})
	require.NotEmpty(t, dead, "E4: after worker.max_attempts a row is dead")
	assert.EqualValues(t, w.w.MaxAttempts, dead[0]["attempts"])
}

// Writes fail, for whomever they are, and reading goes on: no user is at fault.
func TestE4_AnOutageOfWritesAloneIsAnOutage(t *testing.T) {
	w := newWorld(t)
	a, b := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bo", "Cole", "ACTIVE")
	w.acct.Fail(zenqmstest.OnCreate, zenqmstest.Always, zenqmstest.Fault{Status: 503})
	w.hooks()
	for range 4 * w.w.MaxAttempts {
		w.breathe()
		w.drain()
		w.pass(10 * time.Minute)
	}
	assert.Empty(t, w.report("dead", store.ReportArgs{}))
	w.acct.Heal()
	w.breathe()
	w.drain()
	assert.True(t, w.account(a.ID).Active)
	assert.True(t, w.account(b.ID).Active)
}

func TestE4_ASideThatWasDownIsTriedAgainHoweverOftenNobodyIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutages()
		down := &zenqms.Error{Status: 503}
		ada := &attempt{claim: store.Claim{OktaID: "ada"}, err: down}
		assert.Equal(t, 8, o.slots(8))
		for range outageAfter {
			assert.False(t, o.on(down))
			o.note(ada)
		}
		assert.True(t, o.on(down))
		assert.Zero(t, o.slots(8), "left alone for a while")
		time.Sleep(outageProbe)
		for range 10 {
			assert.Equal(t, 1, o.slots(8), "then one at a time")
		}
		o.note(ada)
		assert.Zero(t, o.slots(8), "still down")
		time.Sleep(outageProbe)
		assert.Equal(t, 1, o.slots(8))
		o.zenqms.answered(false)
		assert.Equal(t, 8, o.slots(8))
		assert.False(t, o.on(down))
	})
}

// What the worker knows of an outage stands where status finds it.
func TestE4_AnOutageIsNotedWhileItLasts(t *testing.T) {
	w := newWorld(t)
	noted := func() (down string) {
		require.NoError(t, w.w.noteOutages(t.Context()))
		w.view(func(tx *store.Tx) (err error) {
			down, err = tx.Setting(store.SidesDown)
			return err
		})
		return down
	}
	w.hire("Ada", "Byron", "ACTIVE")
	w.acct.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Status: 503})
	w.hooks()
	assert.Empty(t, noted())
	for range outageAfter {
		w.drain()
		w.pass(10 * time.Minute)
	}
	assert.Equal(t, "zenqms", noted(), "E4")
	w.w.outages.okta.Open()
	assert.Equal(t, "okta, zenqms", noted(), "E4")
	w.w.outages.okta.Close()
	w.acct.Heal()
	w.breathe()
	assert.Equal(t, "zenqms", noted(), "E4: while it is being tried")
	w.drain()
	assert.Empty(t, noted())
}
