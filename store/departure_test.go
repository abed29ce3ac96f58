package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDeparturesAreCountedAsOktaToldAndAsTheyWereCarriedOut(t *testing.T) {
	f := setup(t)
	since := func(many int) (at time.Time) {
		f.see(func(tx *Tx) (err error) {
			at, err = tx.DeparturesSince(many)
			return err
		})
		return at
	}
	assert.Zero(t, since(1), "nobody left")
	for minute := range 4 {
		f.now = noon.Add(time.Duration(minute) * time.Minute)
		f.append(LogRow{Origin: string(FromHook), OktaID: "00u1", Action: ActDeactivate, Outcome: OutcomeOK},
			LogRow{Origin: string(FromHook), OktaID: "00u1", Action: ActUpdate, Outcome: OutcomeOK})
	}
	assert.Equal(t, noon.Add(time.Minute), since(3))
	assert.Equal(t, noon, since(4))
	assert.Zero(t, since(5), "there were fewer")
	for minute := 10; minute < 13; minute++ {
		f.now = noon.Add(time.Duration(minute) * time.Minute)
		f.add(Event{UUID: f.now.String(), Type: UserSuspend, Users: []string{"00u2"}}, Event{UUID: f.now.String() + "x", Type: UserUpdateProfile, Users: []string{"00u2"}})
	}
	assert.Equal(t, noon.Add(11*time.Minute), since(2), "whichever is later")
	assert.Equal(t, noon, since(4), "the events are fewer")
}

func TestLoggedMore(t *testing.T) {
	f := setup(t)
	for range 3 {
		f.append(LogRow{Origin: string(FromReconcile), Run: 7, OktaID: "00u1", Action: ActNone, Outcome: OutcomeUnchanged})
	}
	f.see(func(tx *Tx) error {
		for than, want := range map[int]bool{2: true, 3: false} {
			more, err := tx.LoggedMore(7, than)
			require.NoError(t, err)
			assert.Equal(t, want, more, "%d", than)
		}
		return nil
	})
}
