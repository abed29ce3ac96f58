package reconcile

import (
	"slices"

	"github.com/zensync/zensync/store"
)

// isQuiet tells at a glance that wants would say no about a user, and that he is
// neither skipped nor asked for already. It may be wrong the other way round:
// who is not quiet is looked at in full.
func (wk *walk) isQuiet(g store.Glance) bool {
	meaning := wk.Policy.Meaning(g.Status)
	switch {
	case g.Open || g.Skipped:
		return false
	case meaning == LeaveAlone:
		return true
	case g.OutOfScope && (!g.Linked || meaning == Live && !wk.Policy.Leavers):
		return true
	case !g.Linked:
		return meaning == Gone && !g.Claims
	case wk.run.Kind == store.InitialRun && wk.seen.has(g.N):
		return false
	}
	w := wk.Policy.wish(g.Person)
	switch {
	case g.Moved || g.Wish != w.hash():
		return false
	case w.Active:
		return g.Entitlement == g.Applied
	}
	return !g.Active
}

// wants tells whether a walk has to have this user looked at.
func (wk *walk) wants(tx *store.Tx, st store.Standing) (bool, error) {
	meaning := wk.Policy.Meaning(st.Status)
	w := wk.Policy.wish(st.Person)
	switch {
	case meaning == LeaveAlone:
		return false, nil
	case st.Skip != nil && meaning == Gone:
		return true, nil // his skip goes
	case st.OutOfScope && st.Skip != nil:
		return true, nil // his skip goes as well
	case st.OutOfScope && (st.Link == nil || meaning == Live && !wk.Policy.Leavers):
		return false, nil
	case st.Skip != nil && st.Skip.Code != store.SkipMissing:
		return true, nil // tried again at every walk
	case st.Link != nil && (wk.run.Kind == store.InitialRun && wk.seen.has(st.N) || moved(st.Person, *st.Link, w)):
		return true, nil
	case st.Link != nil && w.Active && wk.rolesWanted(tx, st):
		return true, nil
	case st.Link != nil && !w.Active && st.Link.Active:
		return undecided(tx, st) // what was let through was given up
	case st.Link != nil:
		return false, nil
	case meaning == Live:
		waits := st.Skip != nil && !movedSince(st.Person, *st.Skip, w)
		return !waits, nil
	}
	return wk.hasAccount(tx, st)
}

// rolesWanted tells whether a linked live user is to gain a role, or to lose
// one that nobody holds or has said no to.
func (wk *walk) rolesWanted(tx *store.Tx, st store.Standing) bool {
	gains, losses := wk.roleMoves(st)
	if gains || !losses {
		return gains
	}
	held, err := isHeld(tx, st.OktaID, store.ActRemoveRole)
	discarded, errDiscarded := tx.Discarded(st.Person, store.ActRemoveRole)
	return err == nil && errDiscarded == nil && !held && !discarded // an error shows at the next statement
}

// roleMoves tells which way a user's mapped roles are to change.
func (wk *walk) roleMoves(st store.Standing) (gains, losses bool) {
	for _, c := range (Facts{Link: st.Link, Roles: wk.roles, Entitled: st.Entitled}).roleChanges() {
		gains, losses = gains || c.want, losses || !c.want
	}
	return gains, losses
}

// losses names the mapped roles a user is to lose.
func (wk *walk) losses(st store.Standing) (names []string) {
	for _, c := range (Facts{Link: st.Link, Roles: wk.roles, Entitled: st.Entitled}).roleChanges() {
		if !c.want {
			names = append(names, c.rule.RoleName)
		}
	}
	return names
}

// movedSince tells whether a skipped user is past what he was skipped for.
func movedSince(u store.Person, s store.Skip, w wish) bool {
	return u.Updated.After(s.OktaUpdated) || u.Status != s.OktaStatus || w.hash() != s.Wish
}

