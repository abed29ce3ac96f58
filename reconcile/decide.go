package reconcile

import (
	"fmt"
	"strings"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// Facts is all that a decision about one user may depend on.
type Facts struct {
	User     store.Person     // as Okta has him; Status store.Deleted when his id read 404
	Link     *store.Link      // nil: not linked
	Skip     *store.Skip      // nil: not skipped
	Roles    []store.RoleRule // the mapping
	Entitled []string         // ids of the mapped roles his groups give him

	Push bool // deploy and sync USER: whether he moved does not matter

	// Asked says that ZenQMS was asked; without, what follows is empty.
	Asked     bool
	Account   *zenqms.User          // of the link; nil: gone in ZenQMS
	ByID      []zenqms.User         // those that carry his Okta id
	ByEmail   []zenqms.User         // those that have his address
	Owners    map[string]store.Link // by ZenQMS id: which other Okta user an account of ByEmail belongs to
	OwnerGone bool                  // the owner of the one account of ByEmail is known and gone
	Rivals    []store.Person        // the other claimants of his address: live, complete, not linked
	LiveAtIt  bool                  // another live Okta user, linked or not, has his address
}

// Decision is what is to be done about one user.
type Decision struct {
	Ask      bool         // it cannot be told without asking ZenQMS
	Action   store.Action // create, relink, deactivate, activate, link, update, skip or none
	DropLink bool         // the link he has no longer holds
	Create   *zenqms.NewUser
	Target   *zenqms.User // whom Patch is for
	Patch    zenqms.Patch
	Add      []zenqms.Role // roles his account is to gain
	Remove   []zenqms.Role // and to lose
	Skip     *Reason       // he stays in, or comes into, the skip report
	Unknown  bool          // his status means nothing we know: leave alone and warn
	Why      string        // for a person, where nothing is done
}

// Reason is why somebody is skipped.
type Reason struct {
	Code   store.SkipCode
	Text   string   // what is wrong and what to do
	Fields []string // of a linked user: what is held back; empty when he waits as a whole
}

// Decide is the rule book: what these facts ask for under this policy. It is
// pure: preview, brake, apply and test share it.
func Decide(f Facts, p Policy) Decision {
	switch p.Meaning(f.User.Status) {
	case Live:
		return decideLive(f, p)
	case Gone:
		return decideGone(f, p)
	}
	return Decision{Action: store.ActNone, Unknown: true,
		Why: fmt.Sprintf("Okta's status %s is left alone; sync.statuses can give it a meaning", f.User.Status)}
}

// moved is the word of the rules: Okta's state, or what is wished, is past
// what was last applied.
func moved(u store.Person, l store.Link, w wish) bool {
	return u.Updated.After(l.OktaUpdated) || u.Status != l.OktaStatus || w.hash() != l.Wish
}

// lost is rule L5: the linked account is gone, or somebody else's by now.
func (f Facts) lost() bool {
	if f.Account == nil {
		return true
	}
	switch f.Account.ExternalID {
	case "", f.User.OktaID:
		return false
	}
	return f.Account.ExternalID != f.Link.TakenFrom
}

// decideGone is rule M6: of somebody gone only is_active: false is sent, and
// external_id when linking.
func decideGone(f Facts, p Policy) Decision {
	d := Decision{Action: store.ActNone}
	if f.Link != nil {
		// While ZenQMS's last word was "active" he is not in step: what was held
		// or given up has yet to be done.
		if !f.Push && !f.Link.Active && !moved(f.User, *f.Link, p.wish(f.User)) {
			d.Why = "nothing moved since the last sync"
			return d
		}
		if !f.Asked {
			return Decision{Ask: true}
		}
		if !f.lost() {
			return deactivate(d, *f.Account)
		}
		d.DropLink = true
	}
	if f.User.OutOfScope {
		d.Why = outOfScope
		return d
	}
	if !f.Asked {
		return Decision{Ask: true}
	}
	account, why := f.accountOfGone()
	if account == nil {
		d.Why = why
		return d
	}
	d.Action = store.ActLink
	if account.ExternalID != f.User.OktaID {
		d.Patch.ExternalID = &f.User.OktaID
	}
	return deactivate(d, *account)
}

// deactivate adds to d what makes an account inactive.
func deactivate(d Decision, account zenqms.User) Decision {
	d.Target = &account
	if account.Active {
		no := false
		d.Patch.Active = &no
		d.Action = store.ActDeactivate
	}
	return d
}

// accountOfGone is rules L1 and L6: the account of somebody who is gone and
// not linked, or why there is none. He claims nothing a live user may claim.
func (f Facts) accountOfGone() (*zenqms.User, string) {
	switch {
	case len(f.ByID) == 1:
		return &f.ByID[0], ""
	case len(f.ByID) > 1:
		return nil, fmt.Sprintf("%d ZenQMS users carry this Okta id: deactivate the right one in ZenQMS", len(f.ByID))
	case len(f.ByEmail) == 0:
		return nil, "gone in Okta, and no ZenQMS user is his"
	case len(f.ByEmail) > 1:
		return nil, fmt.Sprintf("gone in Okta, and %d ZenQMS users have his address: deactivate the right one in ZenQMS", len(f.ByEmail))
	case f.LiveAtIt:
		return nil, "gone in Okta, and his address is a live user's by now"
	}
	account := f.ByEmail[0]
	if _, owned := f.Owners[account.ID]; owned {
		return nil, "gone in Okta, and the ZenQMS user with his address is linked to another Okta user"
	}
	return &account, ""
}

// decideLive is the rules for somebody who is to be active.
func decideLive(f Facts, p Policy) Decision {
	w := p.wish(f.User)
	d := Decision{Action: store.ActNone}
	if f.User.OutOfScope {
		return decideOutOfScope(f, p)
	}
	switch past := f.Push || f.Link != nil && moved(f.User, *f.Link, w) || f.waitsWhole(); {
	case f.Link == nil:
	case f.Asked && f.lost():
		d.DropLink = true
	case !past && len(f.heldBack()) == 0 && !f.rolesMoved():
		d.Why = "nothing moved since the last sync"
		return d
	case !f.Asked:
		return Decision{Ask: true}
	default:
		return f.update(w, past)
	}
	if missing := w.missing(); len(missing) > 0 {
		return skip(d, missingReason(missing))
	}
	if !f.Asked {
		return Decision{Ask: true}
	}
	return f.match(d, w, p)
}

const outOfScope = "in none of the groups of sync.groups"

// decideOutOfScope is rule W4 for a live user: he is neither created nor
// linked nor updated; if he has left scope, the config says whether his
// account is made inactive.
func decideOutOfScope(f Facts, p Policy) Decision {
	d := Decision{Action: store.ActNone, Why: outOfScope}
	if f.Link == nil || !p.Leavers || !f.Push && !f.Link.Active && !moved(f.User, *f.Link, p.wish(f.User)) {
		return d
	}
	if !f.Asked {
		return Decision{Ask: true}
	}
	if f.lost() {
		d.DropLink = true
		return d
	}
	return deactivate(d, *f.Account)
}

// heldBack is what an earlier sync could not set (rule L4).
func (f Facts) heldBack() []string {
	if f.Skip == nil || f.Skip.Code == store.SkipMissing {
		return nil
	}
	return f.Skip.Fields
}

// waitsWhole tells whether an earlier sync was refused as a whole: what it was
// to send is still to be sent, whether or not the user has moved since.
func (f Facts) waitsWhole() bool {
	return f.Skip != nil && f.Skip.Code != store.SkipMissing && len(f.Skip.Fields) == 0
}

// update is rules M3 to M5 and W1 for a linked live user. Without past, the
// user has not moved and only what was held back is tried again.
func (f Facts) update(w wish, past bool) Decision {
	d := Decision{Action: store.ActNone, Target: f.Account}
	if missing := w.missing(); len(missing) > 0 {
		d.Patch = diff(*f.Account, w, f.User.OktaID)
		d.Patch = only(d.Patch, fieldActive, fieldExternalID)
		d.Skip = missingReason(missing)
	} else {
		d.Patch = diff(*f.Account, w, f.User.OktaID)
		if !past {
			d.Patch = only(d.Patch, f.heldBack()...)
		}
	}
	d.Action = strongest(d.Patch)
	if d.Patch.Empty() && d.Skip != nil {
		d.Action = store.ActSkip
	}
	return f.withRoles(d, *f.Account)
}

// strongest is what one PATCH is called in the log.
func strongest(p zenqms.Patch) store.Action {
	switch {
	case p.Empty():
		return store.ActNone
	case p.Active != nil && *p.Active:
		return store.ActActivate
	case p.Active != nil:
		return store.ActDeactivate
	case p.ExternalID != nil:
		return store.ActLink
	}
	return store.ActUpdate
}

// skip makes d a decision to leave a user out.
func skip(d Decision, r *Reason) Decision {
	d.Action, d.Skip = store.ActSkip, r
	return d
}

func missingReason(missing []string) *Reason {
	return &Reason{Code: store.SkipMissing, Text: "Okta has no " + strings.Join(missing, " and no ") + "; fill it in there"}
}
