package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// enqueue stores a promise and returns its id.
func (f *fixture) enqueue(oktaID string, p Priority) (id int64) {
	f.Helper()
	f.do(func(tx *Tx) (err error) {
		id, err = tx.Enqueue(Promise{OktaID: oktaID, Origin: FromManual, Priority: p})
		return err
	})
	return id
}

// begin begins the reign of a new worker.
func (f *fixture) begin() (epoch int64) {
	f.Helper()
	f.do(func(tx *Tx) (err error) {
		epoch, err = tx.StartEpoch()
		return err
	})
	return epoch
}

func (f *fixture) claim(epoch int64, limit int) (claims []Claim) {
	f.Helper()
	f.do(func(tx *Tx) (err error) {
		claims, err = tx.Claim(epoch, limit)
		return err
	})
	return claims
}

// rowIDs are the ids of the rows of each claim.
func rowIDs(claims []Claim) map[string][]int64 {
	ids := map[string][]int64{}
	for _, c := range claims {
		for _, r := range c.Rows {
			ids[c.OktaID] = append(ids[c.OktaID], r.ID)
		}
	}
	return ids
}

func users(claims []Claim) (ids []string) {
	for _, c := range claims {
		ids = append(ids, c.OktaID)
	}
	return ids
}

func (f *fixture) row(id int64) (s RowState) {
	f.Helper()
	f.see(func(tx *Tx) (err error) {
		s, err = tx.RowState(id)
		return err
	})
	return s
}

func TestE3_UrgentWorkGoesFirst(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	for _, p := range []struct {
		user     string
		priority Priority
	}{
		{"walk1", WalkPriority}, {"manual1", ManualPriority}, {"hook1", HookPriority}, {"leaver1", DeactivationPriority},
		{"hook2", HookPriority}, {"walk2", WalkPriority}, {"leaver2", DeactivationPriority},
	} {
		f.enqueue(p.user, p.priority)
	}
	assert.Equal(t, []string{"leaver1", "leaver2", "hook1"}, users(f.claim(epoch, 3)))
	assert.Equal(t, []string{"hook2", "manual1", "walk1", "walk2"}, users(f.claim(epoch, 10)))
	assert.Empty(t, f.claim(epoch, 10))
}

func TestE3_LeaversCanBeClaimedAlone(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	f.enqueue("hook", HookPriority)
	f.enqueue("leaver", HookPriority)
	f.enqueue("leaver", DeactivationPriority)
	f.enqueue("walk", WalkPriority)
	var claims []Claim
	f.do(func(tx *Tx) (err error) {
		claims, err = tx.ClaimLeavers(epoch, 10)
		return err
	})
	require.Len(t, claims, 1)
	assert.Equal(t, "leaver", claims[0].OktaID)
	assert.Len(t, claims[0].Rows, 2, "with all that is open about him")
}

func TestE3_MostUrgentPromiseCountsForItsUser(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	f.enqueue("00u1", WalkPriority)
	f.enqueue("00u2", HookPriority)
	f.enqueue("00u1", DeactivationPriority)
	assert.Equal(t, []string{"00u1", "00u2"}, users(f.claim(epoch, 10)))
}

func TestE2_AUsersPromisesAreTakenTogether(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	waiting := f.enqueue("00u1", HookPriority)
	f.claim(epoch, 1)
	f.do(func(tx *Tx) error { return tx.LookAgain(epoch, waiting, noon.Add(time.Hour), 1) })
	other := f.enqueue("00u2", HookPriority)
	second := f.enqueue("00u1", WalkPriority)
	third := f.enqueue("00u1", ManualPriority)

	claims := f.claim(epoch, 10)
	assert.Equal(t, map[string][]int64{"00u1": {waiting, second, third}, "00u2": {other}}, rowIDs(claims), "those that wait as well, the oldest first")
	assert.Equal(t, epoch, claims[0].Epoch)
}

func TestE2_WhatWaitsAloneIsNotTaken(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	id := f.enqueue("00u1", HookPriority)
	f.claim(epoch, 1)
	due := noon.Add(time.Minute)
	f.do(func(tx *Tx) error { return tx.Retry(epoch, id, due, true, "503") })
	assert.Empty(t, f.claim(epoch, 10))
	f.now = due.Add(-time.Millisecond)
	assert.Empty(t, f.claim(epoch, 10))
	f.now = due
	assert.Equal(t, map[string][]int64{"00u1": {id}}, rowIDs(f.claim(epoch, 10)))
}

func TestE3_NobodyIsWorkedOnTwiceAtATime(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	first := f.enqueue("00u1", HookPriority)
	require.Len(t, f.claim(epoch, 10), 1)
	late := f.enqueue("00u1", DeactivationPriority)
	f.enqueue("00u2", WalkPriority)

	assert.Equal(t, []string{"00u2"}, users(f.claim(epoch, 10)))
	assert.Equal(t, StateOpen, f.row(late).State, "what came in meanwhile stays for the next look")
	f.do(func(tx *Tx) error { return tx.Close(epoch, first, StateDone, "") })
	assert.Equal(t, StateOpen, f.row(late).State)
	assert.Equal(t, map[string][]int64{"00u1": {late}}, rowIDs(f.claim(epoch, 10)))
}