// hasAccount tells whether the index knows an account that may be that of
// somebody who is gone and not linked (rule K5), and whom nobody has decided
// about. Most leavers have none.
func (wk *walk) hasAccount(tx *store.Tx, st store.Standing) (bool, error) {
	accounts, err := unlinkedAccounts(tx, st)
	if err != nil || len(accounts) == 0 {
		return false, err
	}
	if len(accounts) > 1 && wk.run.Kind == store.ReconcileRun {
		return false, nil // nobody can tell which: a deploy has said so, once is enough
	}
	yields, err := wk.yields(tx, st, accounts[0])
	if err != nil || yields {
		return false, err
	}
	return undecided(tx, st)
}

// undecided tells whether nobody is asked, nor has said no, about a user's
// deactivation.
func undecided(tx *store.Tx, st store.Standing) (bool, error) {
	held, err := isHeld(tx, st.OktaID, store.ActDeactivate)
	if err != nil || held {
		return false, err
	}
	discarded, err := tx.Discarded(st.Person, store.ActDeactivate)
	return !discarded, err
}

// yields is rule L6 as far as the directory can tell: somebody live has the
// address by which alone the account would be his.
func (wk *walk) yields(tx *store.Tx, st store.Standing, account store.Account) (bool, error) {
	if account.ExternalID == st.OktaID {
		return false, nil
	}
	others, err := tx.PeopleAt(store.Address(st.Email))
	return slices.ContainsFunc(others, func(o store.Standing) bool {
		return o.OktaID != st.OktaID && wk.Policy.Meaning(o.Status) == Live
	}), err
}

// unlinkedAccounts are the accounts of the index that may be those of a user
// without a link.
func unlinkedAccounts(tx *store.Tx, st store.Standing) ([]store.Account, error) {
	byID, err := tx.AccountsByExternalID(st.OktaID)
	if err != nil || len(byID) > 0 {
		return byID, err
	}
	byEmail, err := tx.AccountsAt(store.Address(st.Email))
	if err != nil {
		return nil, err
	}
	var free []store.Account
	for _, a := range byEmail {
		_, linked, err := tx.LinkOf(a.ZenQMSID)
		if err != nil {
			return nil, err
		}
		if !linked && a.ExternalID == "" {
			free = append(free, a)
		}
	}
	return free, nil
}

// watched is the action of a wanted sync that the brake counts, as far as the
// store can tell beforehand; "" for none, for one that a hold or a person's no
// keeps from being carried out anyway, and for one that was let through already
// and is still to be done. What it cannot foresee is
// braked like a hook's when it comes to it.
func (wk *walk) watched(tx *store.Tx, st store.Standing) (store.Action, error) {
	action := store.ActDeactivate
	if wk.Policy.wish(st.Person).Active {
		action = store.ActActivate
	}
	active, known, err := accountActive(tx, st)
	if err != nil || !known {
		return "", err
	}
	if active == (action == store.ActActivate) {
		_, losses := wk.roleMoves(st)
		if st.Link == nil || !losses || action == store.ActDeactivate {
			return "", nil
		}
		action = store.ActRemoveRole
	}
	held, err := isHeld(tx, st.OktaID, action)
	if err != nil || held {
		return "", err
	}
	discarded, err := tx.Discarded(st.Person, action)
	if err != nil || discarded {
		return "", err
	}
	through, err := tx.LetThrough(st.OktaID, action)
	if err != nil || through {
		return "", err
	}
	return action, nil
}

// accountActive tells whether the user's account is active, as far as the
// store knows one.
func accountActive(tx *store.Tx, st store.Standing) (active, known bool, err error) {
	if st.Link != nil {
		account, found, err := tx.AccountByID(st.Link.ZenQMSID)
		if err != nil || found {
			return account.Active, found, err
		}
		return st.Link.Active, true, nil
	}
	accounts, err := unlinkedAccounts(tx, st)
	if err != nil || len(accounts) != 1 {
		return false, false, err
	}
	return accounts[0].Active, true, nil
}
