package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// lookTwice bounds how often one attempt starts again because ZenQMS answered
// something else than a moment before.
const lookTwice = 4

// attempt is one try to bring a user in step: what was found, what was decided
// and how it went. It touches the network only; record writes it down.
type attempt struct {
	claim    store.Claim
	basis    basis   // what it may rest on
	taking   *taking // of the claim
	ignored  string  // why it was closed without a call
	facts    Facts
	fresh    bool // Okta was read by id
	decision Decision
	account  *zenqms.User  // the user's account as ZenQMS last answered; nil: none
	grip     grip          // what the brake said
	roleGrip grip          // and of taking roles away
	wrote    bool          // a call was made that was to change something
	sent     zenqms.Patch  // what ZenQMS accepted
	added    []zenqms.Role // and these roles
	removed  []zenqms.Role
	kept     []zenqms.Role  // roles that the brake keeps from being taken away
	waiting  []string       // ids of the roles that could not be set now
	lost     []string       // ids of the roles that ZenQMS no longer has
	seen     []zenqms.User  // other accounts ZenQMS told of, for the index
	people   []store.Person // other users Okta told of, for the directory
	vanished []string       // ids of accounts that ZenQMS no longer has
	cycle    []string       // those who want each other's addresses, this user first
	skip     *Reason        // why he is in the skip report after this; nil: he is not
	ended    []Kept         // what became of the promises that events have made
	shorts   int            // how often our share of Okta's rate limit was used up
	doing    store.Action   // what the calls under way are for; "" before the first
	logged   bool           // what was done before its roles is in the log already
	number   int64          // of the attempt in the log; 0 while it has no row
	err      error
}

// errAgain says that ZenQMS is not as the decision took it to be, so that the
// attempt must look and decide once more.
var errAgain = errors.New("ZenQMS changed meanwhile")

// try makes one attempt at a claim; until that is durable it does no more than
// read. The calls for somebody who has to lose access go before all others when
// Okta's rate limit is short.
func (w *Worker) try(ctx context.Context, claim store.Claim, t *taking) *attempt {
	if ignore, err := w.ignorable(ctx, claim); err != nil {
		return &attempt{claim: claim, err: err}
	} else if ignore {
		return &attempt{claim: claim, ignored: "it is about a group that is not mapped"}
	}
	if urgent(claim) {
		ctx = okta.Urgent(ctx)
	}
	a := &attempt{claim: claim, basis: w.basisOf(claim), taking: t}
	for looks := 1; ; {
		a.err = w.once(ctx, a)
		var share *okta.ErrShare
		switch {
		case errors.As(a.err, &share) && a.shorts < lookTwice:
			if a.err = share.Wait(ctx); a.err == nil {
				a = a.anew(a.shorts + 1)
				continue
			}
		case errors.Is(a.err, errAgain) && looks < lookTwice:
			looks++
			a = a.anew(a.shorts)
			a.basis = askAnew
			continue
		}
		break
	}
	switch judge(a.err) {
	case forbidden:
		w.weighForbidden(ctx, a)
	case retryLater:
		w.weighOutage(ctx, a)
	}
	return a
}

// anew is the attempt before its next look. The brake's budget that the last
// one reserved is the next one's to use or give back.
func (a *attempt) anew(shorts int) *attempt {
	return &attempt{claim: a.claim, basis: a.basis, taking: a.taking, shorts: shorts, number: a.number,
		grip:     grip{action: a.grip.action, spent: a.grip.spent},
		roleGrip: grip{action: a.roleGrip.action, spent: a.roleGrip.spent}}
}

// unwaiting is for calls made while the attempt holds its addresses: nobody is
// to wait for them because Okta's rate limit is short. That a look may then be
// in vain, with the calls it took, happens a few times only.
func (a *attempt) unwaiting(ctx context.Context) context.Context {
	if a.shorts >= lookTwice {
		return ctx
	}
	return okta.WithoutWaiting(ctx)
}

