package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// somebody draws one of the people, by his place in the order of hiring.
func (h *history) somebody(rt *rapid.T) *human {
	var names []string
	for _, p := range h.people[1:] {
		if !p.deleted {
			names = append(names, p.name)
		}
	}
	if len(names) == 0 {
		rt.Skip("nobody is there")
	}
	name := rapid.SampledFrom(names).Draw(rt, "who")
	return h.people[slices.IndexFunc(h.people, func(p *human) bool { return p.name == name })]
}

func (h *history) oktaHire(rt *rapid.T) {
	if len(h.people) > mostPeople {
		rt.Skip("enough people")
	}
	p := oktatest.Profile{Login: fmt.Sprintf("u%d", len(h.people)),
		Email:     rapid.SampledFrom(h.addresses()).Draw(rt, "address"),
		FirstName: rapid.SampledFrom(firsts).Draw(rt, "first name"),
		LastName:  rapid.SampledFrom(lasts).Draw(rt, "last name"),
		Title:     rapid.SampledFrom(titles).Draw(rt, "title")}
	u := h.org.AddUser(p, rapid.SampledFrom(statuses).Draw(rt, "status"))
	h.say("%s is %s", h.came(u.ID).name, u.ID)
	h.moved(u.ID, h.org)
	for _, c := range h.circles {
		if !c.deleted && rapid.Bool().Draw(rt, "joins "+c.name) {
			h.regroup(func() { h.org.AddMember(c.id, u.ID) })
		}
	}
}

// addresses are those a new user may have: where groups matter, more often one
// of his own.
func (h *history) addresses() []string {
	if len(h.circles) == 0 {
		return addresses
	}
	own := fmt.Sprintf("u%d@example.com", len(h.people))
	return append([]string{own, own, own}, addresses...)
}

func (h *history) oktaProfile(rt *rapid.T) {
	p := h.somebody(rt)
	set := map[string]func(*oktatest.Profile){
		"email":      func(p *oktatest.Profile) { p.Email = "" },
		"first name": func(p *oktatest.Profile) { p.FirstName = rapid.SampledFrom(append(firsts, "")).Draw(rt, "to") },
		"last name":  func(p *oktatest.Profile) { p.LastName = rapid.SampledFrom(append(lasts, "", " ")).Draw(rt, "to") },
		"title":      func(p *oktatest.Profile) { p.Title = rapid.SampledFrom(titles).Draw(rt, "to") },
		"nothing":    func(*oktatest.Profile) {},
	}[rapid.SampledFrom([]string{"title", "first name", "last name", "nothing", "email"}).Draw(rt, "field")]
	h.org.UpdateProfile(p.id, set)
	h.moved(p.id, h.org)
}

func (h *history) oktaAddress(rt *rapid.T) {
	p := h.somebody(rt)
	to := rapid.SampledFrom(addresses).Draw(rt, "to")
	h.org.UpdateProfile(p.id, func(p *oktatest.Profile) { p.Email = to })
	h.moved(p.id, h.org)
}

func (h *history) oktaStatus(rt *rapid.T) {
	p := h.somebody(rt)
	h.setStatus(p, rapid.SampledFrom(statuses).Draw(rt, "to"))
}

func (h *history) oktaLeave(rt *rapid.T) { h.setStatus(h.somebody(rt), oktatest.Deprovisioned) }

func (h *history) setStatus(p *human, status string) {
	if u, _ := h.org.User(p.id); u.Status == status {
		return
	}
	h.org.SetStatus(p.id, status)
	h.moved(p.id, h.org)
}

func (h *history) oktaDelete(rt *rapid.T) {
	p := h.somebody(rt)
	h.org.Delete(p.id)
	h.moved(p.id, h.org)
}

func (h *history) deliver(events ...oktatest.Event) {
	var received []store.Event
	for _, e := range events {
		ev := asReceived(e)
		h.heard(e.Type, ev.Groups)
		received = append(received, ev)
	}
	h.must(receive(h.db, received...))
	h.events = append(h.events, events...)
}

func (h *history) hooksDeliver(rt *rapid.T) {
	events := h.org.Pending()
	if len(events) == 0 {
		rt.Skip("no hooks")
	}
	n := rapid.IntRange(1, len(events)).Draw(rt, "how many")
	h.org.Drop(n)
	h.deliver(events[:n]...)
}

