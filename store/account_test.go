package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestL1_AccountsAreFoundByLinkAndAddress(t *testing.T) {
	f := setup(t)
	ann := Account{ZenQMSID: "z2", ExternalID: "00u1", Email: "Ann@Example.com", FirstName: "Ann", LastName: "Lee", Title: "QA", Active: true}
	twin := Account{ZenQMSID: "z1", ExternalID: "00u1", Email: " ann@example.com"}
	bare := Account{ZenQMSID: "z3"}
	f.do(func(tx *Tx) error {
		for _, a := range []Account{ann, twin, bare} {
			if err := tx.PutAccount(a, 1); err != nil {
				return err
			}
		}
		return nil
	})
	f.see(func(tx *Tx) error {
		all, err := tx.AccountsByExternalID("00u1")
		require.NoError(t, err)
		assert.Equal(t, []Account{twin, ann}, all, "all that match, for the caller to judge")
		all, err = tx.AccountsAt("ann@example.com")
		require.NoError(t, err)
		assert.Equal(t, []Account{twin, ann}, all)
		all, err = tx.AccountsByExternalID("")
		require.NoError(t, err)
		assert.Empty(t, all, "no link is not a link they share")
		all, err = tx.AccountsAt("")
		require.NoError(t, err)
		assert.Empty(t, all)
		one, found, err := tx.AccountByID("z2")
		assert.True(t, found)
		assert.Equal(t, ann, one)
		return err
	})
}

func TestAccountsNoLongerSeenAreForgotten(t *testing.T) {
	f := setup(t)
	put := func(id string, generation int64) {
		t.Helper()
		f.do(func(tx *Tx) error { return tx.PutAccount(Account{ZenQMSID: id}, generation) })
	}
	put("gone", 1)
	put("seen", 1)
	put("seen", 2)
	put("late", 2)
	put("late", 0)  // written while the reading was under way: keeps what it had
	put("fresh", 0) // created meanwhile: the reading could not see it
	f.do(func(tx *Tx) error { return tx.DropAccountsBefore(2) })
	assert.Equal(t, []string{"fresh", "late", "seen"}, f.texts(`SELECT zenqms_id FROM account ORDER BY zenqms_id`))
	f.do(func(tx *Tx) error { return tx.DropAccountsBefore(3) })
	assert.Equal(t, []string{"fresh"}, f.texts(`SELECT zenqms_id FROM account ORDER BY zenqms_id`))
	f.do(func(tx *Tx) error { return tx.DropAccount("fresh") })
	assert.Zero(t, f.number(`SELECT count(*) FROM account`))
}

// A page of a list may be answered before a write of ours and written down after
// it.
func TestM5_AListDoesNotUndoWhatWasToldSince(t *testing.T) {
	f := setup(t)
	asked := f.now
	f.do(func(tx *Tx) error { return tx.ListAccount(Account{ZenQMSID: "7", Title: "Analyst"}, 1, asked) })
	f.now = f.now.Add(time.Second)
	f.do(func(tx *Tx) error { return tx.PutAccount(Account{ZenQMSID: "7", Title: "Chief"}, 1) })
	f.now = f.now.Add(time.Second)
	title := func() (title string) {
		f.see(func(tx *Tx) error {
			a, found, err := tx.AccountByID("7")
			assert.True(t, found)
			title = a.Title
			return err
		})
		return title
	}
	f.do(func(tx *Tx) error {
		if err := tx.ListAccount(Account{ZenQMSID: "7", Title: "Analyst"}, 2, asked); err != nil {
			return err
		}
		return tx.DropAccountsBefore(2)
	})
	assert.Equal(t, "Chief", title(), "what was told since stays, and the reading has seen it")
	f.do(func(tx *Tx) error { return tx.ListAccount(Account{ZenQMSID: "7", Title: "By hand"}, 2, f.now) })
	assert.Equal(t, "By hand", title())
}
