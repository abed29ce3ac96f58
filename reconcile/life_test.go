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

func (w *world) pause() Pause {
	return Pause{Binding: w.deployment("", "").Binding, Actor: "olga", Reason: "an audit"}
}

func (w *world) stage() (s Stage) {
	w.view(func(tx *store.Tx) (err error) {
		s, err = StageOf(tx)
		return err
	})
	return s
}

// stand puts the installation into a state, as an operator would have.
func (w *world) stand(life Life) {
	w.update(func(tx *store.Tx) error {
		for key, value := range map[string]string{
			store.LifeState: string(life), store.LifeBy: "olga", store.LifeSince: store.FormatTime(tx.Now), store.LifeReason: "an audit",
		} {
			if err := tx.SetSetting(key, value); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestC1_WhichStateMayFollowWhich(t *testing.T) {
	allowed := map[Life][]Life{
		New: {Active, Unlinking}, Active: {Active, Paused, Unlinking}, Paused: {Active, Unlinking},
		Unlinking: {Unlinking, Unlinked}, Unlinked: {Active, Unlinking},
	}
	w := newWorld(t)
	for from := range allowed {
		for to := range allowed {
			w.stand(from)
			err := w.db.Update(t.Context(), func(tx *store.Tx) error { return enter(tx, to, "hans", "") })
			may := false
			for _, life := range allowed[from] {
				may = may || life == to
			}
			if may {
				assert.NoError(t, err, "C1: %q to %q", from, to)
				assert.Equal(t, to, w.stage().Life)
				assert.Equal(t, "hans", w.stage().By)
			} else {
				assert.Error(t, err, "C1: %q to %q", from, to)
				assert.Equal(t, from, w.stage().Life)
			}
		}
	}
}

func TestC1_EachActWorksInItsStatesOnly(t *testing.T) {
	acts := map[string]struct {
		works []Life
		act   func(*world) error
	}{
		"what sends": {[]Life{Active}, func(w *world) error { return w.db.View(w.Context(), w.pause().Binding.Ready) }},
		"deploy": {[]Life{New, Active, Unlinked}, func(w *world) error {
			_, err := w.deployment("", "").Begin(w.Context())
			return err
		}},
		"pause": {[]Life{Active, Paused}, func(w *world) error {
			_, _, err := w.pause().Begin(w.Context(), w.db)
			return err
		}},
		"resume": {[]Life{Active, Paused}, func(w *world) error {
			_, err := w.pause().End(w.Context(), w.db)
			return err
		}},
		"retry": {[]Life{Active, Paused}, func(w *world) error {
			_, err := Retry{Binding: w.pause().Binding}.Begin(w.Context(), w.db, nil)
			return err
		}},
		"rotate-secret": {[]Life{Active, Paused}, func(w *world) error { return w.db.View(w.Context(), w.pause().Binding.Rotatable) }},
		"unlink": {[]Life{New, Active, Paused, Unlinking, Unlinked}, func(w *world) error {
			return w.db.Update(w.Context(), func(tx *store.Tx) error {
				_, err := w.unlinking().begin(tx, UnlinkSurvey{})
				return err
			})
		}},
	}
	words := map[Life]string{New: "nothing is deployed yet", Paused: "paused by olga since 2026-03-01T09:00:00.000Z: an audit; `zensync resume`",
		Unlinking: "being unlinked by olga since 2026-03-01T09:00:00.000Z", Unlinked: "`zensync deploy` links again"}
	for name, a := range acts {
		w := newWorld(t)
		for _, life := range []Life{New, Active, Paused, Unlinking, Unlinked} {
			w.stand(life)
			err := a.act(w)
			works := false
			for _, l := range a.works {
				works = works || l == life
			}
			if works {
				assert.NoError(t, err, "C1: %s in state %q", name, life)
			} else {
				assert.ErrorContains(t, err, words[life], "C1: %s in state %q", name, life)
			}
		}
	}
}

func TestC2_PauseReturnsWhenNothingIsInFlightAndNothingIsSentUntilResume(t *testing.T) {
	w := newWorld(t)
	w.realTime()
	users := w.staffOf(t, 3)
	w.working()
	w.acct.Latency(200 * time.Millisecond)
	for _, u := range users {
		w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	}
	w.hooks()
	w.db.Nudge()
	w.eventually("all are under way", func() bool { return w.inFlight() == 3 })

	stage, fresh, err := w.pause().Begin(t.Context(), w.db)
	require.NoError(t, err)
	assert.True(t, fresh)
	assert.Equal(t, Paused, stage.Life)
	left, err := Idle(t.Context(), w.db)
	require.NoError(t, err)
	assert.Zero(t, left)
	for _, u := range users {
		assert.Equal(t, "Chief", w.account(u.ID).Title, "C2: what was in flight has ended when pause returns")
	}

	w.acct.Latency(0)
	w.acct.ResetCalls()
	w.org.UpdateProfile(users[0].ID, func(p *oktatest.Profile) { p.Title = "Boss" })
	w.hooks() // the relay goes on storing
	w.update(func(tx *store.Tx) error {
		_, err := tx.WantRun(store.ReconcileRun, "", tx.Now)
		return err
	})
	w.db.Nudge()
	assert.Never(t, func() bool { return len(w.acct.Calls()) > 0 }, 300*time.Millisecond, 10*time.Millisecond, "C2: paused, nothing is sent")
	assert.NotZero(t, w.queue().Ready, "C2: and it is kept")

	fresh, err = w.pause().End(t.Context(), w.db)
	require.NoError(t, err)
	assert.True(t, fresh)
	w.eventually("resume drains what came in", func() bool { return w.account(users[0].ID).Title == "Boss" })
	w.eventually("and runs a reconcile", func() bool {
		return len(w.report("runs", store.ReportArgs{})) == 1 && w.report("runs", store.ReportArgs{})[0]["state"] == "done"
	})
	rows := w.report("log", store.ReportArgs{})
	var acts []string
	for _, row := range rows {
		if row["origin"] == "operator" {
			acts = append(acts, row["action"].(string)+" by "+row["actor"].(string)+" "+row["changes"].(string))
		}
	}
	assert.Equal(t, []string{`resume by olga {"reason":{"old":null,"new":"an audit"}}`, `pause by olga {"reason":{"old":null,"new":"an audit"}}`}, acts, "who and why")
}

// working is running as a process of its own would be: with the worker's lock.
func (w *world) working() {
	lock, err := w.db.TryLock(store.WorkerPart, "worker")
	require.NoError(w, err)
	w.Cleanup(func() { require.NoError(w, lock.Release()) })
	w.running()
}

// staffOf is staff without a walk in the runs' report.
func (w *world) staffOf(t *testing.T, n int) (users []oktatest.User) {
	for i := range n {
		users = append(users, w.hire("Hand"+idText(int64(i)), "Person", "ACTIVE"))
	}
	w.sync()
	require.Equal(t, n, w.acct.Len())
	return users
}

func (w *world) inFlight() (n int64) {
	w.view(func(tx *store.Tx) (err error) {
		n, err = tx.InFlight()
		return err
	})
	return n
}

func (w *world) queue() (q store.Queue) {
	w.view(func(tx *store.Tx) (err error) {
		q, err = tx.Queue()
		return err
	})
	return q
}

func TestC2_WithoutAWorkerPauseWaitsForNobody(t *testing.T) {
	w := newWorld(t)
	w.hire("Ada", "Byron", "ACTIVE")
	w.hooks()
	w.update(func(tx *store.Tx) error {
		_, err := tx.Claim(w.w.epoch, 1) // and the worker died
		return err
	})
	_, _, err := w.pause().Begin(t.Context(), w.db)
	require.NoError(t, err)
	left, err := Idle(t.Context(), w.db)
	require.NoError(t, err)
	assert.EqualValues(t, 1, left)
}

func TestC2_TheFirstPauseStandsAndTheFirstResumeEndsIt(t *testing.T) {
	w := newWorld(t)
	_, _, err := w.pause().Begin(t.Context(), w.db)
	require.NoError(t, err)
	w.pass(time.Hour)
	second := w.pause()
	second.Actor, second.Reason = "hans", "another"
	stage, fresh, err := second.Begin(t.Context(), w.db)
	require.NoError(t, err)
	assert.False(t, fresh)
	assert.Equal(t, "olga", stage.By)
	assert.Equal(t, "an audit", stage.Reason)
	for _, want := range []bool{true, false} {
		fresh, err := second.End(t.Context(), w.db)
		require.NoError(t, err)
		assert.Equal(t, want, fresh)
	}
	assert.Len(t, w.report("log", store.ReportArgs{}), 2, "one pause, one resume")
	assert.Len(t, w.report("runs", store.ReportArgs{}), 1, "one reconcile")
}

func TestC2_ScheduledWalksOfAPauseAreSkipped(t *testing.T) {
	w := newWorld(t)
	w.staffOf(t, 1)
	schedule, err := ParseSchedule("@every 1h")
	require.NoError(t, err)
	w.w.Schedule = schedule
	w.update(func(tx *store.Tx) error { return tx.SetSetting(store.ScheduledUntil, store.FormatTime(tx.Now)) })
	_, _, err = w.pause().Begin(t.Context(), w.db)
	require.NoError(t, err)
	w.pass(5 * time.Hour)
	_, started, err := w.w.startRun(t.Context())
	require.NoError(t, err)
	assert.False(t, started)
	_, err = w.pause().End(t.Context(), w.db)
	require.NoError(t, err)
	_, started, err = w.w.startRun(t.Context())
	require.NoError(t, err)
	assert.True(t, started, "resume asks for one")
	_, started, err = w.w.startRun(t.Context())
	require.NoError(t, err)
	assert.False(t, started, "and it serves for those of the pause")
}

func TestC2_AWalkUnderWayIsBrokenOffAndStartsAnewAfterThePause(t *testing.T) {
	w := newWorld(t)
	w.staffOf(t, 2)
	w.hire("New", "Hand", "ACTIVE")
	w.org.DropAll()
	var run store.Run
	w.update(func(tx *store.Tx) (err error) {
		if _, err = tx.WantRun(store.ReconcileRun, "", tx.Now); err != nil {
			return err
		}
		run, _, err = tx.StartRun()
		return err
	})
	_, _, err := w.pause().Begin(t.Context(), w.db)
	require.NoError(t, err)
	require.NoError(t, w.w.walk(t.Context(), run))
	assert.Zero(t, w.queue().Ready, "C2: it asks for nothing more")
	w.view(func(tx *store.Tx) (err error) {
		run, err = tx.Run(run.ID)
		return err
	})
	assert.Equal(t, store.RunWanted, run.State)
}

func TestC2_ApproveDiscardAndRetryWorkOnTheStoreOnly(t *testing.T) {
	w, users := held(t)
	dead := w.kill(users[20])
	_, _, err := w.pause().Begin(t.Context(), w.db)
	require.NoError(t, err)
	w.acct.ResetCalls()
	ids := w.holds()
	require.NoError(t, Ruling{Actor: "olga", Reason: "x"}.Approve(t.Context(), w.db, ids[:1]))
	require.NoError(t, Ruling{Actor: "olga", Reason: "x"}.Discard(t.Context(), w.db, ids[1:]))
	tried, err := Retry{Binding: w.pause().Binding, Actor: "olga"}.Begin(t.Context(), w.db, []int64{dead})
	require.NoError(t, err)
	assert.Equal(t, []store.DeadRow{{ID: dead, OktaID: users[20].ID}}, tried)
	done := make(chan error, 8)
	n, err := w.w.claim(t.Context(), t.Context(), 8, done)
	require.NoError(t, err)
	assert.Zero(t, n, "C2: the worker takes nothing")
	assert.Empty(t, w.acct.Calls())
	assert.EqualValues(t, 2, w.queue().Ready, "C2: approved and retried work waits for the resume")
}

// kill gives up a change of a user, and returns the promise.
func (w *world) kill(u oktatest.User) (row int64) {
	w.Helper()
	w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 405})
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.sync()
	dead := w.report("dead", store.ReportArgs{User: u.ID})
	require.Len(w, dead, 1)
	return dead[0]["id"].(int64)
}

func TestE4_RetryGivesWhatWasGivenUpAllItsAttemptsAgain(t *testing.T) {
	w := newWorld(t)
	users := w.staffOf(t, 3)
	first, second := w.kill(users[0]), w.kill(users[1])
	retry := Retry{Binding: w.pause().Binding, Actor: "hans"}
	_, err := retry.Begin(t.Context(), w.db, []int64{first, 999})
	require.ErrorContains(t, err, "999 was not given up")
	assert.EqualValues(t, 2, w.queue().Dead, "it fails as a whole")

	_, err = retry.Begin(t.Context(), w.db, []int64{first})
	require.NoError(t, err)
	w.drain()
	assert.Equal(t, "Chief", w.account(users[0].ID).Title)
	assert.Equal(t, "hans", w.report("log", store.ReportArgs{User: users[0].ID, Limit: 1})[0]["actor"])
	assert.Equal(t, "Analyst", w.account(users[1].ID).Title, "one alone was meant")

	all, err := retry.Begin(t.Context(), w.db, nil)
	require.NoError(t, err)
	assert.Equal(t, []store.DeadRow{{ID: second, OktaID: users[1].ID}}, all)
	w.drain()
	assert.Equal(t, "Chief", w.account(users[1].ID).Title)
	assert.Zero(t, w.queue().Dead)
	none, err := retry.Begin(t.Context(), w.db, nil)
	require.NoError(t, err)
	assert.Empty(t, none)
}

func TestC1_WhatEndsAStateInWhichNothingIsSent(t *testing.T) {
	for life, by := range map[Life]string{
		New: "zensync deploy", Active: "", Paused: "zensync resume", Unlinking: "zensync unlink, then zensync deploy", Unlinked: "zensync deploy",
	} {
		assert.Equal(t, by, life.GoesOnBy(), "C1: %q", life)
	}
}
