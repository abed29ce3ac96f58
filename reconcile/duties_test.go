package reconcile

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// grant is what the store says was last applied to somebody of one role, and
// since when it must be so in ZenQMS: what a hand does later stays (W3).
type grant struct {
	given bool
	since time.Time // zero: nothing was ever applied
}

// noteGrants notes what an attempt has applied of roles.
func (h *history) noteGrants(a *attempt) {
	if len(h.duties) == 0 || a.ignored != "" {
		return
	}
	p, began := h.find(a.claim.OktaID), a.claim.Rows[0].Claimed
	for _, r := range a.claim.Rows { // the worker may go by what the walk has read
		if !r.RunStarted.IsZero() && r.RunStarted.Before(began) {
			began = r.RunStarted
		}
	}
	reports := h.papers()
	link := reports.links[p.id]
	if tie := link.ZenQMSID + " " + link.Created.String(); tie != p.tie {
		p.tie, p.grants = tie, map[int64]grant{}
	}
	for _, d := range h.duties {
		p.regiven = p.regiven || h.gives(d, p) != slices.Contains(p.noRoles, idText(d.ID))
		given := slices.Contains(link.Entitled, idText(d.ID))
		if given != p.grants[d.ID].given || h.pushedNow(p, d, a, reports) {
			p.grants[d.ID] = grant{given, began}
		}
	}
}

// pushedNow tells whether an attempt had to bring a role in step, whoever
// changed it last: a deploy or a sync of the user's, and nothing in the way.
func (h *history) pushedNow(p *human, d *duty, a *attempt, reports papers) bool {
	pushes := slices.ContainsFunc(a.claim.Rows, func(r store.Row) bool { return r.Origin == store.FromInitial || r.Origin == store.FromManual })
	u, there := h.org.User(p.id)
	_, linked := reports.links[p.id]
	_, skipped := reports.skips[p.id]
	return pushes && a.err == nil && there && mean(u.Status) == Live && linked && !skipped && !h.raced && h.scopeOf(p) == inside &&
		!d.vanished && !d.unread() && reports.frozen[idText(d.ID)] == "" && !h.keeps(p, reports)
}

// keeps tells whether a person is asked, or has said no, about taking roles
// from somebody.
func (h *history) keeps(p *human, reports papers) bool {
	said := p.no[store.ActRemoveRole]
	return slices.Contains(reports.holds[p.id], store.ActRemoveRole) || said.After(p.moved) &&
		!slices.ContainsFunc(h.duties, func(d *duty) bool { return !d.unread() && p.turned[d.ID].After(said) && !h.unturned(p, d) })
}

// unturned tells whether somebody joined and left again, or the other way round,
// since a person said no, and nobody has looked in between: the no stands.
func (h *history) unturned(p *human, d *duty) bool {
	return !p.regiven && h.gives(d, p) == slices.Contains(p.noRoles, idText(d.ID))
}

// judgeDuties is rule W3 for somebody live with an account.
func (h *history) judgeDuties(p *human, u zenqmstest.User, reports papers) {
	link, skip := reports.links[p.id], reports.skips[p.id]
	if whole := skip.Code != "" && len(skip.Fields) == 0; whole || slices.Contains(skip.Fields, fieldRoles) {
		return
	}
	for _, d := range h.duties {
		gives, has := h.gives(d, p), holdsRole(u, d.ID)
		applied := slices.Contains(link.Entitled, idText(d.ID))
		g, hand := p.grants[d.ID], h.edits[place(u.ID, d.field())]
		stays := d.unread() || h.keeps(p, reports) // who is to lose it
		switch {
		case d.vanished:
		case gives && !applied:
			h.Errorf("W3: the groups of %s give %s, and that was not applied", p.name, d.Name)
		case !gives && applied && !stays:
			h.Errorf("W3: %s is in no group that gives %s any more, and that was not applied", p.name, d.Name)
		case has != g.given && !g.since.IsZero() && !hand.After(g.since) && (!has || !stays):
			h.Errorf("W3: %s has %s: %v, against what was last applied, and no hand did it", p.name, d.Name, has)
		case has && !gives && !stays && hand.IsZero() && !h.passed[u.ID]:
			h.Errorf("W3: %s has %s, which neither a hand nor his groups gave him", p.name, d.Name)
		}
	}
}

