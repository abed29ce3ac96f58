package reconcile

import (
	"context"
	"slices"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// gather asks ZenQMS, and where need be Okta, for the rest of the facts.
func (w *Worker) gather(ctx context.Context, a *attempt) error {
	f := &a.facts
	f.Asked = true
	indexed := false
	if a.basis != askAnew {
		var err error
		if indexed, err = w.indexReady(ctx, a); err != nil {
			return err
		}
	}
	if !indexed && a.basis == oldReading {
		a.basis = askAnew
	}
	if f.Link != nil {
		if err := w.gatherAccount(ctx, a, indexed && a.basis == youngReading); err != nil || !f.lost() {
			return err
		}
		if a.account != nil { // somebody else's: known, and not this user's
			a.seen, a.account = append(a.seen, *a.account), nil
		}
	}
	if err := w.gatherMatches(ctx, a, indexed); err != nil {
		return err
	}
	if err := w.dropMoved(ctx, f); err != nil {
		return err
	}
	if f.User.Email == "" {
		return nil
	}
	if err := w.gatherOwners(ctx, a); err != nil {
		return err
	}
	return w.gatherRivals(ctx, a)
}

// indexReady tells whether ZenQMS's users were read for the run of this claim,
// and after this user last moved: an edit made before he did has to be seen to
// be overwritten (rule W1). A sync of his that ended since the run began may
// have read ZenQMS before, and told the index so.
func (w *Worker) indexReady(ctx context.Context, a *attempt) (ready bool, err error) {
	err = w.DB.View(ctx, func(tx *store.Tx) error {
		began := a.claim.Rows[0].RunStarted
		read, err := tx.Setting(store.AccountsRead)
		if err != nil || read < store.FormatTime(began) || read < store.FormatTime(a.facts.User.Updated) {
			return err
		}
		stirred, err := tx.EndedSince(a.claim.OktaID, began)
		ready = !stirred
		return err
	})
	return ready, err
}

// gatherAccount reads the linked account.
func (w *Worker) gatherAccount(ctx context.Context, a *attempt, indexed bool) error {
	id := a.facts.Link.ZenQMSID
	if indexed {
		return w.DB.View(ctx, func(tx *store.Tx) error {
			found, ok, err := tx.AccountByID(id)
			if ok {
				u := fromIndex(found)
				a.facts.Account, a.account = &u, &u
			}
			return err
		})
	}
	u, err := w.ZenQMS.ByID(ctx, id)
	if zenqms.IsNotFound(err) {
		a.vanished = append(a.vanished, id)
		return nil
	}
	if err != nil {
		return err
	}
	w.outages.zenqms.answered(false)
	a.facts.Account, a.account = &u, &u
	return nil
}

// gatherMatches looks for accounts that carry the user's id or have his
// address. An answer counts only for rows that carry the value themselves.
func (w *Worker) gatherMatches(ctx context.Context, a *attempt, indexed bool) error {
	f := &a.facts
	address := store.Address(f.User.Email)
	if indexed {
		if err := w.DB.View(ctx, func(tx *store.Tx) error {
			byID, err := tx.AccountsByExternalID(f.User.OktaID)
			if err != nil {
				return err
			}
			byEmail, err := tx.AccountsAt(address)
			f.ByID, f.ByEmail = allIndexed(byID), allIndexed(byEmail)
			return err
		}); err != nil || a.basis == youngReading {
			return err
		}
		if err := w.confirm(ctx, a, f.ByID); err != nil {
			return err
		}
		return w.confirm(ctx, a, f.ByEmail)
	}
	byID, err := w.byExternalID(ctx, a)
	if err != nil {
		return err
	}
	f.ByID = byID
	if address != "" {
		if f.ByEmail, err = w.ZenQMS.ByEmail(ctx, address); err != nil {
			return err
		}
	}
	w.outages.zenqms.answered(false)
	for _, u := range f.ByEmail {
		if u.ExternalID == f.User.OktaID {
			f.ByID = addAccount(f.ByID, u)
		}
	}
	a.seen = append(append(a.seen, f.ByID...), f.ByEmail...)
	return w.mendIndex(ctx, a, address)
}

// confirm reads accounts that the index found, in their places. Where one is no
// longer what the index takes it for, ZenQMS has to be searched.
func (w *Worker) confirm(ctx context.Context, a *attempt, found []zenqms.User) error {
	for i, was := range found {
		if at := slices.IndexFunc(a.seen, func(u zenqms.User) bool { return u.ID == was.ID }); at >= 0 {
			found[i] = a.seen[at]
			continue
		}
		u, err := w.ZenQMS.ByID(ctx, was.ID)
		if zenqms.IsNotFound(err) {
			return errAgain
		}
		if err != nil {
			return err
		}
		if u.ExternalID != was.ExternalID || store.Address(u.Email) != store.Address(was.Email) {
			return errAgain
		}
		w.outages.zenqms.answered(false)
		found[i], a.seen = u, append(a.seen, u)
	}
	return nil
}

// mendIndex reads anew those who have the address by the index alone: else
// every walk would find them there again (rule K4).
func (w *Worker) mendIndex(ctx context.Context, a *attempt, address string) error {
	var indexed []store.Account
	if err := w.DB.View(ctx, func(tx *store.Tx) (err error) {
		indexed, err = tx.AccountsAt(address)
		return err
	}); err != nil {
		return err
	}
	for _, i := range indexed {
		if slices.ContainsFunc(a.facts.ByEmail, func(u zenqms.User) bool { return u.ID == i.ZenQMSID }) {
			continue
		}
		u, err := w.ZenQMS.ByID(ctx, i.ZenQMSID)
		if zenqms.IsNotFound(err) {
			a.vanished = append(a.vanished, i.ZenQMSID)
			continue
		}
		if err != nil {
			return err
		}
		a.seen = append(a.seen, u)
	}
	return nil
}

// dropMoved passes over accounts that carry the user's id only because ZenQMS
// does not know yet that an operator's relink moved them to another user.
func (w *Worker) dropMoved(ctx context.Context, f *Facts) error {
	if len(f.ByID) == 0 {
		return nil
	}
	return w.DB.View(ctx, func(tx *store.Tx) error {
		var his []zenqms.User
		for _, u := range f.ByID {
			link, found, err := tx.LinkOf(u.ID)
			if err != nil {
				return err
			}
			if !found || link.OktaID == f.User.OktaID || link.TakenFrom != f.User.OktaID {
				his = append(his, u)
			}
		}
		f.ByID = his
		return nil
	})
}

// byExternalID finds the accounts that carry the user's id, whether or not
// ZenQMS knows that filter (rule L1): through the index, each hit confirmed by
// a reading, and through the filter.
func (w *Worker) byExternalID(ctx context.Context, a *attempt) ([]zenqms.User, error) {
	found, honoured, err := w.ZenQMS.ByExternalID(ctx, a.facts.User.OktaID)
	if err != nil {
		return nil, err
	}
	if !honoured {
		// An earlier attempt may have made an account that the index has not
		// seen yet.
		if err := w.freshenIndex(ctx, a.claim.Rows[0].Attempts > 1); err != nil {
			return nil, err
		}
	}
	var candidates []store.Account
	if err := w.DB.View(ctx, func(tx *store.Tx) error {
		candidates, err = tx.AccountsByExternalID(a.facts.User.OktaID)
		return err
	}); err != nil {
		return nil, err
	}
	for _, c := range candidates {
		if slices.ContainsFunc(found, func(u zenqms.User) bool { return u.ID == c.ZenQMSID }) {
			continue
		}
		u, err := w.ZenQMS.ByID(ctx, c.ZenQMSID)
		if zenqms.IsNotFound(err) {
			a.vanished = append(a.vanished, c.ZenQMSID)
			continue
		}
		if err != nil {
			return nil, err
		}
		if a.seen = append(a.seen, u); u.ExternalID == a.facts.User.OktaID {
			found = addAccount(found, u)
		}
	}
	return found, nil
}

func addAccount(all []zenqms.User, u zenqms.User) []zenqms.User {
	if slices.ContainsFunc(all, func(have zenqms.User) bool { return have.ID == u.ID }) {
		return all
	}
	return append(all, u)
}

func allIndexed(accounts []store.Account) []zenqms.User {
	users := make([]zenqms.User, len(accounts))
	for i, a := range accounts {
		users[i] = fromIndex(a)
	}
	return users
}