func (h *history) hooksBackwards(rt *rapid.T) {
	events := h.org.Pending()
	if len(events) == 0 {
		rt.Skip("no hooks")
	}
	h.org.DropAll()
	slices.Reverse(events)
	h.deliver(events...)
}

// hooksAgain delivers what came long ago: with its old id, and as if Okta had
// given it a new one.
func (h *history) hooksAgain(rt *rapid.T) {
	if len(h.events) == 0 {
		rt.Skip("no old hooks")
	}
	e := h.events[rapid.IntRange(0, len(h.events)-1).Draw(rt, "which")]
	if rapid.Bool().Draw(rt, "with another uuid") {
		e.UUID = fmt.Sprintf("again-%d", len(h.events))
	}
	h.deliver(e)
}

// hooksAhead is an event whose effect Okta does not show (yet).
func (h *history) hooksAhead(rt *rapid.T) {
	p := h.somebody(rt)
	kind := rapid.SampledFrom([]string{store.UserDeactivate, store.UserSuspend, store.UserActivate, store.UserDeleteInitiated}).Draw(rt, "event")
	h.deliver(oktatest.Event{UUID: fmt.Sprintf("ahead-%d", len(h.events)), Type: kind, Published: time.Now(), Targets: []oktatest.Target{{ID: p.id, Type: "User"}}})
}

// someAccount draws an account that is no stranger's.
func (h *history) someAccount(rt *rapid.T) zenqmstest.User {
	users := h.acct.Users()[len(h.strangers):]
	if len(users) == 0 {
		rt.Skip("no accounts")
	}
	return users[rapid.IntRange(0, len(users)-1).Draw(rt, "which account")]
}

func (h *history) byHand(u zenqmstest.User, field string, change func(*zenqmstest.User)) {
	who := h.inStep(u)
	if strings.HasPrefix(field, "role ") {
		who = h.dutiesInStep(u)
	}
	h.edited(u, field, who)
	h.acct.Edit(u.ID, change)
	after, _ := h.acct.User(u.ID)
	h.kept(u.ID, field, after)
	h.say("by hand: account %d %s: %v", u.ID, field, valueOf(after, field))
}

func (h *history) zenqmsEdit(rt *rapid.T) {
	u := h.someAccount(rt)
	switch field := rapid.SampledFrom([]string{fieldTitle, fieldFirstName, fieldLastName, fieldEmail}).Draw(rt, "field"); field {
	case fieldTitle:
		h.byHand(u, field, func(u *zenqmstest.User) { u.Title = rapid.SampledFrom(append(titles[1:], "By hand")).Draw(rt, "to") })
	case fieldFirstName:
		h.byHand(u, field, func(u *zenqmstest.User) { u.FirstName = rapid.SampledFrom(append(firsts, "By hand")).Draw(rt, "to") })
	case fieldLastName:
		h.byHand(u, field, func(u *zenqmstest.User) { u.LastName = rapid.SampledFrom(append(lasts, "By hand")).Draw(rt, "to") })
	case fieldEmail:
		to := rapid.SampledFrom(append([]string{fmt.Sprintf("spare%d@example.com", u.ID)}, addresses...)).Draw(rt, "to")
		if other, taken := h.acct.ByEmail(to); taken && other.ID != u.ID {
			rt.Skip("ZenQMS would not have it")
		}
		h.byHand(u, field, func(u *zenqmstest.User) { u.Email = to })
	}
}

func (h *history) zenqmsFlip(rt *rapid.T) {
	h.byHand(h.someAccount(rt), fieldActive, func(u *zenqmstest.User) { u.Active = !u.Active })
}

func (h *history) zenqmsClear(rt *rapid.T) {
	h.byHand(h.someAccount(rt), fieldExternalID, func(u *zenqmstest.User) { u.ExternalID = "" })
}

func (h *history) zenqmsRemove(rt *rapid.T) {
	u := h.someAccount(rt)
	h.acct.Remove(u.ID)
	h.removed(u.ID)
	h.say("by hand: account %d is removed", u.ID)
}

