package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLetThroughIsAnOpenPromiseWithThatAction(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	through := func() (through, other bool) {
		f.see(func(tx *Tx) (err error) {
			if through, err = tx.LetThrough("00u1", ActDeactivate); err != nil {
				return err
			}
			other, err = tx.LetThrough("00u1", ActActivate)
			return err
		})
		return through, other
	}
	want := func(want bool, when string) {
		t.Helper()
		got, other := through()
		assert.Equal(t, want, got, when)
		assert.False(t, other, when)
	}
	f.enqueue("00u1", HookPriority)
	want(false, "nobody was asked")
	var id int64
	f.do(func(tx *Tx) (err error) {
		id, err = tx.Enqueue(Promise{OktaID: "00u1", Origin: FromReconcile, Cleared: ActDeactivate})
		return err
	})
	want(true, "open")
	f.claim(epoch, 1)
	want(true, "running")
	f.do(func(tx *Tx) error { return tx.Close(epoch, id, StateDone, "") })
	want(false, "over")
}

func TestEndedSinceGoesByTheEnd(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	ended := func(since time.Time) (ended bool) {
		f.see(func(tx *Tx) (err error) {
			ended, err = tx.EndedSince("00u1", since)
			return err
		})
		return ended
	}
	id := f.enqueue("00u1", HookPriority)
	f.claim(epoch, 1)
	assert.False(t, ended(f.now), "it is under way")
	f.do(func(tx *Tx) error { return tx.Close(epoch, id, StateDone, "") })
	assert.True(t, ended(f.now))
	assert.False(t, ended(f.now.Add(time.Second)))
}
