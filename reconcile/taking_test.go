package reconcile

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/store"
)

// later is for tests that take claims and work on them by hand.
func later(store.Claim, *taking) {}

// asked is a channel that is closed once Okta is asked for a user.
func (w *world) asked(u oktatest.User) <-chan struct{} {
	asked := make(chan struct{})
	w.onceAsked("/api/v1/users/"+u.ID, func() { close(asked) })
	return asked
}

func TestE4_UntilAClaimIsDurableOktaIsAskedForTheUserAndNothingElseIsDone(t *testing.T) {
	for name, c := range map[string]struct {
		durable bool
		state   string
		writes  int
	}{
		"it becomes durable": {true, "done", 1},
		"it does not":        {false, "running", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *worldOptions) { o.groups = []string{"Plant A"} })
			u := w.hire("Ada", "Byron", "ACTIVE")
			w.org.AddMember(w.org.Groups()[1].ID, u.ID)
			w.hooks()
			claims := w.claim()
			require.Len(t, claims, 1)
			w.org.ResetCalls()
			w.acct.ResetCalls()
			asked, taking, done := w.asked(u), newTaking(), make(chan error, 1)
			go func() { done <- w.w.sync(t.Context(), claims[0], taking) }()

			<-asked
			assert.Empty(t, done, "E4")
			taking.end(c.durable)
			require.NoError(t, <-done)
			for _, state := range w.states(u.ID) {
				assert.Equal(t, c.state, state, "E4")
			}
			assert.Len(t, w.writes(), c.writes, "E4")
			if !c.durable {
				assert.Len(t, w.org.Calls(), 1, "E4: Okta's groups are asked for once there is something to do")
				assert.Empty(t, w.acct.Calls(), "E4: ZenQMS is not even read")
			}
		})
	}
}

func TestE4_OfAClaimThatCannotBeStoredNothingIsLeft(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.hooks()
	asked, done := w.asked(u), make(chan error, 1)
	claims, err := w.w.take(t.Context(), 1, func(tx *store.Tx, epoch int64, limit int) ([]store.Claim, error) {
		picked, err := tx.Claim(epoch, limit)
		return picked, errors.Join(err, os.Remove(w.db.Path()+"-wal")) // the commit goes where nobody finds it
	}, func(c store.Claim, taking *taking) {
		go func() { done <- w.w.sync(t.Context(), c, taking) }()
	})
	require.Error(t, err)
	assert.Empty(t, claims)
	<-asked
	require.NoError(t, <-done, "who waits for the claim is told")
	assert.Empty(t, w.writes(), "E4")
}
