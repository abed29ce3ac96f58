package reconcile

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// papers are the reports, by user.
type papers struct {
	links map[string]store.Link
	skips map[string]store.Skip
	holds map[string][]store.Action
	dead  map[string]bool
	// frozen says of the ids of roles and groups why they cannot be found.
	frozen map[string]string
}

func (h *history) papers() papers {
	p := papers{map[string]store.Link{}, map[string]store.Skip{}, map[string][]store.Action{}, map[string]bool{}, map[string]string{}}
	h.view(func(tx *store.Tx) error {
		links, err := tx.LinksAfter("", 1000)
		if err != nil {
			return err
		}
		for _, l := range links {
			p.links[l.OktaID] = l.Link
		}
		skips, err := tx.SkipsAfter("", 1000)
		if err != nil {
			return err
		}
		for _, s := range skips {
			p.skips[s.OktaID] = s
		}
		holds, err := tx.Holds(0)
		if err != nil {
			return err
		}
		for _, held := range holds {
			p.holds[held.OktaID] = append(p.holds[held.OktaID], held.Action)
		}
		if err := p.readFrozen(tx); err != nil {
			return err
		}
		report, err := store.ReportByName("dead")
		if err != nil {
			return err
		}
		_, rows, err := tx.Report(report, store.ReportArgs{})
		for _, row := range rows {
			p.dead[row[1].(string)] = true
		}
		return err
	})
	return p
}

func (p papers) readFrozen(tx *store.Tx) error {
	groups, err := tx.MappedGroups()
	if err != nil {
		return err
	}
	for _, g := range groups {
		p.frozen[g.ID] = g.Frozen
	}
	rules, err := tx.RoleRules()
	for _, r := range rules {
		p.frozen[r.RoleID] = r.Frozen
	}
	return err
}

// judge compares both sides when everything has come to rest.
func (h *history) judge() {
	h.judgeAlways()
	h.view(func(tx *store.Tx) error {
		_, err := tx.CheckLog(store.Head{}, nil)
		return err
	})
	reports := h.papers()
	linked := map[string]string{}
	for id, l := range reports.links {
		if other, twice := linked[l.ZenQMSID]; twice {
			h.Errorf("L1: account %s is linked to %s and %s", l.ZenQMSID, h.nameOf(id), h.nameOf(other))
		}
		linked[l.ZenQMSID] = id
	}
	for _, p := range h.people {
		u, there := h.org.User(p.id)
		switch {
		case !there || mean(u.Status) == Gone:
			h.judgeGone(p, reports)
		case mean(u.Status) == Live && h.scopeOf(p) == inside:
			h.judgeLive(p, u.Profile, reports)
		case mean(u.Status) == Live && h.scopeOf(p) == beyond:
			h.judgeOut(p, reports)
		}
	}
	h.judgeFrozen(reports)
	for where, k := range h.stays {
		h.judgeStays(where, k, reports)
	}
}

// account is a user's account, false when he has none: the linked one, else
// the one that carries his id.
func (h *history) account(p *human, reports papers) (u zenqmstest.User, linked, there bool) {
	link, linked := reports.links[p.id]
	if !linked {
		u, there = h.acct.ByExternalID(p.id)
		return u, false, there
	}
	id, err := strconv.ParseInt(link.ZenQMSID, 10, 64)
	h.must(err)
	if u, there = h.acct.User(id); !there && p.left.IsZero() && !h.gone[id].After(p.due()) {
		h.Errorf("L5: %s is linked to account %d, which was removed before he moved", p.name, id)
	}
	return u, true, there
}

// excused tells whether an account may be active, or not, against Okta's word:
// the brake holds it, a person has said no or has done it by hand since the
// user last moved.
func (h *history) excused(p *human, account int64, action store.Action, reports papers) bool {
	since := p.due()
	if !p.left.IsZero() {
		since = p.left // what moves while he is gone, with an inactive link, is not looked for (K2)
	}
	return slices.Contains(reports.holds[p.id], action) || p.no[action].After(p.moved) || h.edits[place(account, fieldActive)].After(since)
}

func (h *history) judgeGone(p *human, reports papers) {
	if s, skipped := reports.skips[p.id]; skipped {
		h.Errorf("M3: %s is gone and in the skip report: %s", p.name, s.Reason)
	}
	u, linked, there := h.account(p, reports)
	if there && u.Active && !h.excused(p, u.ID, store.ActDeactivate, reports) && (linked || !reports.dead[p.id] && h.scopeOf(p) == inside) {
		h.Errorf("M2: %s is gone, and his account %d is active", p.name, u.ID)
	}
}

