package reconcile

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// reach is where somebody stands towards sync.groups.
type reach int

const (
	inside reach = iota
	beyond
	unsure // he was in a group that nobody can read; or he is gone, when his scope is the last one known
)

// limitScope draws whether the config limits scope: to a group of its own, or
// to one that gives roles as well; and what becomes of who leaves it.
func (h *history) limitScope(rt *rapid.T) {
	switch rapid.SampledFrom([]string{"none", "none", "a group", "a group that gives roles"}).Draw(rt, "scope") {
	case "none":
		return
	case "a group that gives roles":
		if len(h.duties) > 0 {
			h.scope = []*circle{h.circles[0]}
			break
		}
		fallthrough
	default:
		h.scope = []*circle{h.addCircle("QMS")}
	}
	h.leavers = rapid.Bool().Draw(rt, "who leaves scope is deactivated")
	h.w.Policy.Leavers = h.leavers
	h.regroup(func() { h.org.AddMember(h.scope[0].id, h.people[0].id) })
	h.update(func(tx *store.Tx) error { return tx.SetScopeGroups([]store.MappedGroup{h.scope[0].mapped()}) })
}

// inScope is what Okta's groups say.
func (h *history) inScope(p *human) bool {
	return len(h.scope) == 0 || slices.ContainsFunc(h.scope, func(c *circle) bool { return h.within(c, p) })
}

func (h *history) scopeOf(p *human) reach {
	switch {
	case h.inScope(p):
		return inside
	case !p.left.IsZero() || slices.ContainsFunc(h.scope, func(c *circle) bool { return c.unread() && p.was[c] }):
		return unsure
	}
	return beyond
}

// outside tells whether somebody is out of scope, and nobody may take him for
// one in it: by what a walk has read lately (K1), or could not read.
func (h *history) outside(p *human) bool {
	return h.scopeOf(p) == beyond && !h.frozen(h.scope) && !h.raced && !h.readBefore(p.flipped) && !h.readBefore(h.reopened)
}

// frozen tells whether the last walk could not read one of some groups: then
// whoever was in it stays.
func (h *history) frozen(circles []*circle) bool {
	known := h.papers().frozen
	return slices.ContainsFunc(circles, func(c *circle) bool { return known[c.id] != "" })
}

// scopeInStep tells whether the store knows a user's scope, and has applied it.
func (h *history) scopeInStep(st store.Standing) bool {
	if len(h.scope) == 0 {
		return true
	}
	known := map[bool]reach{false: inside, true: beyond}[st.OutOfScope]
	return known == h.scopeOf(h.find(st.OktaID)) && st.Link.Wish == h.w.Policy.wish(st.Person).hash()
}

// judgeOutside is rule W4 for what is sent for somebody live out of scope: if
// anything, that he is inactive.
func (h *history) judgeOutside(p *human, body map[string]any) {
	for field, value := range body {
		if !h.leavers || field != fieldActive || value != false {
			h.Errorf("W4: %s is out of scope, and %s is sent for him", p.name, field)
		}
	}
}

// judgeOut is rule W4 for somebody live out of scope when everything has come
// to rest.
func (h *history) judgeOut(p *human, reports papers) {
	if s, skipped := reports.skips[p.id]; skipped {
		h.Errorf("W4: %s is out of scope and in the skip report: %s", p.name, s.Reason)
	}
	link, linked := reports.links[p.id]
	if !linked || !h.leavers {
		return
	}
	u, there := h.acct.User(accountOf("/v2/users/" + link.ZenQMSID))
	if there && u.Active && !h.excusedOut(p, u, link, reports) {
		h.Errorf("W4: %s has left scope, and his account %d is active", p.name, u.ID)
	}
}

// excusedOut tells whether an account may be active though its user has left
// scope: the brake holds it, a person has said no, or has made it active since
// he first left; he may have been back meanwhile without anybody noticing.
func (h *history) excusedOut(p *human, u zenqmstest.User, link store.Link, reports papers) bool {
	since := p.moved
	if i := slices.IndexFunc(p.outs, link.Created.Before); i >= 0 && p.outs[i].After(since) {
		since = p.outs[i]
	}
	return slices.Contains(reports.holds[p.id], store.ActDeactivate) || p.no[store.ActDeactivate].After(p.moved) ||
		h.edits[place(u.ID, fieldActive)].After(since)
}