// urgent tells whether a claim is about somebody who has to lose access.
func urgent(claim store.Claim) bool {
	return slices.ContainsFunc(claim.Rows, func(r store.Row) bool { return r.Priority == store.DeactivationPriority })
}

// ignorable is the part of rule E1 that needs no call: events about groups
// nobody mapped.
func (w *Worker) ignorable(ctx context.Context, claim store.Claim) (ignore bool, err error) {
	var groups []string
	for _, row := range claim.Rows {
		if !store.IsMembership(row.EventType) || row.Looks > 0 {
			return false, nil
		}
		groups = append(groups, row.EventGroups...)
	}
	err = w.DB.View(ctx, func(tx *store.Tx) error {
		mapped, err := tx.IsMapped(groups)
		ignore = err == nil && !mapped
		return err
	})
	return ignore, err
}

// pushes tells whether a claim asks to send what differs though the user has
// not moved: deploy, sync USER (rule W1), and what a person approved.
func pushes(claim store.Claim) bool {
	return slices.ContainsFunc(claim.Rows, func(r store.Row) bool {
		return r.Origin == store.FromInitial || r.Origin == store.FromManual ||
			r.Cleared == store.Approved && r.Action != store.ActRemoveRole
	})
}

// once reads, decides and applies. On the basis of a walk it asks to be called
// again where a verdict must not rest on that.
func (w *Worker) once(ctx context.Context, a *attempt) error {
	unlock, err := w.consider(ctx, a)
	if err != nil {
		return err
	}
	defer unlock()
	if a.basis != askAnew && needsFresh(a.decision) {
		return errAgain
	}
	if err := w.passBrake(a.unwaiting(ctx), a); err != nil {
		return err
	}
	a.doing = a.decision.Action
	if err := w.apply(ctx, a); err != nil || a.account == nil || a.waitsWhole() {
		return err
	}
	return w.applyRoles(ctx, a)
}

// waitsWhole tells whether the user is in the skip report as a whole: what was
// found is no account of his, or ZenQMS did not take the link.
func (a *attempt) waitsWhole() bool {
	return a.skip != nil && len(a.skip.Fields) == 0 && a.skip.Code != store.SkipMissing
}

// consider reads and decides. Unless it fails, it returns with the addresses
// concerned locked, and the release.
func (w *Worker) consider(ctx context.Context, a *attempt) (unlock func(), err error) {
	st, err := w.readUser(ctx, a)
	if err != nil {
		return nil, err
	}
	if !a.taking.came() { // from here on something may be written
		return nil, errNotTaken
	}
	if a.fresh {
		if err := w.readScope(ctx, &a.facts.User); err != nil {
			return nil, err
		}
	}
	linked := ""
	if st.Link != nil {
		linked = store.Address(st.Link.Email)
	}
	release := w.addresses.lock(store.Address(a.facts.User.Email), linked)
	decided := false
	defer func() {
		if !decided { // nor after a panic: whoever wants the address next would wait for ever
			release()
		}
	}()
	if err = w.DB.View(ctx, func(tx *store.Tx) error {
		if st, err = tx.Standing(a.claim.OktaID); err != nil { // another user's sync may have taken his account
			return err
		}
		a.facts.Roles, err = tx.RoleRules()
		return err
	}); err != nil {
		return nil, err
	}
	a.facts.Link, a.facts.Skip, a.facts.Push, a.facts.Entitled = st.Link, st.Skip, pushes(a.claim), st.Entitled
	if a.decision = Decide(a.facts, w.Policy); a.decision.Ask {
		if err = w.gather(a.unwaiting(ctx), a); err != nil {
			return nil, err
		}
		a.decision = Decide(a.facts, w.Policy)
	}
	decided = true
	return release, nil
}

// roleRules is the mapping of roles.
func (w *Worker) roleRules(ctx context.Context) (rules []store.RoleRule, err error) {
	err = w.DB.View(ctx, func(tx *store.Tx) error {
		rules, err = tx.RoleRules()
		return err
	})
	return rules, err
}

