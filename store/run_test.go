package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (f *fixture) want(kind RunKind, actor string, at time.Time) (id int64) {
	f.Helper()
	f.do(func(tx *Tx) (err error) {
		id, err = tx.WantRun(kind, actor, at)
		return err
	})
	return id
}

func (f *fixture) start() (r Run, found bool) {
	f.Helper()
	f.do(func(tx *Tx) (err error) {
		r, found, err = tx.StartRun()
		return err
	})
	return r, found
}

func (f *fixture) end(id int64, why string) {
	f.Helper()
	f.do(func(tx *Tx) error { return tx.EndRun(id, why) })
}

func (f *fixture) run(id int64) (r Run) {
	f.Helper()
	f.see(func(tx *Tx) (err error) {
		r, err = tx.Run(id)
		return err
	})
	return r
}

func TestK1_WantedRunIsJoined(t *testing.T) {
	f := setup(t)
	first := f.want(ReconcileRun, "root", noon)
	assert.Equal(t, first, f.want(ReconcileRun, "", noon.Add(time.Minute)), "one that starts no later serves as well")
	assert.NotEqual(t, first, f.want(ReconcileRun, "", noon.Add(-time.Minute)), "one that starts later does not")
	assert.NotEqual(t, first, f.want(InitialRun, "root", noon), "nor one of another kind")
	assert.Equal(t, Run{ID: first, Kind: ReconcileRun, State: RunWanted, Actor: "root", Wanted: noon}, f.run(first))
}

func TestK1_RunUnderWayIsNotJoined(t *testing.T) {
	f := setup(t)
	first := f.want(ReconcileRun, "", noon)
	_, found := f.start()
	require.True(t, found)
	second := f.want(ReconcileRun, "", noon)
	assert.NotEqual(t, first, second, "it may have read past what the new one is to see")
}

func TestRunsAreStartedInTheirOrder(t *testing.T) {
	f := setup(t)
	next := func() (at time.Time, found bool) {
		t.Helper()
		f.see(func(tx *Tx) (err error) {
			at, found, err = tx.NextRun()
			return err
		})
		return at, found
	}
	_, found := next()
	assert.False(t, found)
	_, found = f.start()
	assert.False(t, found)

	late := f.want(ReconcileRun, "", noon.Add(time.Hour))
	early := f.want(InitialRun, "", noon.Add(time.Minute))
	at, _ := next()
	assert.Equal(t, noon.Add(time.Minute), at)
	_, found = f.start()
	assert.False(t, found, "not before its time")
	f.now = noon.Add(2 * time.Hour)
	r, _ := f.start()
	assert.Equal(t, Run{ID: early, Kind: InitialRun, State: RunRunning, Wanted: noon.Add(time.Minute), Started: f.now}, r)
	r, _ = f.start()
	assert.Equal(t, late, r.ID)
}

func TestK1_RunThatWasCutOffStartsAnew(t *testing.T) {
	f := setup(t)
	id := f.want(ReconcileRun, "", noon)
	f.start()
	f.do(func(tx *Tx) error { return tx.CountRun(id, 100, 90, 2) })
	f.do(func(tx *Tx) error { return tx.CountRun(id, 100, 90, 2) })
	r := f.run(id)
	assert.Equal(t, []int64{200, 180, 4}, []int64{r.Users, r.Unchanged, r.Skipped})

	f.do(func(tx *Tx) error { return tx.RequeueRuns() })
	assert.Equal(t, RunWanted, f.run(id).State)
	f.now = noon.Add(time.Hour)
	r, found := f.start()
	assert.True(t, found)
	assert.Equal(t, Run{ID: id, Kind: ReconcileRun, State: RunRunning, Wanted: noon, Started: f.now}, r, "nothing of the first try counts")
}

func TestRunEndsWellOrNot(t *testing.T) {
	f := setup(t)
	last := func() (r Run, found bool) {
		t.Helper()
		f.see(func(tx *Tx) (err error) {
			r, found, err = tx.LastRun()
			return err
		})
		return r, found
	}
	_, found := last()
	assert.False(t, found)
	good, bad := f.want(InitialRun, "", noon), f.want(ReconcileRun, "", noon)
	f.start()
	f.start()
	assert.False(t, f.run(good).Over())
	f.end(bad, "Okta could not be read")
	f.now = noon.Add(time.Minute)
	f.end(good, "")

	r := f.run(bad)
	assert.True(t, r.Over())
	assert.Equal(t, RunFailed, r.State)
	assert.Equal(t, "Okta could not be read", r.Error)
	r, found = last()
	assert.True(t, found)
	assert.Equal(t, good, r.ID)
	assert.Equal(t, RunDone, r.State)
	assert.Equal(t, f.now, r.Finished)
	f.do(func(tx *Tx) error { return tx.RequeueRuns() })
	assert.True(t, f.run(good).Over(), "what is over is not done again")

	err := f.db.View(t.Context(), func(tx *Tx) error {
		_, err := tx.Run(99)
		return err
	})
	assert.ErrorContains(t, err, "run 99")
}

func TestProgressOfARun(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	run := f.want(ReconcileRun, "", noon)
	f.do(func(tx *Tx) error {
		for _, user := range []string{"done", "retried", "dead", "looked", "untouched"} {
			if _, err := tx.Enqueue(Promise{OktaID: user, Origin: FromReconcile, Priority: WalkPriority, Run: run}); err != nil {
				return err
			}
		}
		_, err := tx.Enqueue(Promise{OktaID: "elsewhere", Origin: FromHook, Priority: WalkPriority})
		return err
	})
	later := noon.Add(time.Minute)
	f.claim(epoch, 4)
	f.do(func(tx *Tx) error {
		for _, err := range []error{
			tx.Close(epoch, 1, StateDone, ""), tx.Retry(epoch, 2, later, true, "503"),
			tx.Close(epoch, 3, StateDead, "gave up"), tx.LookAgain(epoch, 4, later.Add(time.Minute), 1),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	var p Progress
	f.see(func(tx *Tx) (err error) {
		p, err = tx.Progress(run)
		return err
	})
	assert.Equal(t, Progress{Total: 5, Tried: 4, Left: 1, Next: later, Dead: 1}, p)
}

func TestLastReconcileIsAWalkOverAllUsers(t *testing.T) {
	f := setup(t)
	f.see(func(tx *Tx) error {
		_, any, err := tx.LastReconcile(RunDone, RunFailed)
		assert.False(t, any)
		return err
	})
	end := func(kind RunKind, why string) (id int64) {
		f.now = f.now.Add(time.Hour)
		f.do(func(tx *Tx) (err error) {
			if id, err = tx.WantRun(kind, "", tx.Now); err != nil {
				return err
			}
			if _, _, err = tx.StartRun(); err != nil {
				return err
			}
			return tx.EndRun(id, why)
		})
		return id
	}
	done := end(InitialRun, "")
	failed := end(ReconcileRun, "Okta is down")
	end(ManualRun, "")
	f.see(func(tx *Tx) error {
		last, any, err := tx.LastReconcile(RunDone, RunFailed)
		require.NoError(t, err)
		assert.True(t, any)
		assert.Equal(t, failed, last.ID)
		last, any, err = tx.LastReconcile(RunDone)
		assert.True(t, any)
		assert.Equal(t, done, last.ID)
		return err
	})
}
