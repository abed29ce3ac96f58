package reconcile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/store"
)

func TestL3_RelinkByAnOperatorMovesTheLink(t *testing.T) {
	for _, status := range []string{"DEPROVISIONED", "SUSPENDED", "deleted"} {
		w := newWorld(t)
		old := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		z := w.account(old.ID)
		if status == "deleted" {
			w.org.Delete(old.ID)
		} else {
			w.org.SetStatus(old.ID, status)
		}
		w.sync()
		w.pass(time.Hour)
		married := w.org.AddUser(oktatest.Profile{Login: "ada2", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "King"}, "ACTIVE")
		w.sync()
		require.Equal(t, store.SkipConflict, w.skip(married.ID).Code)

		_, err := w.w.Relink(t.Context(), Relink{New: married.ID, Old: old.ID, Actor: "olga", Reason: "married"})
		require.NoError(t, err)
		w.drain()
		got := w.account(married.ID)
		assert.Equal(t, z.ID, got.ID, "L3: the link moves")
		assert.Equal(t, "King", got.LastName, "L3: NEW is synced")
		assert.True(t, got.Active)
		assert.Empty(t, w.skip(married.ID).Code)
		assert.Empty(t, w.link(old.ID).OktaID)
		assert.Empty(t, w.link(married.ID).TakenFrom)
		rows := w.report("log", store.ReportArgs{User: married.ID, Limit: 2})
		assert.Equal(t, "olga", rows[1]["actor"])
		assert.Contains(t, rows[1]["changes"], "married", "who and why are logged")
	}
}

func TestL3_RelinkRefusesAnythingElse(t *testing.T) {
	w := newWorld(t)
	live, gone, stranger := w.hire("A", "Live", "ACTIVE"), w.hire("B", "Gone", "ACTIVE"), w.hire("C", "Unlinked", "DEPROVISIONED")
	w.sync()
	w.org.SetStatus(gone.ID, "DEPROVISIONED")
	w.sync()
	unlinked := w.org.AddUser(oktatest.Profile{Email: "d@example.com", FirstName: "D"}, "ACTIVE") // skipped: no last name
	w.sync()
	for name, r := range map[string]Relink{
		"the new one is linked":     {New: live.ID, Old: gone.ID},
		"the new one is gone":       {New: stranger.ID, Old: gone.ID},
		"the old one is live":       {New: unlinked.ID, Old: live.ID},
		"the old one is not linked": {New: unlinked.ID, Old: stranger.ID},
	} {
		_, err := w.w.Relink(t.Context(), r)
		assert.ErrorIs(t, err, ErrRelink, name)
	}
	w.deliver(oktatest.Event{UUID: "x", Type: store.UserUpdateProfile, Targets: []oktatest.Target{{ID: gone.ID, Type: "User"}}})
	r := Relink{New: unlinked.ID, Old: gone.ID}
	tried := func() (tried bool) {
		w.view(func(tx *store.Tx) (err error) {
			tried, err = r.Tried(tx)
			return err
		})
		return tried
	}
	_, err := w.w.Relink(t.Context(), r)
	assert.ErrorIs(t, err, ErrBusy)
	assert.ErrorIs(t, err, ErrRelink)
	assert.False(t, tried(), "a worker has still to do it")
	w.org.Fail(oktatest.Match{Route: "/api/v1/users/{id}"}, -1, oktatest.Fault{Status: 500})
	w.drain()
	assert.True(t, tried(), "it waits for another attempt")
	w.org.ClearFaults()
	_, err = w.w.Relink(t.Context(), r)
	assert.ErrorIs(t, err, ErrBusy)
}
