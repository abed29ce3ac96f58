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

// tried lets a worker take up a user who has no link, and ZenQMS make his
// account. left is how the worker leaves the promise.
func (w *world) tried(left func(*store.Tx, store.Claim) error) oktatest.User {
	late := w.hire("Dan", "Poe", "ACTIVE")
	w.update(func(tx *store.Tx) error {
		_, err := tx.Enqueue(store.Promise{OktaID: late.ID, Origin: store.FromManual})
		require.NoError(w, err)
		epoch, err := tx.StartEpoch()
		require.NoError(w, err)
		claims, err := tx.Claim(epoch, 1)
		require.NoError(w, err)
		require.Len(w, claims, 1)
		return left(tx, claims[0])
	})
	w.acct.AddUser(zenqmstest.User{Email: late.Profile.Email, ExternalID: late.ID, Active: true})
	return late
}

func killed(*store.Tx, store.Claim) error { return nil }

func TestC3_AnAccountWhoseLinkWasNotWrittenDownIsClearedToo(t *testing.T) {
	for name, c := range map[string]struct {
		left  func(*store.Tx, store.Claim) error
		swept bool // --from-zenqms has found it as well
	}{
		"the worker was killed": {left: killed},
		"the answer was lost in an outage": {left: func(tx *store.Tx, c store.Claim) error {
			return tx.Retry(c.Epoch, c.Rows[0].ID, tx.Now.Add(time.Minute), false, "no answer")
		}},
		"it was given up": {left: func(tx *store.Tx, c store.Claim) error {
			return tx.Close(c.Epoch, c.Rows[0].ID, store.StateDead, "no answer")
		}},
		"it is found twice": {left: killed, swept: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.staffOf(t, 2)
			w.hire("Eve", "Fox", "ACTIVE") // nobody was trying her
			late := w.tried(c.left)
			w.acct.AddUser(zenqmstest.User{Email: "hr@example.com", ExternalID: "HR-4711", Active: true})
			w.acct.ResetCalls()

			u := w.unlinking()
			s, err := u.Survey(t.Context(), c.swept)
			require.NoError(t, err)
			if c.swept {
				require.Len(t, s.Found, 1)
			}
			r, err := u.Run(t.Context(), s, nil)
			require.NoError(t, err)
			assert.Equal(t, store.UnlinkCount{Cleared: 3}, r.UnlinkCount)
			assert.Equal(t, []string{"unlink ok"}, w.lastLog(late.ID, 1))
			assert.Equal(t, 3, w.cleared(), "the account of HR keeps its own")
			assert.Len(t, w.writes(), 3, "each once")
			w.onlyCleared()
		})
	}
}

func TestC3_ALookForWhatWasNotWrittenDownThatFailsIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	w.staffOf(t, 1)
	w.tried(killed)
	w.acct.SetToken("another")
	_, err := w.unlinking().Run(t.Context(), UnlinkSurvey{}, nil)
	var unfinished *ErrUnfinished
	require.ErrorAs(t, err, &unfinished)
	assert.ErrorContains(t, err, "look for accounts whose link was not written down")
	assert.Equal(t, Unlinking, w.stage().Life)

	w.acct.SetToken(zenqmstest.DefaultToken)
	r := w.unlink(false)
	assert.EqualValues(t, 2, r.Cleared)
	assert.Equal(t, 2, w.cleared())
	assert.Equal(t, Unlinked, w.stage().Life)
}
