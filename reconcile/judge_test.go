package reconcile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// inStep is the user an account is linked to, if Okta's present state was
// applied to it and nothing about him is under way.
func (h *history) inStep(u zenqmstest.User) (who *human) {
	h.view(func(tx *store.Tx) error {
		link, found, err := tx.LinkOf(strconv.FormatInt(u.ID, 10))
		if err != nil || !found {
			return err
		}
		st, err := tx.Standing(link.OktaID)
		now, there := h.org.User(link.OktaID)
		if there && !st.Open && st.Skip == nil && link.OktaUpdated.Equal(now.LastUpdated) && link.OktaStatus == now.Status {
			who = h.find(link.OktaID)
		}
		return err
	})
	return who
}

// watch stands between the worker and ZenQMS and judges every write.
func (h *history) watch(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/search") {
		return h.acct.Transport().RoundTrip(r)
	}
	raw, err := io.ReadAll(r.Body)
	h.must(err)
	r.Body = io.NopCloser(bytes.NewReader(raw))
	var body map[string]any
	h.must(json.Unmarshal(raw, &body))
	id, _ := strconv.ParseInt(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:], 10, 64)
	was, _ := h.acct.User(id)
	owner := h.ownerOf(was)
	resp, err := h.acct.Transport().RoundTrip(r)
	status := 0
	if err == nil {
		status = resp.StatusCode
	}
	h.say("%s %s %s: %d", r.Method, r.URL.Path, raw, status)
	switch r.Method {
	case http.MethodPost:
		h.judgeCreate(body)
	case http.MethodPatch:
		now, _ := h.acct.User(id)
		h.judgePatch(was, now, owner, body)
	default:
		h.Errorf("W2: %s %s", r.Method, r.URL.Path)
	}
	return resp, err
}

// ownerOf is whose account this is: whose id it carries, else to whom the
// store has linked it.
func (h *history) ownerOf(u zenqmstest.User) (id string) {
	if u.ExternalID != "" {
		return u.ExternalID
	}
	h.view(func(tx *store.Tx) error {
		link, _, err := tx.LinkOf(strconv.FormatInt(u.ID, 10))
		id = link.OktaID
		return err
	})
	return id
}

// unseen tells whether a walk may have read somebody before he left, so that
// the worker may still act on it.
func (h *history) unseen(p *human) bool {
	return h.raced || p.left.IsZero() || h.readBefore(p.left)
}

// readBefore tells whether a walk has read Okta before a time and so lately
// that the worker may still use it (K1: for an hour).
func (h *history) readBefore(t time.Time) bool {
	return slices.ContainsFunc(h.walks, func(at time.Time) bool { return !at.After(t) && time.Since(at) <= time.Hour })
}

// judgeYielding is rule L6: somebody gone gets no account of whose address
// somebody live is.
func (h *history) judgeYielding(p *human, was zenqmstest.User) {
	for _, other := range h.people {
		u, there := h.org.User(other.id)
		fresh := time.Since(other.moved) <= searchLag || h.readBefore(other.moved)
		if there && other != p && mean(u.Status) == Live && same(u.Profile.Email, was.Email) && !fresh {
			h.Errorf("L6: %s is gone and gets account %d, whose address %s has", p.name, was.ID, other.name)
		}
	}
}

func (h *history) judgeCreate(body map[string]any) {
	id, _ := body[fieldExternalID].(string)
	p := h.find(id)
	if p == nil {
		h.Errorf("M1: an account is made for the Okta id %q, which is nobody's", id)
	} else if !h.unseen(p) {
		h.Errorf("L2: an account is made for %s, who is gone", p.name)
	}
}

func (h *history) judgePatch(was, now zenqmstest.User, owner string, body map[string]any) {
	if slices.ContainsFunc(h.strangers, func(s zenqmstest.User) bool { return s.ID == was.ID }) {
		h.Errorf("L1: the stranger's account %d is touched: %v", was.ID, body)
	}
	next := now.ExternalID
	if owner != "" && next != "" && next != owner {
		h.judgePassing(was, owner, next)
	}
	p := h.find(h.ownerOf(now))
	if p != nil && body[fieldActive] != nil {
		h.judgeBraked(p, body[fieldActive] == true)
	}
	if p == nil || h.unseen(p) {
		return
	}
	if owner == "" && next != "" {
		h.judgeYielding(p, was)
	}
	for field, value := range body {
		if field != fieldExternalID && (field != fieldActive || value != false) {
			h.Errorf("M6: %s is gone, and %s is sent for him", p.name, field)
		}
	}
}

