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

// ask is `zensync sync USER...`, and the work it makes. The run is 0 when it
// was none.
func (w *world) ask(users ...oktatest.User) (run int64) {
	w.Helper()
	w.pass(time.Second)
	asked := Naming{Brake: w.w.Brake, Actor: "olga"}
	for _, u := range users {
		asked.Users = append(asked.Users, u.ID)
	}
	w.update(func(tx *store.Tx) (err error) {
		_, run, err = asked.Ask(tx)
		return err
	})
	if run != 0 {
		w.start(run)
	}
	w.drain()
	return run
}

// start has the worker begin a run that is wanted, and end it.
func (w *world) start(id int64) {
	w.Helper()
	var run store.Run
	w.update(func(tx *store.Tx) (err error) {
		run, _, err = tx.StartRun()
		return err
	})
	require.Equal(w, id, run.ID)
	require.NoError(w, w.w.walk(w.Context(), run))
}

func TestB1_ASyncOfMoreUsersThanTheLimitIsARun(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:11])
	w.acct.Edit(w.account(users[20].ID).ID, func(z *zenqmstest.User) { z.Title = "By hand" })
	run := w.ask(append(users[:11:11], users[20])...)
	require.NotZero(t, run)
	assert.Equal(t, 40, w.activeCount(), "B1: 11 are more than 10, so ALL are held")
	assert.Len(t, w.report("held", store.ReportArgs{Run: run}), 11)
	assert.Equal(t, "Analyst", w.account(users[20].ID).Title, "B1: everything else goes on, and W1: sync pushes")
	rows := w.report("runs", store.ReportArgs{Run: run})
	require.Len(t, rows, 1)
	assert.Equal(t, "manual", rows[0]["kind"])
	assert.Equal(t, "done", rows[0]["state"])
	assert.EqualValues(t, 12, rows[0]["users"])
	assert.EqualValues(t, 11, rows[0]["held"])
	log := w.report("log", store.ReportArgs{User: users[0].ID, Limit: 1})[0]
	assert.Equal(t, "olga", log["actor"])
	assert.Equal(t, "manual", log["origin"])
}

func TestB1_FewEnoughOfALargeSyncGoThrough(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:10])
	require.NotZero(t, w.ask(users[:12]...))
	assert.Equal(t, 30, w.activeCount())
	assert.Empty(t, w.holds())
}

func TestB1_TheLimitOfASyncIsTheSmallestOfTheThree(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	for _, limit := range []*Limit{&w.w.Brake.Deactivations, &w.w.Brake.Activations, &w.w.Brake.RoleRemovals} {
		before := *limit
		assert.Zero(t, w.ask(users[:10]...), "B1: as many as the limit are no run")
		limit.Max, limit.Percent = 9, 0
		assert.NotZero(t, w.ask(users[:10]...))
		limit.Max = 0
		assert.Zero(t, w.ask(users[0]), "B1: one user is never a run")
		*limit = before
	}
}

func TestB2_SmallManualSyncsAreNotCounted(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:20])
	require.Zero(t, w.ask(users[:10]...))
	require.Zero(t, w.ask(users[10:20]...))
	assert.Equal(t, 20, w.activeCount())
	w.layoff(users[20:30])
	w.walk(store.ReconcileRun)
	assert.Equal(t, 10, w.activeCount(), "B2: what was asked for by name has spent nothing")
}

func TestB2_ALargeSyncDoesNotCarryOutWhatIsHeld(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:11])
	w.walk(store.ReconcileRun)
	held := w.holds()
	require.Len(t, held, 11)
	require.NotZero(t, w.ask(users[:12]...))
	assert.Equal(t, 40, w.activeCount(), "B2: one of so many is not named")
	assert.Equal(t, held, w.holds(), "B2: no second one")
	w.ask(users[0])
	assert.Equal(t, 39, w.activeCount(), "B2: he was named")
}

func TestK1_ALargeSyncAsksForEveryoneAndOnce(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:11])
	w.org.UpdateProfile(users[12].ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.hooks() // an open row of his own
	asked := Naming{Brake: w.w.Brake, Actor: "olga"}
	for _, u := range users[:13] {
		asked.Users = append(asked.Users, u.ID)
	}
	var run int64
	w.update(func(tx *store.Tx) (err error) {
		_, run, err = asked.Ask(tx)
		return err
	})
	w.start(run)
	w.update(func(tx *store.Tx) error { // the worker dies before the run is noted as ended
		_, err := tx.WantManualRun(asked.Users, "olga")
		return err
	})
	w.start(run + 1)
	w.drain()
	for _, u := range users[:13] {
		w.view(func(tx *store.Tx) error {
			row, found, err := tx.RowOf(run, u.ID)
			require.True(t, found, "somebody waits for what comes of %s", u.ID)
			state, err2 := tx.RowState(row)
			assert.True(t, state.Tried())
			require.NoError(t, err2)
			return err
		})
	}
	assert.Len(t, w.holds(), 11, "B2: no second one for the same")
	assert.Equal(t, "Chief", w.account(users[12].ID).Title)
}

func TestM2_ALargeSyncTakesA404ForDeleted(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.org.Delete(users[0].ID)
	w.org.DropAll()
	require.NotZero(t, w.ask(users[:12]...))
	assert.False(t, w.account(users[0].ID).Active)
}
