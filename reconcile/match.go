package reconcile

import (
	"fmt"
	"strings"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// match is rules L1 to L3 for a live user without a link who passes M3. It
// never guesses, and the order in which users arrive does not matter.
func (f Facts) match(d Decision, w wish, p Policy) Decision {
	switch {
	case len(f.ByID) > 1:
		return skip(d, &Reason{Code: store.SkipAmbiguous, Text: fmt.Sprintf(
			"%s carry this Okta id as external_id; clear it on all but the right one in ZenQMS", idList(f.ByID))})
	case len(f.ByID) == 1:
		return f.link(d, w, f.ByID[0], store.ActLink)
	case len(f.ByEmail) > 1:
		return skip(d, &Reason{Code: store.SkipAmbiguous, Text: fmt.Sprintf(
			"%s have this address; leave it to one of them in ZenQMS", idList(f.ByEmail))})
	case len(f.ByEmail) == 0:
		return f.create(d, w, p)
	}
	account := f.ByEmail[0]
	if owner, owned := f.Owners[account.ID]; owned {
		return f.relink(d, w, account, owner)
	}
	return f.claim(d, w, account)
}

// link takes an account as this user's and brings its fields in step.
func (f Facts) link(d Decision, w wish, account zenqms.User, how store.Action) Decision {
	d.Target, d.Patch = &account, diff(account, w, f.User.OktaID)
	d.Action = how
	if how == store.ActLink && d.Patch.Active != nil {
		d.Action = store.ActActivate
	}
	return f.withRoles(d, account)
}

// claim is rule L3 for an account with this address that is nobody's: of
// several claimants the one whose names agree gets it.
func (f Facts) claim(d Decision, w wish, account zenqms.User) Decision {
	if len(f.Rivals) == 0 {
		return f.link(d, w, account, store.ActLink)
	}
	agree := agreeing(append([]store.Person{f.User}, f.Rivals...), account)
	switch {
	case len(agree) == 1 && agree[0].OktaID == f.User.OktaID:
		return f.link(d, w, account, store.ActLink)
	case len(agree) == 1:
		return skip(d, &Reason{Code: store.SkipConflict, Text: fmt.Sprintf(
			"ZenQMS user %s has this address and goes to Okta user %s, who has the same address and whose names agree; give one of the two another address in Okta",
			account.ID, agree[0].OktaID)})
	}
	return skip(d, &Reason{Code: store.SkipAmbiguous, Text: fmt.Sprintf(
		"ZenQMS user %s has this address, and so have this user and %s in Okta; it cannot be told whose it is: give each his own address in Okta",
		account.ID, people(f.Rivals))})
}

// relink is rule L3 for an account that is another Okta user's: it passes on
// only from somebody gone, and only to somebody of the same name, for it
// carries signatures.
func (f Facts) relink(d Decision, w wish, account zenqms.User, owner store.Link) Decision {
	if f.OwnerGone && namesAgree(f.User, account) {
		if rivals := agreeing(f.Rivals, account); len(rivals) > 0 {
			return skip(d, &Reason{Code: store.SkipAmbiguous, Text: fmt.Sprintf(
				"ZenQMS user %s was Okta user %s, who is gone; this user and %s have its address and name: give each his own address in Okta",
				account.ID, owner.OktaID, people(rivals))})
		}
		return f.link(d, w, account, store.ActRelink)
	}
	return skip(d, &Reason{Code: store.SkipConflict, Text: fmt.Sprintf(
		"ZenQMS user %s has this address and is linked to Okta user %s; if both are the same person: zensync relink %s %s --reason ...; if not: give ZenQMS user %s another address",
		account.ID, owner.OktaID, f.User.OktaID, owner.OktaID, account.ID)})
}

// create is rule L2, and L3 for an address nobody holds in ZenQMS yet: of
// several claimants the one created first in Okta gets the new account.
func (f Facts) create(d Decision, w wish, p Policy) Decision {
	for _, rival := range f.Rivals {
		if before(rival, f.User) {
			return skip(d, &Reason{Code: store.SkipConflict, Text: fmt.Sprintf(
				"Okta user %s has the same address and was created first; give one of the two another address in Okta", rival.OktaID)})
		}
	}
	title := w.Title
	if title == "" {
		title = strings.TrimSpace(p.DefaultTitle)
	}
	d.Action = store.ActCreate
	d.Create = &zenqms.NewUser{Email: w.Email, FirstName: w.FirstName, LastName: w.LastName, Title: title,
		Active: true, ExternalID: f.User.OktaID}
	return f.withRoles(d, zenqms.User{})
}

// before orders claimants: created first in Okta, then by id.
func before(a, b store.Person) bool {
	if !a.Created.Equal(b.Created) {
		return a.Created.Before(b.Created)
	}
	return a.OktaID < b.OktaID
}

// namesAgree compares first and last name, trimmed, in any case.
func namesAgree(u store.Person, account zenqms.User) bool {
	return sameText(u.FirstName, account.FirstName) && sameText(u.LastName, account.LastName)
}

func sameText(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

func agreeing(people []store.Person, account zenqms.User) []store.Person {
	var agree []store.Person
	for _, u := range people {
		if namesAgree(u, account) {
			agree = append(agree, u)
		}
	}
	return agree
}

func idList(accounts []zenqms.User) string {
	ids := make([]string, len(accounts))
	for i, a := range accounts {
		ids[i] = a.ID
	}
	return "ZenQMS users " + strings.Join(ids, " and ")
}

func people(users []store.Person) string {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.OktaID
	}
	return strings.Join(ids, " and ")
}
