package reconcile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// jumps are by how much a clock may be wrong when a host starts, or be set.
var jumps = map[string]time.Duration{
	"ahead by a year": 365 * 24 * time.Hour, "ahead by a day": 24 * time.Hour, "ahead by a minute": time.Minute,
	"back by a minute": -time.Minute, "back by a day": -24 * time.Hour, "back by ten years": -10 * 365 * 24 * time.Hour,
}

// turn is what the dispatcher does about runs and times at each turn.
func (w *world) turn() {
	w.Helper()
	run, started, err := w.w.startRun(w.Context())
	require.NoError(w, err)
	if started {
		require.NoError(w, w.w.walk(w.Context(), run))
	}
}

// What waits for another attempt when the clock jumps is tried no later than it
// would have been, whatever the clock says then.
func TestE4_AClockThatJumpsPutsNothingOff(t *testing.T) {
	for name, jump := range jumps {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := newCrisis(w)
			w.acct.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Status: 503, RetryAfter: 50 * time.Minute})
			w.drain()
			require.True(t, c.anyOpen(), "all of it waits")
			w.acct.Heal()
			w.breathe()

			w.pass(jump)
			w.turn()
			if jump > -time.Hour {
				w.pass(time.Hour) // what may be left of the wait
			}
			w.drain()
			assert.False(t, c.anyOpen(), "E4: what waits is not put off until the clock comes round again")
			c.settle()
		})
	}
}

// An event that came while the clock was ahead is due at once when it is right.
func TestE3_AnEventReceivedByAClockThatWasAheadDoesNotWait(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Lea", "Ver", "ACTIVE")
	w.sync()
	w.pass(24 * time.Hour)
	w.org.SetStatus(u.ID, "DEPROVISIONED")
	w.hooks()
	w.pass(-24 * time.Hour)
	w.drain()
	assert.False(t, w.account(u.ID).Active, "E3: a leaver does not wait for the clock")
}

func TestK1_TheScheduleGoesOnWhenTheClockWasAhead(t *testing.T) {
	w := newWorld(t)
	schedule, err := ParseSchedule("@every 6h")
	require.NoError(t, err)
	w.w.Schedule = schedule
	w.update(func(tx *store.Tx) error { return tx.SetSetting(store.ScheduledUntil, store.FormatTime(tx.Now)) })
	w.hire("Ada", "Byron", "ACTIVE")
	w.org.DropAll()
	w.pass(10 * 365 * 24 * time.Hour)
	w.turn() // the walk that is due by a clock that is wrong
	w.drain()
	require.Equal(t, 1, w.acct.Len())

	w.pass(-10 * 365 * 24 * time.Hour)
	w.turn()
	lost := w.hire("Lost", "Hook", "ACTIVE")
	w.org.DropAll()
	w.pass(6*time.Hour + time.Minute)
	w.turn()
	w.drain()
	assert.True(t, w.account(lost.ID).Active, "K1: the walk of the next six hours finds whom a lost hook was about")
}

// The brake must not open because the clock says that the hour is over, nor
// stay shut for as long as it was ahead.
func TestB1_TheHourOfAClockThatWasAheadEnds(t *testing.T) {
	w := newWorld(t)
	w.w.Brake.Deactivations = Limit{Max: 1}
	var all []oktatest.User
	for _, name := range []string{"Ada", "Bea", "Cyd", "Dan"} {
		all = append(all, w.hire(name, "Byron", "ACTIVE"))
	}
	w.sync()
	w.org.DropAll()
	leave := func(i int) {
		w.org.SetStatus(all[i].ID, "SUSPENDED")
		w.sync()
	}
	w.update(func(tx *store.Tx) error { return tx.SetSetting(store.ScheduledUntil, store.FormatTime(tx.Now)) })
	w.pass(10 * 365 * 24 * time.Hour)
	w.update(func(tx *store.Tx) error { return tx.SetSetting(store.ScheduledUntil, store.FormatTime(tx.Now)) })
	leave(0)
	require.False(t, w.account(all[0].ID).Active)
	w.pass(-10 * 365 * 24 * time.Hour)
	w.turn()
	leave(1)
	assert.True(t, w.account(all[1].ID).Active, "B1: what was let through a moment ago is counted")
	w.pass(61 * time.Minute)
	leave(2)
	assert.False(t, w.account(all[2].ID).Active, "B1: and forgotten when the hour is over")
}

// A reading whose age cannot be told is none to act on.
func TestK1_AReadingOfAClockThatWasAheadIsNotUsed(t *testing.T) {
	w := newWorld(t)
	young := store.Row{Origin: store.FromReconcile, RunStarted: w.now(), Attempts: 1}
	require.Equal(t, youngReading, w.w.basisOf(store.Claim{Rows: []store.Row{young}}))
	young.RunStarted = w.now().Add(time.Second)
	assert.Equal(t, askAnew, w.w.basisOf(store.Claim{Rows: []store.Row{young}}), "K1: nobody knows whether it is younger than an hour")
}