func TestClaimTellsAllAboutAPromise(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	f.add(Event{UUID: "e", Type: MemberAdd, Actor: "admin@example.com", Users: []string{"00u1"}, Groups: []string{"00g1"}})
	var run int64
	f.do(func(tx *Tx) (err error) {
		if run, err = tx.WantRun(ReconcileRun, "", noon); err != nil {
			return err
		}
		if _, _, err = tx.StartRun(); err != nil {
			return err
		}
		_, err = tx.Enqueue(Promise{OktaID: "00u1", Origin: FromReconcile, Priority: WalkPriority, Run: run})
		return err
	})
	f.do(func(tx *Tx) error {
		_, err := tx.Enqueue(Promise{OktaID: "00u1", Origin: FromManual, Priority: ManualPriority, Actor: "root"})
		return err
	})
	f.now = noon.Add(time.Second)
	claims := f.claim(epoch, 1)
	require.Len(t, claims, 1)
	common := Row{OktaID: "00u1", Attempts: 1, Due: noon, Claimed: f.now}
	hook, walk, manual := common, common, common
	hook.ID, hook.Origin, hook.EventUUID, hook.EventType, hook.EventGroups, hook.Actor = 1, FromHook, "e", MemberAdd, []string{"00g1"}, "admin@example.com"
	hook.Received = noon
	hook.Priority, walk.Priority, manual.Priority = HookPriority, WalkPriority, ManualPriority
	walk.ID, walk.Origin, walk.Run, walk.RunStarted = 2, FromReconcile, run, noon
	manual.ID, manual.Origin, manual.Actor = 3, FromManual, "root"
	assert.Equal(t, []Row{hook, walk, manual}, claims[0].Rows)
}

func TestC5_OutcomeOfAnEarlierWorkerDoesNotCount(t *testing.T) {
	f := setup(t)
	old := f.begin()
	id := f.enqueue("00u1", HookPriority)
	f.claim(old, 1)
	f.now = noon.Add(time.Minute)
	epoch := f.begin()
	assert.Greater(t, epoch, old)
	assert.Equal(t, StateOpen, f.row(id).State, "what the earlier one left is open again")
	refused := func() {
		t.Helper()
		before := f.row(id)
		for name, leave := range map[string]func(tx *Tx) error{
			"close": func(tx *Tx) error { return tx.Close(old, id, StateDone, "") },
			"retry": func(tx *Tx) error { return tx.Retry(old, id, noon, true, "503") },
			"look":  func(tx *Tx) error { return tx.LookAgain(old, id, noon, 1) },
		} {
			assert.ErrorIs(t, f.db.Update(t.Context(), leave), ErrFenced, name)
		}
		assert.Equal(t, before, f.row(id))
	}
	refused()
	claims := f.claim(epoch, 1)
	require.Len(t, claims, 1)
	assert.Equal(t, 2, claims[0].Rows[0].Attempts)
	refused()
	f.do(func(tx *Tx) error { return tx.Close(epoch, id, StateDone, "") })
	assert.ErrorIs(t, f.db.Update(t.Context(), func(tx *Tx) error { return tx.Close(epoch, id, StateDead, "") }), ErrFenced, "nor does a second outcome")
	assert.Equal(t, StateDone, f.row(id).State)
	assert.Equal(t, f.now, f.row(id).Finished)
}

func TestE4_RetryCountsTheAttemptOrNot(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	id := f.enqueue("00u1", HookPriority)
	attempt := func(counted bool) RowState {
		require.Len(t, f.claim(epoch, 1), 1)
		f.do(func(tx *Tx) error { return tx.Retry(epoch, id, f.now, counted, "503 from ZenQMS") })
		return f.row(id)
	}
	first := attempt(true)
	assert.Equal(t, RowState{OktaID: "00u1", State: StateOpen, Attempts: 1, Due: noon, Error: "503 from ZenQMS"}, first)
	assert.Equal(t, 1, attempt(false).Attempts, "an outage costs nothing")
	assert.Equal(t, 2, attempt(true).Attempts)
}

func TestE2_LateLookBeginsToCountAnew(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	id := f.enqueue("00u1", DeactivationPriority)
	f.claim(epoch, 1)
	f.do(func(tx *Tx) error { return tx.Retry(epoch, id, noon, true, "503") })
	f.claim(epoch, 1)
	due := noon.Add(30 * time.Second)
	f.do(func(tx *Tx) error { return tx.LookAgain(epoch, id, due, 1) })
	assert.Equal(t, RowState{OktaID: "00u1", State: StateOpen, Looks: 1, Due: due}, f.row(id))
	assert.Empty(t, f.claim(epoch, 1))
	f.now = due
	claims := f.claim(epoch, 1)
	require.Len(t, claims, 1)
	assert.Equal(t, 1, claims[0].Rows[0].Looks)
	assert.Equal(t, 1, claims[0].Rows[0].Attempts)
}

