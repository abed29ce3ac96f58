package crowd

import (
	"context"
	"fmt"
	"strconv"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// fillBatch is how many people one transaction writes.
const fillBatch = 10_000

// Fill brings a new store where an initial sync would have left it: everybody
// is in the directory and linked, ZenQMS's users are in the index, and nothing
// is left to do. ZenQMS's ids are the people's numbers and 1. There is no log:
// it would take longer than what is to be measured.
func Fill(ctx context.Context, db *store.DB, o *Org) error {
	for from := 0; from < o.n; from += fillBatch {
		if err := db.Update(ctx, func(tx *store.Tx) error {
			for i := from; i < min(from+fillBatch, o.n); i++ {
				if err := fillOne(tx, o.Person(i), strconv.Itoa(i+1)); err != nil {
					return fmt.Errorf("fill the store, person %d: %w", i, err)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return db.Update(ctx, func(tx *store.Tx) error {
		for key, value := range map[string]string{
			store.LifeState: string(reconcile.Active), store.AccountsReads: "1", store.AccountsRead: store.FormatTime(tx.Now),
		} {
			if err := tx.SetSetting(key, value); err != nil {
				return err
			}
		}
		return nil
	})
}

func fillOne(tx *store.Tx, p store.Person, zenqmsID string) error {
	if _, err := tx.PutPerson(p); err != nil {
		return err
	}
	if err := tx.PutLink(store.Link{OktaID: p.OktaID, ZenQMSID: zenqmsID, Email: p.Email, Active: true,
		OktaUpdated: p.Updated, OktaStatus: p.Status, Wish: reconcile.Policy{}.Wish(p)}); err != nil {
		return err
	}
	return tx.PutAccount(store.Account{ZenQMSID: zenqmsID, ExternalID: p.OktaID, Email: p.Email,
		FirstName: p.FirstName, LastName: p.LastName, Title: p.Title, Active: true}, 1)
}
