package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestM3_SkipSaysSinceWhenItsReasonHolds(t *testing.T) {
	f := setup(t)
	put := func(s Skip) {
		t.Helper()
		f.do(func(tx *Tx) error { return tx.PutSkip(s) })
	}
	same := func(want Skip) {
		t.Helper()
		f.see(func(tx *Tx) error {
			got, found, err := tx.Skip("00u1")
			assert.True(t, found)
			assert.Equal(t, want, got)
			return err
		})
	}
	s := Skip{OktaID: "00u1", Code: SkipMissing, Reason: "no last name", Login: "ann", Email: "Ann@example.com", OktaUpdated: noon,
		OktaStatus: "ACTIVE", Wish: "w"}
	put(s)
	s.Since, s.LastSeen, s.Fields = noon, noon, []string{}
	same(s)

	f.now = noon.Add(time.Hour)
	f.do(func(tx *Tx) error { return tx.SeeSkip("00u1") })
	s.LastSeen = f.now
	same(s)

	f.now = noon.Add(2 * time.Hour)
	s.Reason, s.OktaStatus, s.Wish = "no first name", "STAGED", "v"
	put(s)
	s.LastSeen = f.now
	same(s) // since stays: it is the same code

	f.now = noon.Add(3 * time.Hour)
	s.Code, s.Fields = SkipRefused, []string{"email", "title"}
	put(s)
	s.Since, s.LastSeen = f.now, f.now
	same(s)

	f.do(func(tx *Tx) error { return tx.DropSkip("00u1") })
	f.do(func(tx *Tx) error { return tx.DropSkip("00u1") })
	f.see(func(tx *Tx) error {
		_, found, err := tx.Skip("00u1")
		assert.False(t, found)
		return err
	})
}

func TestSkipsAreFoundAndCounted(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error {
		for _, s := range []Skip{
			{OktaID: "00u3", Code: SkipConflict, Email: "ann@example.com"},
			{OktaID: "00u1", Code: SkipConflict, Email: " ANN@example.com"},
			{OktaID: "00u2", Code: SkipMissing},
		} {
			if err := tx.PutSkip(s); err != nil {
				return err
			}
		}
		return nil
	})
	ids := func(skips []Skip, err error) (ids []string) {
		t.Helper()
		require.NoError(t, err)
		for _, s := range skips {
			ids = append(ids, s.OktaID)
		}
		return ids
	}
	f.see(func(tx *Tx) error {
		assert.Equal(t, []string{"00u1", "00u3"}, ids(tx.SkipsAt("ann@example.com")))
		assert.Empty(t, ids(tx.SkipsAt("")))
		assert.Equal(t, []string{"00u1", "00u2"}, ids(tx.SkipsAfter("", 2)))
		assert.Equal(t, []string{"00u3"}, ids(tx.SkipsAfter("00u2", 2)))
		count, err := tx.SkipCount()
		assert.Equal(t, map[SkipCode]int64{SkipConflict: 2, SkipMissing: 1}, count)
		return err
	})
}