func (h *history) judgeLive(p *human, o oktatest.Profile, reports papers) {
	u, linked, there := h.account(p, reports)
	skip, skipped := reports.skips[p.id]
	missing := ""
	for name, value := range map[string]string{"email": o.Email, "first name": o.FirstName, "last name": o.LastName} {
		if strings.TrimSpace(value) == "" {
			missing = name
		}
	}
	if (missing != "") != (skip.Code == store.SkipMissing) && (linked || missing == "" || skipped) {
		h.Errorf("M3: %s misses %q, and his skip is %q", p.name, missing, skip.Code)
	}
	if !linked {
		if !skipped {
			h.Errorf("L2: %s is live, has no account and is in no report", p.name)
		}
		return
	}
	if !there {
		return // removed by hand since he moved
	}
	h.judgeDuties(p, u, reports)
	whole := skipped && len(skip.Fields) == 0 && skip.Code != store.SkipMissing
	if !u.Active && !h.excused(p, u.ID, store.ActActivate, reports) && !whole && !slices.Contains(skip.Fields, fieldActive) {
		h.Errorf("M2: %s is live, and his account %d is inactive", p.name, u.ID)
	}
	if missing != "" || whole {
		return
	}
	wish := zenqmstest.User{Email: o.Email, FirstName: o.FirstName, LastName: o.LastName, Title: o.Title, ExternalID: p.id}
	for _, field := range []string{fieldEmail, fieldFirstName, fieldLastName, fieldTitle, fieldExternalID} {
		want, have := strings.TrimSpace(valueOf(wish, field).(string)), strings.TrimSpace(valueOf(u, field).(string))
		equal := want == have || field == fieldTitle && want == "" || field == fieldEmail && same(want, have)
		if !equal && !slices.Contains(skip.Fields, field) && !h.edits[place(u.ID, field)].After(p.due()) {
			h.Errorf("M1: %s of %s is %q in Okta and %q in account %d, and no report says so", field, p.name, want, have, u.ID)
		}
	}
}

// judgeStays is rule W1: an edit stays until the same user moves, or somebody
// pushes.
func (h *history) judgeStays(where string, k keep, reports papers) {
	account, field, _ := strings.Cut(where, " ")
	id, err := strconv.ParseInt(account, 10, 64)
	h.must(err)
	u, there := h.acct.User(id)
	mine := reports.links[k.who.id].ZenQMSID == account
	changed := k.who.moved
	if role, is := strings.CutPrefix(field, "role "); is {
		id, _ := strconv.ParseInt(role, 10, 64)
		changed = k.who.turned[id]
		if d := h.dutyOf(id); d != nil && d.vanished || reports.links[k.who.id].Created.After(k.at) {
			return
		}
	}
	if !there || !mine || changed.After(k.at) || k.who.flipped.After(k.at) || k.who.pushed.After(k.at) || k.who.retried.After(k.at) || h.deployed.After(k.at) {
		return
	}
	if now := valueOf(u, field); now != k.value {
		h.Errorf("W1: %s has not moved, and %s of his account %d, set to %v by hand, is %v", k.who.name, field, id, k.value, now)
	}
}

// judgeQuiet runs a second reconcile, which must find nothing to do but what
// the skip report says is tried again, and a third, which must not even ask.
func (h *history) judgeQuiet() {
	reports := h.papers()
	for _, c := range h.reconcileCalls() {
		if c.Search() {
			continue
		}
		owner, _ := c.Body[fieldExternalID].(string)
		if id := accountOf(c.Path); id != 0 && owner == "" {
			u, _ := h.acct.User(id)
			owner = h.ownerOf(u)
		}
		if code := reports.skips[owner].Code; code == "" || code == store.SkipMissing {
			h.Errorf("K4: a second reconcile writes for %s: %v", h.nameOf(owner), c.Body)
		}
	}
	h.judge()
	h.judgeSkips()
	reports = h.papers()
	tried := slices.ContainsFunc(slices.Collect(maps.Values(reports.skips)), func(s store.Skip) bool { return s.Code != store.SkipMissing })
	calls := slices.DeleteFunc(h.reconcileCalls(), func(c zenqmstest.Call) bool {
		return c.Path == zenqmstest.OnRoleSearch.Path // one a walk, whoever is in ZenQMS
	})
	if len(calls) > 0 && !tried {
		h.Errorf("K4: a reconcile with nothing to do makes %d calls of ZenQMS", len(calls))
	}
}

// reconcileCalls are the calls of ZenQMS that one more reconcile makes.
func (h *history) reconcileCalls() []zenqmstest.Call {
	before := len(h.acct.Calls())
	h.say("one more reconcile")
	h.want(store.ReconcileRun)
	h.rest()
	return h.acct.Calls()[before:]
}

// judgeSkips asks of every skip whether there is a reason for it.
func (h *history) judgeSkips() {
	reports := h.papers()
	for _, id := range slices.Sorted(maps.Keys(reports.skips)) {
		p := h.find(id)
		u, there := h.org.User(id)
		skip := reports.skips[id]
		if !there || mean(u.Status) != Live || skip.Code == store.SkipMissing {
			continue
		}
		if skip.Code == store.SkipRefused {
			if _, linked := reports.links[id]; linked || !h.titled || strings.TrimSpace(u.Profile.Title) != "" {
				h.Errorf("L4: %s is skipped, and ZenQMS would refuse nothing of his: %s", p.name, skip.Reason)
			}
			continue
		}
		shared := slices.ContainsFunc(h.people, func(other *human) bool {
			o, there := h.org.User(other.id)
			return other != p && there && same(o.Profile.Email, u.Profile.Email)
		}) || slices.ContainsFunc(h.acct.Users(), func(a zenqmstest.User) bool {
			return same(a.Email, u.Profile.Email) && strconv.FormatInt(a.ID, 10) != reports.links[id].ZenQMSID
		})
		if !shared {
			h.Errorf("L3: %s is skipped, and nobody else has his address: %s", p.name, skip.Reason)
		}
	}
}