// needsFresh names the decisions that never rest on a walk's reading: those
// that give or take access, pass an account on, or turn somebody away.
func needsFresh(d Decision) bool {
	switch d.Action {
	case store.ActDeactivate, store.ActActivate, store.ActRelink:
		return true
	}
	return d.DropLink || len(d.Remove) > 0 || d.Skip != nil && d.Skip.Code != store.SkipMissing
}

// standing is what the store knows of one user.
func (w *Worker) standing(ctx context.Context, oktaID string) (store.Standing, error) {
	var st store.Standing
	err := w.DB.View(ctx, func(tx *store.Tx) error {
		var err error
		st, err = tx.Standing(oktaID)
		return err
	})
	return st, err
}

// readUser reads the user: from the directory where that is allowed and not
// older than what was applied, else from Okta by id, before anything else. A
// user who reads 404 is deleted; what the directory knew of him stays. It
// returns what the store knows of him.
func (w *Worker) readUser(ctx context.Context, a *attempt) (st store.Standing, err error) {
	if a.basis == youngReading {
		if st, err = w.standing(ctx, a.claim.OktaID); err != nil {
			return st, err
		}
		if a.facts.User = st.Person; st.N != 0 && (st.Link == nil || !st.Updated.Before(st.Link.OktaUpdated)) {
			return st, nil
		}
	}
	u, failed := w.Okta.User(ctx, a.claim.OktaID)
	if st, err = w.standing(ctx, a.claim.OktaID); err != nil {
		return st, err
	}
	a.facts.User = st.Person
	switch {
	case okta.IsNotFound(failed):
		a.facts.User.Status, a.facts.User.Transitioning = store.Deleted, ""
	case failed != nil:
		return st, failed
	default:
		a.facts.User = person(u)
		a.facts.User.OutOfScope = st.OutOfScope
	}
	a.fresh = true
	w.outages.okta.answered(false)
	return st, nil
}

// weighForbidden finds out whose fault a 403 is (rule E4): a harmless call
// that is refused too says that it is the credential's; else it is about this
// user, who goes to the skip report.
func (w *Worker) weighForbidden(ctx context.Context, a *attempt) {
	probe := w.probe(ctx, a.err)
	switch {
	case probe != nil:
		if v := judge(probe); v == forbidden || v == credential {
			a.err = &credentialError{a.err}
		}
		return // else the probe met an outage: the row waits as any other
	case w.Policy.Meaning(a.facts.User.Status) == Gone:
		return // a leaver is never left to the skip report: the promise stays until it is dead
	}
	a.skip = &Reason{Code: store.SkipRefused, Text: words(a.err)}
	a.decision.Action, a.err = store.ActSkip, nil
}

// weighOutage finds out whether a side that counts as down is: it may have
// failed one user only, at all his attempts, because nobody else came by. When
// a harmless call goes through, the failure is his own and costs him an attempt
// (rule E4). Where several failed it is an outage, even if reading still works.
func (w *Worker) weighOutage(ctx context.Context, a *attempt) {
	b := w.outages.of(a.err)
	if b != nil && !b.IsClosed() && b.hasFailedOnly(a.claim.OktaID) && w.probe(ctx, a.err) == nil {
		b.forgive()
	}
}

// probe makes a call of the side that an error came from, which concerns
// nobody.
func (w *Worker) probe(ctx context.Context, err error) error {
	var z *zenqms.Error
	if errors.As(err, &z) {
		return w.ZenQMS.Ping(ctx)
	}
	_, err = w.Okta.ListUsers(ctx, okta.Query{Limit: 1})
	return err
}

// credentialError is a 403 that a probe has shown to concern the credential.
type credentialError struct{ err error }

func (e *credentialError) Error() string {
	return fmt.Sprintf("the credential is not allowed to do this: %v", e.err)
}
func (e *credentialError) Unwrap() error { return e.err }