func TestE2_NewPromiseEndsTheWaitingOfOlderOnes(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	later := noon.Add(10 * time.Minute)
	failed, looks, other := f.enqueue("00u1", HookPriority), f.enqueue("00u1", HookPriority), f.enqueue("00u2", HookPriority)
	f.claim(epoch, 10)
	f.do(func(tx *Tx) error {
		for _, id := range []int64{failed, other} {
			if err := tx.Retry(epoch, id, later, true, "503"); err != nil {
				return err
			}
		}
		return tx.LookAgain(epoch, looks, later, 2)
	})
	f.now = noon.Add(time.Minute)
	f.enqueue("00u1", WalkPriority)
	assert.Equal(t, f.now, f.row(failed).Due)
	assert.Equal(t, later, f.row(looks).Due, "a late look keeps its time")
	assert.Equal(t, later, f.row(other).Due, "another user's waits on")
}

func TestE2_SuccessClosesOlderDeadRows(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	dead, other := f.enqueue("00u1", HookPriority), f.enqueue("00u2", HookPriority)
	f.claim(epoch, 10)
	f.do(func(tx *Tx) error {
		if err := tx.Close(epoch, dead, StateDead, "gave up"); err != nil {
			return err
		}
		return tx.Close(epoch, other, StateDead, "gave up")
	})
	f.now = f.now.Add(time.Hour)
	f.do(func(tx *Tx) error { return tx.Revive("00u1") })
	assert.Equal(t, StateDone, f.row(dead).State)
	assert.Equal(t, []string{FormatTime(f.now)}, f.texts(`SELECT finished FROM outbox WHERE id = ?`, dead), "it is kept, and so ends, now")
	assert.Empty(t, f.row(dead).Error)
	assert.Equal(t, StateDead, f.row(other).State)
	assert.Equal(t, "gave up", f.row(other).Error)
}

func TestNextDue(t *testing.T) {
	f := setup(t)
	next := func() (due time.Time, found bool) {
		f.see(func(tx *Tx) (err error) {
			due, found, err = tx.NextDue()
			return err
		})
		return due, found
	}
	_, found := next()
	assert.False(t, found)
	epoch := f.begin()
	first := f.enqueue("00u1", HookPriority)
	f.claim(epoch, 1)
	_, found = next()
	assert.False(t, found, "what is in the worker's hands is not to come")
	f.do(func(tx *Tx) error { return tx.Retry(epoch, first, noon.Add(time.Hour), true, "503") })
	due, found := next()
	assert.True(t, found)
	assert.Equal(t, noon.Add(time.Hour), due)
	f.enqueue("00u2", WalkPriority)
	due, _ = next()
	assert.Equal(t, noon, due)
}

func TestQueueCounts(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	dead, waiting, done := f.enqueue("00u1", HookPriority), f.enqueue("00u2", HookPriority), f.enqueue("00u3", HookPriority)
	f.claim(epoch, 10)
	f.do(func(tx *Tx) error {
		if err := tx.Close(epoch, dead, StateDead, "gave up"); err != nil {
			return err
		}
		if err := tx.Close(epoch, done, StateDone, ""); err != nil {
			return err
		}
		return tx.Retry(epoch, waiting, noon.Add(time.Hour), true, "503")
	})
	f.now = noon.Add(time.Minute)
	f.enqueue("00u4", HookPriority)
	f.claim(epoch, 1)
	f.now = noon.Add(3 * time.Minute)
	f.enqueue("00u5", HookPriority)
	var q Queue
	f.see(func(tx *Tx) (err error) {
		q, err = tx.Queue()
		return err
	})
	assert.Equal(t, Queue{Ready: 2, Waiting: 1, Dead: 1, Oldest: 2 * time.Minute}, q)
}

func TestC5_FirstOutcomeOfARow(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	tried := func(id int64) bool { return f.row(id).Tried() }
	id := f.enqueue("00u1", HookPriority)
	assert.False(t, tried(id), "nobody has looked yet")
	f.claim(epoch, 1)
	assert.False(t, tried(id), "it is being tried")
	f.do(func(tx *Tx) error { return tx.Retry(epoch, id, noon, true, "503") })
	assert.True(t, tried(id))
	f.claim(epoch, 1)
	f.do(func(tx *Tx) error { return tx.Close(epoch, id, StateDone, "") })
	assert.True(t, tried(id))

	late := f.enqueue("00u2", DeactivationPriority)
	f.claim(epoch, 1)
	f.do(func(tx *Tx) error { return tx.LookAgain(epoch, late, noon, 1) })
	assert.True(t, tried(late))

	err := f.db.View(t.Context(), func(tx *Tx) error {
		_, err := tx.RowState(99)
		return err
	})
	assert.ErrorContains(t, err, "outbox row 99")
}
