package reconcile

import (
	"context"
	"maps"
	"regexp"
	"slices"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// oktaID is the form of ids that may be asked for (rule E2): never "me", a
// login, or what somebody typed into an external_id.
var oktaID = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// gatherOwners finds out which accounts of the address are another Okta
// user's, and of the only one whether that user is gone.
func (w *Worker) gatherOwners(ctx context.Context, a *attempt) error {
	f := &a.facts
	f.Owners = map[string]store.Link{}
	if err := w.DB.View(ctx, func(tx *store.Tx) error {
		for _, u := range f.ByEmail {
			if u.ExternalID != "" && u.ExternalID != f.User.OktaID {
				f.Owners[u.ID] = store.Link{OktaID: u.ExternalID, ZenQMSID: u.ID}
				continue
			}
			link, found, err := tx.LinkOf(u.ID)
			if err != nil {
				return err
			}
			if found && link.OktaID != f.User.OktaID {
				f.Owners[u.ID] = link
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if len(f.ByEmail) != 1 || w.Policy.Meaning(f.User.Status) != Live {
		return nil
	}
	owner, owned := f.Owners[f.ByEmail[0].ID]
	if !owned || !namesAgree(f.User, f.ByEmail[0]) {
		return nil // his being gone would change nothing
	}
	gone, err := w.isGone(ctx, a, owner.OktaID)
	f.OwnerGone = gone
	return err
}

// isGone reads another Okta user. A 404 proves that he is gone only of an id
// this store has known (rule L3).
func (w *Worker) isGone(ctx context.Context, a *attempt, id string) (bool, error) {
	if !oktaID.MatchString(id) {
		return false, nil
	}
	u, err := w.Okta.User(ctx, id)
	if okta.IsNotFound(err) {
		var known bool
		err := w.DB.View(ctx, func(tx *store.Tx) error {
			var err error
			known, err = tx.Known(id)
			return err
		})
		return known, err
	}
	if err != nil {
		return false, err
	}
	p := person(u)
	a.people = append(a.people, p)
	return w.Policy.Meaning(p.Status) == Gone, nil
}

// gatherRivals finds the other users of the address (rules L3 and L6): from
// the directory, and unless a walk has filled it for this attempt also from Okta.
func (w *Worker) gatherRivals(ctx context.Context, a *attempt) error {
	f := &a.facts
	address := store.Address(f.User.Email)
	var others []store.Standing
	if err := w.DB.View(ctx, func(tx *store.Tx) error {
		var err error
		others, err = tx.PeopleAt(address)
		return err
	}); err != nil {
		return err
	}
	if a.basis == askAnew {
		var err error
		if others, err = w.askOktaForRivals(ctx, a, others); err != nil {
			return err
		}
	}
	for _, other := range others {
		if other.OktaID == f.User.OktaID || store.Address(other.Email) != address || w.Policy.Meaning(other.Status) != Live {
			continue
		}
		f.LiveAtIt = true
		if other.Link == nil && !other.OutOfScope && len(w.Policy.wish(other.Person).missing()) == 0 {
			f.Rivals = append(f.Rivals, other.Person)
		}
	}
	return nil
}

// askOktaForRivals asks Okta once who has the address, and reads by id those
// who are in doubt.
func (w *Worker) askOktaForRivals(ctx context.Context, a *attempt, known []store.Standing) ([]store.Standing, error) {
	answer, err := w.Okta.UsersByEmail(ctx, a.facts.User.Email)
	if err != nil {
		return nil, err
	}
	current := map[string]store.Person{}
	for _, u := range answer {
		current[u.ID] = person(u)
	}
	for _, id := range w.doubted(a.facts.User, current, known) {
		u, err := w.Okta.User(ctx, id)
		if okta.IsNotFound(err) {
			delete(current, id) // deleted: no rival
			continue
		}
		if err != nil {
			return nil, err
		}
		current[u.ID] = person(u)
	}
	var others []store.Standing
	for id, p := range current {
		if id == a.facts.User.OktaID {
			continue
		}
		st, err := w.standing(ctx, id)
		if err != nil {
			return nil, err
		}
		if st.Updated.After(p.Updated) {
			continue // he had the address once, and the filter lags
		}
		a.people = append(a.people, p)
		p.OutOfScope = st.OutOfScope
		st.Person = p
		others = append(others, st)
	}
	slices.SortFunc(others, func(x, y store.Standing) int {
		if before(x.Person, y.Person) {
			return -1
		}
		return 1
	})
	return others, nil
}

// doubted are the ids of those with a user's address who have to be read: of
// whom only the directory says so, or says something newer, for it may be old,
// and a filter may lag. For somebody gone it is all of them: somebody live at
// his address leaves him his account, and a filter's late word must not.
func (w *Worker) doubted(u store.Person, current map[string]store.Person, known []store.Standing) []string {
	doubted := map[string]bool{}
	for _, st := range known {
		p, answered := current[st.OktaID]
		if !answered || st.Updated.After(p.Updated) || st.Status == store.Deleted {
			doubted[st.OktaID] = true
		}
	}
	if w.Policy.Meaning(u.Status) == Gone {
		for id := range current {
			doubted[id] = true
		}
	}
	delete(doubted, u.OktaID)
	return slices.Sorted(maps.Keys(doubted))
}