// judgePassing is rule L3: an account passes on only from somebody gone to
// somebody of the same name.
func (h *history) judgePassing(was zenqmstest.User, from, to string) {
	old, next := h.find(from), h.find(to)
	if old == nil || next == nil {
		h.Errorf("L3: account %d passes from %q to %q", was.ID, from, to)
		return
	}
	if h.raced {
		return // what was read a moment ago may have been otherwise
	}
	if old.left.IsZero() {
		h.Errorf("L3: account %d passes from %s, who is not gone, to %s", was.ID, old.name, next.name)
	}
	u, _ := h.org.User(to)
	if !same(u.Profile.FirstName, was.FirstName) || !same(u.Profile.LastName, was.LastName) {
		h.Errorf("L3: account %d of %s %s passes from %s to %s, who is %s %s", was.ID, was.FirstName, was.LastName,
			old.name, next.name, u.Profile.FirstName, u.Profile.LastName)
	}
}

// judgeBraked is rule B2: what is held or discarded is done only for a person
// who names the user.
func (h *history) judgeBraked(p *human, active bool) {
	if slices.ContainsFunc(h.hand.Rows, func(r store.Row) bool { return r.Origin == store.FromManual || r.Cleared == store.Approved }) {
		return
	}
	action := map[bool]store.Action{true: store.ActActivate, false: store.ActDeactivate}[active]
	if slices.Contains(h.papers().holds[p.id], action) {
		h.Errorf("B2: %s is held for %s, and it is done", action, p.name)
	}
	u, there := h.org.User(p.id)
	if said, ok := p.noTo[action]; ok && there && !h.raced && said.Equal(u.LastUpdated) {
		h.Errorf("B2: %s is discarded for %s, who has not moved since, and it is done", action, p.name)
	}
}

func same(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

// judgeAlways holds at any moment.
func (h *history) judgeAlways() {
	carriers := map[string]int64{}
	for _, u := range h.acct.Users() {
		if other, twice := carriers[u.ExternalID]; twice && u.ExternalID != "" {
			h.Errorf("L1: accounts %d and %d both carry the id of %s", other, u.ID, h.nameOf(u.ExternalID))
		}
		carriers[u.ExternalID] = u.ID
	}
	for id, actions := range h.papers().holds {
		if slices.Sort(actions); len(slices.Compact(actions)) < len(actions) {
			h.Errorf("B2: %s is held twice for one action", h.nameOf(id))
		}
	}
	for _, s := range h.strangers {
		if now, _ := h.acct.User(s.ID); fmt.Sprint(now) != fmt.Sprint(s) {
			h.Errorf("L1: the stranger's account %d has changed", s.ID)
		}
	}
}

// papers are the reports, by user.
type papers struct {
	links map[string]store.Link
	skips map[string]store.Skip
	holds map[string][]store.Action
	dead  map[string]bool
}

func (h *history) papers() papers {
	p := papers{map[string]store.Link{}, map[string]store.Skip{}, map[string][]store.Action{}, map[string]bool{}}
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

// judge compares both sides when everything has come to rest.
func (h *history) judge() {
	h.judgeAlways()
	h.view(func(tx *store.Tx) error {
		_, err := tx.CheckLog(store.Head{})
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
		case mean(u.Status) == Live:
			h.judgeLive(p, u.Profile, reports)
		}
	}
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
	if there && u.Active && !h.excused(p, u.ID, store.ActDeactivate, reports) && (linked || !reports.dead[p.id]) {
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
	if !there || !mine || k.who.moved.After(k.at) || k.who.pushed.After(k.at) || h.deployed.After(k.at) {
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
		if c.Method == http.MethodPatch && owner == "" {
			id, _ := strconv.ParseInt(c.Path[strings.LastIndex(c.Path, "/")+1:], 10, 64)
			u, _ := h.acct.User(id)
			owner = h.ownerOf(u)
		}
		if len(reports.holds[owner]) > 0 {
			continue // B1: the walk that held him left the rest of his sync, if there is one, to the next
		}
		_, linked := reports.links[owner]
		if p := h.find(owner); p != nil && !p.left.IsZero() && !linked {
			continue // K5: the account of a leaver, of which the first reconcile told the index only on its way
		}
		if code := reports.skips[owner].Code; code == "" || code == store.SkipMissing {
			h.Errorf("K4: a second reconcile writes for %s: %v", h.nameOf(owner), c.Body)
		}
	}
	h.judge()
	h.judgeSkips()
	reports = h.papers()
	tried := slices.ContainsFunc(slices.Collect(maps.Values(reports.skips)), func(s store.Skip) bool { return s.Code != store.SkipMissing })
	if calls := h.reconcileCalls(); len(calls) > 0 && !tried {
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
