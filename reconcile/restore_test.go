package reconcile

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/store"
)

// backup copies the store as it is.
func (w *world) backup() string {
	w.Helper()
	to := filepath.Join(w.TempDir(), "copy.db")
	_, err := store.Backup(context.Background(), w.db.Path(), to, false, nil)
	require.NoError(w, err)
	return to
}

// tryRestore puts a copy in the place of the store, and has a new worker begin.
func (w *world) tryRestore(from string) error {
	w.Helper()
	path := w.db.Path()
	require.NoError(w, w.db.Close())
	word := Restore{Actor: "olga", Reason: "a drill", From: from}
	_, err := store.Restore(context.Background(), path, from, nil, func(tx *store.Tx, with *store.Restoration) error {
		tx.Now = w.now() // the test's clock
		return word.Settle(context.Background(), tx, with)
	})
	db, openErr := store.Open(context.Background(), path)
	require.NoError(w, openErr)
	w.Cleanup(func() { require.NoError(w, db.Close()) })
	db.Now = w.now
	w.db, w.w.DB = db, db
	w.update(func(tx *store.Tx) (err error) {
		w.w.epoch, err = tx.StartEpoch()
		return err
	})
	return err
}

func (w *world) restore(from string) {
	w.Helper()
	require.NoError(w, w.tryRestore(from))
}

// due runs what is wanted by now, as the worker does, and returns the runs.
func (w *world) due() (kinds []store.RunKind) {
	w.Helper()
	for {
		run, started, err := w.w.startRun(context.Background())
		require.NoError(w, err)
		if !started {
			break
		}
		kinds = append(kinds, run.Kind)
		require.NoError(w, w.w.walk(context.Background(), run))
	}
	w.drain()
	return kinds
}

func TestARestoreFindsWhatTheCopyHasMissed(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.hire("Ann", "Lee", "ACTIVE"), w.hire("Bob", "Roy", "ACTIVE")
	w.sync()
	from := w.backup()
	// Since then: a change, a leaver and somebody new, all of it done, and somebody new of whom no hook told.
	w.pass(time.Minute)
	w.org.UpdateProfile(ann.ID, func(p *oktatest.Profile) { p.Title = "Boss" })
	w.org.SetStatus(bob.ID, "DEPROVISIONED")
	cyd := w.hire("Cyd", "Fox", "ACTIVE")
	w.sync()
	dan := w.hire("Dan", "Poe", "ACTIVE")
	w.org.DropAll()
	require.Len(t, w.acct.Users(), 3)
	w.acct.ResetCalls()

	w.pass(time.Minute)
	w.restore(from)
	assert.Equal(t, store.Link{}, w.link(cyd.ID), "the copy does not know her")
	assert.Equal(t, []store.RunKind{store.ReconcileRun}, w.due(), "a reconcile follows by itself")
	assert.Len(t, w.acct.Users(), 4, "L1: nobody is created twice")
	assert.Len(t, w.writes(), 1, "and nothing else is written: the rest is as it should be")
	for name, id := range map[string]string{"ann": ann.ID, "bob": bob.ID, "cyd": cyd.ID, "dan": dan.ID} {
		assert.Equal(t, w.account(id).ID > 0, w.link(id).ZenQMSID != "", name)
	}
	assert.False(t, w.account(bob.ID).Active)
	assert.Equal(t, "Boss", w.account(ann.ID).Title)
	w.acct.ResetCalls()
	w.walk(store.ReconcileRun)
	assert.Empty(t, w.writes(), "K4")
}

// Whoever was linked to another since the copy was made stays so (L5).
func TestARestoreBringsNoLinkBackThatMoved(t *testing.T) {
	w := newWorld(t)
	old := w.hire("Ada", "King", "ACTIVE")
	w.sync()
	from := w.backup()
	w.org.SetStatus(old.ID, "DEPROVISIONED")
	w.pass(time.Second)
	again := w.org.AddUser(oktatest.Profile{Login: "ada2@example.com", Email: "ada.king@example.com", FirstName: "Ada", LastName: "King"}, oktatest.Active) // a rehire
	w.sync()
	require.Equal(t, again.ID, w.acct.Users()[0].ExternalID)

	w.restore(from)
	w.due()
	assert.Len(t, w.acct.Users(), 1)
	assert.Equal(t, again.ID, w.acct.Users()[0].ExternalID, "L5: the account is the rehired one's")
	assert.True(t, w.acct.Users()[0].Active)
	assert.NotEmpty(t, w.link(again.ID).ZenQMSID)
	assert.Empty(t, w.link(old.ID).ZenQMSID)
}

