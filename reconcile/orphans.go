package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// orphans are accounts that carry the id of a user whom a sync was trying when
// the unlinking began, and who has no link: ZenQMS may have made his account,
// and the answer was lost, or the worker was killed before it wrote the link
// down. With no such user it makes no call; else it reads all of ZenQMS, whose
// filter by external_id may be ignored.
func (u *Unlink) orphans(ctx context.Context, run int64) (found []Stray, err error) {
	tried := map[string]bool{}
	if err := u.DB.View(ctx, func(tx *store.Tx) error {
		ids, err := tx.TriedWithoutLink(run)
		for _, id := range ids {
			tried[id] = true
		}
		return err
	}); err != nil || len(tried) == 0 {
		return nil, err
	}
	if err := eachAccountPage(ctx, u.ZenQMS, u.DB.Now, func(users []zenqms.User, _ time.Time) error {
		for _, account := range users {
			if tried[account.ExternalID] {
				found = append(found, Stray{OktaID: account.ExternalID, ZenQMSID: account.ID, Email: account.Email})
			}
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("look for accounts whose link was not written down: %w", err)
	}
	return found, nil
}

// eachAccountOnce are strays without those that come again: pages may overlap,
// and a survey may have found an orphan, too.
func eachAccountOnce(strays []Stray) (once []Stray) {
	seen := map[string]bool{}
	for _, s := range strays {
		if !seen[s.ZenQMSID] {
			seen[s.ZenQMSID] = true
			once = append(once, s)
		}
	}
	return once
}