func (h *history) zenqmsAdd(rt *rapid.T) {
	// With a new user's own address among them, he meets an account that has roles.
	email := rapid.SampledFrom(h.addresses()).Draw(rt, "address")
	if _, taken := h.acct.ByEmail(email); taken {
		rt.Skip("ZenQMS would not have it")
	}
	h.openAccount(rt, email)
}

func (h *history) openAccount(rt *rapid.T, email string) {
	u := h.acct.AddUser(zenqmstest.User{Email: email, FirstName: rapid.SampledFrom(firsts).Draw(rt, "first name"),
		LastName: rapid.SampledFrom(lasts).Draw(rt, "last name"), Title: "Auditor", Active: rapid.Bool().Draw(rt, "active")})
	for _, d := range h.duties {
		if !d.vanished && rapid.Bool().Draw(rt, "has "+d.Name) {
			h.acct.Edit(u.ID, toggle(d.Role))
			h.edited(u, d.field(), nil)
		}
	}
	h.say("by hand: account %d is added", u.ID)
}

func (h *history) faultZenQMS(rt *rapid.T) {
	kind := rapid.SampledFrom([]string{"500", "drop", "drop after acting", "429", "503 with Retry-After", "401", "no JSON after acting", "422"}).Draw(rt, "fault")
	on := rapid.SampledFrom([]string{"any call", "creates", "updates", "searches"}).Draw(rt, "on")
	match := map[string]zenqmstest.Match{"any call": zenqmstest.OnAny, "creates": zenqmstest.OnCreate, "updates": zenqmstest.OnUpdate, "searches": zenqmstest.OnSearch}[on]
	n := rapid.IntRange(1, 6).Draw(rt, "times")
	switch kind {
	case "401":
		h.acct.SetToken("rotated")
	case "422":
		h.acct.Fail(zenqmstest.OnUpdate, n, zenqmstest.Fault{Status: 422, Message: "not like this"})
	default:
		h.acct.Fail(match, n, map[string]zenqmstest.Fault{
			"500": {Status: 500}, "drop": {Drop: true}, "drop after acting": {DropAfter: true}, "429": {Status: 429, RetryAfter: 30 * time.Second},
			"503 with Retry-After": {Status: 503, RetryAfter: 2 * time.Minute}, "no JSON after acting": {Body: "<html>"}}[kind])
	}
}

func (h *history) faultOkta(rt *rapid.T) {
	kind := rapid.SampledFrom([]string{"500", "drop", "429", "401", "cut"}).Draw(rt, "fault")
	on := rapid.SampledFrom([]string{"any call", "lists", "reads"}).Draw(rt, "on")
	match := map[string]oktatest.Match{"any call": {}, "lists": {Route: "/api/v1/users"}, "reads": {Route: "/api/v1/users/{id}"}}[on]
	h.org.Fail(match, rapid.IntRange(1, 6).Draw(rt, "times"), map[string]oktatest.Fault{
		"500": {Status: 500}, "drop": {Drop: true}, "429": {Status: 429, ResetAfter: 20 * time.Second}, "401": {Status: 401}, "cut": {CutAfter: 20}}[kind])
}

func (h *history) heal() {
	h.acct.Heal()
	h.acct.SetToken(zenqmstest.DefaultToken)
	h.org.ClearFaults()
	for _, c := range h.circles {
		if c.shut {
			c.shut, h.reopened = false, time.Now()
		}
	}
}

// faultRoles lets ZenQMS fail where roles are concerned.
func (h *history) faultRoles(rt *rapid.T) {
	on := map[string]zenqmstest.Match{"giving": zenqmstest.OnAddRoles, "taking": zenqmstest.OnRemoveRoles, "listing": zenqmstest.OnRoleSearch}
	match := on[rapid.SampledFrom([]string{"giving", "taking", "listing"}).Draw(rt, "on")]
	fault := map[string]zenqmstest.Fault{"500": {Status: 500}, "drop after acting": {DropAfter: true}, "422": {Status: 422, Message: "not this one"}}
	h.acct.Fail(match, rapid.IntRange(1, 6).Draw(rt, "times"), fault[rapid.SampledFrom([]string{"500", "drop after acting", "422"}).Draw(rt, "fault")])
}