func TestARestoreKeepsWhatPeopleSaidNoTo(t *testing.T) {
	w := newWorld(t)
	bob := w.hire("Bob", "Roy", "ACTIVE")
	w.sync()
	from := w.backup()
	w.w.Brake.Deactivations = Limit{}
	w.org.SetStatus(bob.ID, "SUSPENDED")
	w.sync()
	require.Len(t, w.holds(), 1)
	require.NoError(t, Ruling{Actor: "olga", Reason: "he is back on Monday"}.Discard(context.Background(), w.db, w.holds()))

	w.w.Brake.Deactivations = Limit{10, 5} // the brake alone would let it through
	w.restore(from)
	w.due()
	assert.True(t, w.account(bob.ID).Active, "B2: discard stands until the user moves again")
	assert.Empty(t, w.holds())
	w.org.SetStatus(bob.ID, "ACTIVE")
	w.pass(time.Second)
	w.org.SetStatus(bob.ID, "SUSPENDED")
	w.sync()
	assert.False(t, w.account(bob.ID).Active, "and no longer")
}

func TestARestoreKeepsWhatTheBrakeHasLetThrough(t *testing.T) {
	w := newWorld(t)
	w.w.Brake.Deactivations = Limit{Max: 1}
	var all []oktatest.User
	for _, name := range []string{"Ann", "Bob", "Cyd"} {
		all = append(all, w.hire(name, "Lee", "ACTIVE"))
	}
	w.sync()
	from := w.backup()
	w.org.SetStatus(all[0].ID, "SUSPENDED")
	w.sync()
	require.Equal(t, 2, w.activeCount())

	w.restore(from)
	w.org.SetStatus(all[1].ID, "SUSPENDED")
	w.sync()
	assert.Equal(t, 2, w.activeCount(), "B1: one in the hour, and that was before the restore")
	assert.Len(t, w.holds(), 1)
}

func TestARestoreKeepsWhatIsHeld(t *testing.T) {
	w := newWorld(t)
	w.w.Brake.Deactivations = Limit{}
	bob := w.hire("Bob", "Roy", "ACTIVE")
	w.sync()
	w.org.SetStatus(bob.ID, "SUSPENDED")
	w.sync()
	from := w.backup()
	require.NoError(t, Ruling{Actor: "olga", Reason: "yes"}.Approve(context.Background(), w.db, w.holds()))
	w.drain()
	require.False(t, w.account(bob.ID).Active)
	w.acct.ResetCalls()

	w.restore(from)
	assert.Len(t, w.holds(), 1, "B2: what the copy holds waits for a person")
	w.due()
	assert.Empty(t, w.writes())
	require.NoError(t, Ruling{Actor: "olga", Reason: "yes, as before"}.Approve(context.Background(), w.db, w.holds()))
	w.drain()
	assert.Empty(t, w.holds())
	assert.Empty(t, w.writes(), "it is done already")
}

func TestARestoreKeepsAPause(t *testing.T) {
	w := newWorld(t)
	w.hire("Ann", "Lee", "ACTIVE")
	w.sync()
	from := w.backup()
	w.pass(time.Minute)
	p := Pause{Actor: "olga", Reason: "an audit"}
	_, _, err := p.Begin(context.Background(), w.db)
	require.NoError(t, err)
	paused := w.now()
	w.hire("Bob", "Roy", "ACTIVE")

	w.pass(time.Minute)
	w.restore(from)
	w.view(func(tx *store.Tx) error {
		stage, err := StageOf(tx)
		assert.Equal(t, Stage{Paused, "olga", paused, "an audit"}, stage, "C2: nothing is sent until a person resumes")
		return err
	})
	assert.Empty(t, w.due())
	_, err = p.End(context.Background(), w.db)
	require.NoError(t, err)
	assert.Equal(t, []store.RunKind{store.ReconcileRun}, w.due())
	assert.Len(t, w.acct.Users(), 2)
}

