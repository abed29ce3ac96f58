package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheExpectedEndGoesByThePaceOfTheLastMinute(t *testing.T) {
	f := setup(t)
	expected := func() (left time.Duration, known bool) {
		f.see(func(tx *Tx) error {
			end, ok, err := tx.ExpectedEnd()
			if known = ok; ok {
				left = end.Sub(tx.Now)
			}
			return err
		})
		return left, known
	}
	enqueue := func(user string) {
		f.do(func(tx *Tx) error {
			_, err := tx.Enqueue(Promise{OktaID: user, Origin: FromHook, Priority: HookPriority})
			return err
		})
	}
	work := func(origin Origin, n int) {
		for range n {
			f.append(LogRow{Origin: string(origin), OktaID: "00u9", Action: ActNone, Outcome: OutcomeOK})
		}
	}
	work(FromHook, 3)
	f.now = f.now.Add(2 * time.Minute)
	_, known := expected()
	assert.False(t, known, "nothing waits")

	for range 2 {
		enqueue("00u1")
		enqueue("00u2")
	}
	enqueue("00u3")
	f.do(func(tx *Tx) error {
		return tx.run(`UPDATE outbox SET due = ? WHERE okta_id = '00u3'`, FormatTime(f.now.Add(time.Hour)))
	})
	_, known = expected()
	assert.False(t, known, "nothing was done in the last minute")

	work(FromHook, 10)
	work(Origin("operator"), 10)
	f.now = f.now.Add(20 * time.Second)
	left, known := expected()
	require.True(t, known)
	assert.Equal(t, 4*time.Second, left, "two users who are due, ten in twenty seconds")

	delivery, err := Pack([]Event{{UUID: "a", Type: UserUpdateProfile, Users: []string{"00u4"}}, {UUID: "b", Type: UserUpdateProfile, Users: []string{"00u1"}}})
	require.NoError(t, err)
	f.do(func(tx *Tx) error { return tx.Receive(delivery) })
	left, _ = expected()
	assert.Equal(t, 6*time.Second, left, "one more is in the inbox, and one of those again")
}