// judgeFrozen asks whether the store knows what cannot be found: that, and
// nothing else, is frozen when everything has come to rest (W3).
func (h *history) judgeFrozen(reports papers) {
	for _, d := range h.duties {
		if frozen := reports.frozen[idText(d.ID)]; d.vanished != (frozen != "") {
			h.Errorf("W3: role %s has vanished: %v, and is frozen: %q", d.Name, d.vanished, frozen)
		}
	}
	for _, c := range h.circles {
		if frozen := reports.frozen[c.id]; c.unread() != (frozen != "") {
			h.Errorf("W3: group %s cannot be read: %v, and is frozen: %q", c.name, c.unread(), frozen)
		}
	}
}

// judgeRoles is rule W3 for one call that changes roles.
func (h *history) judgeRoles(was zenqmstest.User, owner string, adds bool, body map[string]any) {
	p := h.find(owner)
	if p == nil {
		if !h.raced { // else a hand has just cleared the id of an account that was just made
			h.Errorf("W3: roles of account %d change, which is nobody's", was.ID)
		}
		return
	}
	if !p.left.IsZero() && !h.raced && !(adds && h.unseen(p)) {
		h.Errorf("W3: %s is gone, and his roles change", p.name)
	}
	if p.left.IsZero() && h.outside(p) {
		h.Errorf("W4: %s is out of scope, and his roles change", p.name)
	}
	for _, id := range body["role_ids"].([]any) {
		d := h.dutyOf(int64(id.(float64)))
		switch {
		case d == nil:
			h.Errorf("W3: role %v of %s changes, which is not mapped", id, p.name)
		case adds:
			h.judgeGiving(p, d)
		default:
			h.judgeTaking(p, d)
		}
	}
}

// judgeGiving allows for what a walk has read a moment ago (K1), and for who
// was in a group when it could last be read.
func (h *history) judgeGiving(p *human, d *duty) {
	if !h.gives(d, p) && !h.raced && !d.unread() && !h.frozen(d.from) && !h.readBefore(p.turned[d.ID]) && !h.readBefore(h.reopened) {
		h.Errorf("W3: %s is given %s, and none of his groups gives it", p.name, d.Name)
	}
}

// judgeTaking allows for nothing: before a role is taken, the user and every
// group that feeds it are read by id.
func (h *history) judgeTaking(p *human, d *duty) {
	h.judgeBraked(p, store.ActRemoveRole)
	named := h.named()
	h.view(func(tx *store.Tx) error {
		if _, linked, err := tx.Link(p.id); err != nil || !linked && !named {
			h.Errorf("B1: %s loses %s with a link that is new: %v", p.name, d.Name, err)
		}
		return nil
	})
	switch {
	case h.raced:
	case h.gives(d, p):
		h.Errorf("W3: %s loses %s, which his groups give him", p.name, d.Name)
	case d.unread():
		h.Errorf("W3: %s loses %s while a group that gives it cannot be read", p.name, d.Name)
	}
}

// changesRoles tells which way a call changes roles, if it does.
func changesRoles(r *http.Request) (adds, changes bool) {
	adds = strings.HasSuffix(r.URL.Path, "/roles/add")
	return adds, adds || strings.HasSuffix(r.URL.Path, "/roles/remove")
}

// accountOf is the id of the account that a call's path names, 0 for none.
func accountOf(path string) int64 {
	rest, _ := strings.CutPrefix(path, "/v2/users/")
	text, _, _ := strings.Cut(rest, "/")
	id, _ := strconv.ParseInt(text, 10, 64)
	return id
}

// shutCircle makes a group unreadable until the faults are healed.
func (h *history) shutCircle(c *circle) {
	c.shut = true
	h.org.Fail(oktatest.Match{Prefix: "/api/v1/groups/" + c.id}, -1, oktatest.Fault{Status: http.StatusForbidden})
}