// A walk rests on what it read: it is not carried out with what the copy knows.
func TestARestoreDropsWhatWalksHadPromised(t *testing.T) {
	for kind, c := range map[store.RunKind]struct{ follows store.RunKind }{
		store.ReconcileRun: {store.ReconcileRun},
		store.InitialRun:   {store.InitialRun}, // deploy pushes, whoever moved (W1)
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			ann := w.hire("Ann", "Lee", "ACTIVE")
			w.sync()
			w.org.UpdateProfile(ann.ID, func(p *oktatest.Profile) { p.Title = "Boss" })
			w.org.DropAll()
			w.walkReading(kind)
			require.Equal(t, "open", w.states(ann.ID)[len(w.states(ann.ID))-1])
			from := w.backup()
			w.drain()
			w.pass(time.Minute)
			w.org.UpdateProfile(ann.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
			w.sync()
			w.acct.ResetCalls()

			w.restore(from)
			w.drain()
			assert.Empty(t, w.writes(), "the title of then is not sent once more")
			assert.Equal(t, []store.RunKind{c.follows}, w.due())
			assert.Equal(t, "Chief", w.account(ann.ID).Title)
			assert.Empty(t, w.writes())
		})
	}
}

// What a dead worker, or one that was up while the copy was made, had in its
// hands is tried by the next.
func TestARestoreTakesUpWhatWasUnderWay(t *testing.T) {
	w := newWorld(t)
	ann := w.hire("Ann", "Lee", "ACTIVE")
	w.hooks()
	var from string
	w.update(func(tx *store.Tx) error {
		claims, err := tx.Claim(w.w.epoch, 1)
		require.Len(t, claims, 1)
		return err
	})
	from = w.backup()
	w.manual(ann.ID) // it has gone on since

	w.restore(from)
	w.due()
	assert.NotEmpty(t, w.link(ann.ID).ZenQMSID)
	assert.Len(t, w.acct.Users(), 1)
	for _, state := range w.states(ann.ID) {
		assert.NotContains(t, []string{"running", "open"}, state)
	}
}

func TestARestoreIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*world)
		is      error
		as      any
	}{
		"of links that were cleared since": {func(w *world) {
			w.update(func(tx *store.Tx) error { return enter(tx, Unlinking, "olga", "") })
			w.update(func(tx *store.Tx) error { return enter(tx, Unlinked, "olga", "") })
		}, ErrRestoreUnlinked, nil},
		"while they are being cleared": {func(w *world) {
			w.update(func(tx *store.Tx) error { return enter(tx, Unlinking, "olga", "") })
		}, ErrRestoreUnlinked, nil},
		"over another pair's store (C7)": {func(w *world) {
			w.update(func(tx *store.Tx) error { return Binding{"https://other.okta.com", "https://other"}.bind(tx) })
		}, nil, new(*ErrForeign)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.hire("Ann", "Lee", "ACTIVE")
			w.sync()
			from := w.backup()
			c.prepare(w)
			before, err := os.ReadDir(filepath.Dir(w.db.Path()))
			require.NoError(t, err)
			err = w.tryRestore(from)
			if c.as != nil {
				require.ErrorAs(t, err, c.as)
			} else {
				require.ErrorIs(t, err, c.is)
			}
			after, err := os.ReadDir(filepath.Dir(w.db.Path()))
			require.NoError(t, err)
			assert.Len(t, after, len(before), "nothing is kept of what was not replaced")
		})
	}
	t.Run("of another pair's copy (C7)", func(t *testing.T) {
		w := newWorld(t)
		w.update(func(tx *store.Tx) error { return Binding{"https://other.okta.com", "https://other"}.bind(tx) })
		from := w.backup()
		w.update(func(tx *store.Tx) error { return Binding{}.bind(tx) })
		require.ErrorAs(t, w.tryRestore(from), new(*ErrForeign))
	})
}
