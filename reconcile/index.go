package reconcile

import (
	"context"
	"strconv"
	"time"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// errShowsNobody fails the reading of an account that had linked users when it
// began and lists none: whoever made the key is one.
var errShowsNobody = &zenqms.Error{Op: "list users", Message: "ZenQMS lists no user at all, so that nothing was concluded: check what the API key may see"}

// readIndex reads all of ZenQMS's users into the index, page by page. A
// reading that breaks off leaves the index usable and not fresh.
func (w *Worker) readIndex(ctx context.Context) error {
	w.indexing.Lock()
	defer w.indexing.Unlock()
	var began string
	var reading int64
	var links store.LinkCount // of before: the worker may make the first one meanwhile
	if err := w.DB.Update(ctx, func(tx *store.Tx) error {
		began = store.FormatTime(tx.Now)
		last, err := generation(tx)
		if err != nil {
			return err
		}
		if links, err = tx.LinkCount(); err != nil {
			return err
		}
		reading = last + 1
		return tx.SetSetting(store.AccountsReads, strconv.FormatInt(reading, 10))
	}); err != nil {
		return err
	}
	nobody := true
	if err := eachAccountPage(ctx, w.ZenQMS, w.DB.Now, func(users []zenqms.User, asked time.Time) error {
		nobody = nobody && len(users) == 0
		return w.DB.Update(ctx, func(tx *store.Tx) error {
			for _, u := range users {
				if err := tx.ListAccount(account(u), reading, asked); err != nil {
					return err
				}
			}
			return nil
		})
	}); err != nil {
		return err
	}
	if nobody && links.Active+links.Inactive > 0 {
		return errShowsNobody
	}
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.DropAccountsBefore(reading); err != nil {
			return err
		}
		return tx.SetSetting(store.AccountsRead, began)
	})
}

// generation is what an account bears that the index learns of now: the
// number of the reading under way, else of the last one. So a reading does not
// drop what the worker wrote meanwhile, and the next one does if it is gone.
func generation(tx *store.Tx) (int64, error) {
	text, err := tx.Setting(store.AccountsReads)
	n, _ := strconv.ParseInt(text, 10, 64) // "" before the first reading
	return max(n, 1), err
}

// freshenIndex reads the index if that was never done, or when it must hold
// what happened a moment ago.
func (w *Worker) freshenIndex(ctx context.Context, now bool) error {
	var read string
	if err := w.DB.View(ctx, func(tx *store.Tx) error {
		var err error
		read, err = tx.Setting(store.AccountsRead)
		return err
	}); err != nil || read != "" && !now {
		return err
	}
	return w.readIndex(ctx)
}
