package reconcile

import (
	"context"
	"io"
	"log/slog"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// Explanation is how one user stands and what a sync would do about him now.
type Explanation struct {
	User     store.Person
	Link     *store.Link
	Skip     *store.Skip
	Holds    []store.Hold
	Open     []store.OpenRow
	Groups   []string // names of the mapped groups he is in
	Roles    []string // names of the mapped roles they give him
	Account  *zenqms.User
	Decision Decision
	Moved    bool   // past what was last applied; false for somebody without a link
	Rule     string // the rules that say so
}

// Explain reads a user on both sides and tells what a sync would do about him,
// and why. It works on a copy of the store and cannot write to ZenQMS.
func (w *Worker) Explain(ctx context.Context, on *store.Copy, oktaID string) (Explanation, error) {
	look := &Worker{DB: on.DB, Okta: w.Okta, ZenQMS: newDry(w.ZenQMS), Policy: w.Policy, Brake: w.Brake,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), addresses: newAddressLocks(), outages: newOutages()}
	a := &attempt{claim: store.Claim{OktaID: oktaID, Rows: []store.Row{{OktaID: oktaID, Origin: store.FromHook}}}}
	unlock, err := look.consider(ctx, a)
	if err != nil {
		return Explanation{}, err
	}
	unlock()
	if a.facts.Link != nil && !a.facts.Asked { // nothing to decide, so that nobody has looked
		if err := look.gatherAccount(ctx, a, false); err != nil {
			return Explanation{}, err
		}
	}
	x := Explanation{User: a.facts.User, Link: a.facts.Link, Skip: a.facts.Skip, Account: a.decision.Target, Decision: a.decision,
		Rule: ruleOf(a.facts, a.decision)}
	if x.Account == nil {
		x.Account = a.facts.Account
	}
	x.Moved = x.Link != nil && moved(x.User, *x.Link, w.Policy.wish(x.User))
	err = on.View(ctx, func(tx *store.Tx) error {
		if x.Holds, err = tx.HoldsOf(oktaID); err != nil {
			return err
		}
		if x.Open, err = tx.OpenRows(oktaID); err != nil {
			return err
		}
		return x.readGroups(tx, a.facts)
	})
	return x, err
}

// readGroups names the mapped groups and roles of the user.
func (x *Explanation) readGroups(tx *store.Tx, f Facts) error {
	groups, err := tx.MappedGroups()
	if err != nil {
		return err
	}
	for _, g := range groups {
		in, err := tx.IsMember(g.ID, f.User.OktaID)
		if err != nil {
			return err
		}
		if in {
			x.Groups = append(x.Groups, g.Name)
		}
	}
	for _, rule := range f.Roles {
		for _, id := range f.Entitled {
			if id == rule.RoleID {
				x.Roles = append(x.Roles, rule.RoleName)
			}
		}
	}
	return nil
}

// ruleOf names the rules a decision follows from, as the design numbers them.
func ruleOf(f Facts, d Decision) string {
	switch {
	case d.Unknown:
		return "M2"
	case f.User.OutOfScope:
		return "W4"
	case d.Skip != nil && d.Skip.Code == store.SkipMissing:
		return "M3"
	case d.Skip != nil:
		return "L3"
	case d.Create != nil:
		return "L2"
	case d.DropLink:
		return "L5"
	}
	switch d.Action {
	case store.ActRelink:
		return "L3"
	case store.ActLink:
		return "L1"
	case store.ActDeactivate:
		return "M2, M6"
	case store.ActActivate:
		return "M2"
	case store.ActUpdate:
		return "M5"
	}
	switch {
	case len(d.Add)+len(d.Remove) > 0:
		return "W3"
	case d.Target != nil:
		return "M5" // nothing differs
	case f.Link == nil:
		return "L2, L6"
	}
	return "W1"
}

// Fields are what a decision would send or set, by name.
func (d Decision) Fields() []string {
	if d.Create != nil {
		return append([]string{fieldExternalID, fieldActive}, texts...)
	}
	fields := sentOf(d.Patch, append([]string{fieldExternalID, fieldActive}, texts...))
	for _, r := range d.Add {
		fields = append(fields, "+role "+r.Name)
	}
	for _, r := range d.Remove {
		fields = append(fields, "-role "+r.Name)
	}
	return fields
}

// Reason is why a decision leaves the user out, or does nothing.
func (d Decision) Reason() string {
	if d.Skip != nil {
		return string(d.Skip.Code) + ": " + d.Skip.Text
	}
	return d.Why
}
