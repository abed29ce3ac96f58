package reconcile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

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
		if there && !st.Open && st.Skip == nil && link.OktaUpdated.Equal(now.LastUpdated) && link.OktaStatus == now.Status && h.scopeInStep(st) {
			who = h.find(link.OktaID)
		}
		return err
	})
	return who
}

// dutiesInStep is the user an account is linked to, if what his groups give
// him was applied and nothing about him is under way.
func (h *history) dutiesInStep(u zenqmstest.User) (who *human) {
	h.view(func(tx *store.Tx) error {
		link, found, err := tx.LinkOf(idText(u.ID))
		if err != nil || !found {
			return err
		}
		p := h.find(link.OktaID)
		st, err := tx.Standing(link.OktaID)
		if slices.ContainsFunc(h.duties, func(d *duty) bool {
			return d.vanished || d.unread() || h.gives(d, p) != slices.Contains(link.Entitled, idText(d.ID))
		}) || st.Open || st.Skip != nil {
			return err
		}
		who = p
		return err
	})
	return who
}

// watch stands between the worker and ZenQMS and judges every write.
func (h *history) watch(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/search") {
		return h.acct.Transport().RoundTrip(r)
	}
	h.judgeSent()
	raw, err := io.ReadAll(r.Body)
	h.must(err)
	r.Body = io.NopCloser(bytes.NewReader(raw))
	var body map[string]any
	h.must(json.Unmarshal(raw, &body))
	id := accountOf(r.URL.Path)
	was, _ := h.acct.User(id)
	owner := h.ownerOf(was)
	adds, roles := changesRoles(r)
	resp, err := h.acct.Transport().RoundTrip(r)
	status := 0
	if err == nil {
		status = resp.StatusCode
	}
	h.say("%s %s %s: %d", r.Method, r.URL.Path, raw, status)
	now, _ := h.acct.User(id)
	h.owned(id, owner)
	h.owned(id, h.ownerOf(now))
	switch {
	case roles:
		h.judgeRoles(was, owner, adds, body)
	case r.Method == http.MethodPost:
		h.judgeCreate(body)
	case r.Method == http.MethodPatch:
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
	} else if h.outside(p) {
		h.Errorf("W4: an account is made for %s, who is out of scope", p.name)
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
		h.judgeBraked(p, map[bool]store.Action{true: store.ActActivate, false: store.ActDeactivate}[body[fieldActive] == true])
	}
	if p != nil && p.left.IsZero() && h.outside(p) {
		h.judgeOutside(p, body)
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

// named tells whether a person has named the user, or approved something.
func (h *history) named() bool {
	return slices.ContainsFunc(h.hand.Rows, func(r store.Row) bool { return r.Origin == store.FromManual || r.Cleared == store.Approved })
}

// judgeBraked is rule B2: what is held or discarded is done only for a person
// who names the user.
func (h *history) judgeBraked(p *human, action store.Action) {
	if h.named() {
		return
	}
	if h.w.Brake.limit(action).Max == 0 {
		h.Errorf("B1: a maximum of 0 holds every %s, and that of %s is done", action, p.name)
	}
	if slices.Contains(h.papers().holds[p.id], action) {
		h.Errorf("B2: %s is held for %s, and it is done", action, p.name)
	}
	u, there := h.org.User(p.id)
	if said, ok := p.noTo[action]; ok && there && !h.raced && said.Equal(u.LastUpdated) && !h.askedAnew(p, action) {
		h.Errorf("B2: %s is discarded for %s, who has not moved since, and it is done", action, p.name)
	}
}

// askedAnew tells whether what somebody has said no to may not have been
// wanted for a while: then the no is forgotten.
func (h *history) askedAnew(p *human, action store.Action) bool {
	if p.flipped.After(p.no[action]) {
		return true
	}
	if action != store.ActRemoveRole {
		return false
	}
	link := h.papers().links[p.id]
	account, _ := strconv.ParseInt(link.ZenQMSID, 10, 64)
	return slices.ContainsFunc(h.duties, func(d *duty) bool {
		said := p.no[action]
		return d.vanished || p.turned[d.ID].After(said) || h.edits[place(account, d.field())].After(said)
	})
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
