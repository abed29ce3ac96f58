package reconcile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

var hired = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func somebody(id, first string) store.Person {
	return store.Person{OktaID: id, Created: hired, Updated: hired, Status: "ACTIVE", Email: "ada@example.com", FirstName: first, LastName: "Byron"}
}

// inStep are the facts of a linked user of whom ZenQMS has all right.
func inStep(status string) Facts {
	u := somebody("00u1", "Ada")
	u.Status = status
	w := Policy{}.wish(u)
	return Facts{User: u, Asked: true,
		Link:    &store.Link{OktaID: u.OktaID, ZenQMSID: "7", OktaUpdated: u.Updated, OktaStatus: status, Wish: w.hash(), Active: w.Active},
		Account: &zenqms.User{ID: "7", ExternalID: u.OktaID, Email: u.Email, FirstName: "Ada", LastName: "Byron", Active: w.Active}}
}

func TestM2_AnUnknownStatusSaysSo(t *testing.T) {
	d := Decide(inStep("ACTIVATING"), Policy{})
	assert.True(t, d.Unknown)
	assert.Equal(t, store.ActNone, d.Action)
	assert.Contains(t, d.Why, "ACTIVATING")
	assert.Contains(t, d.Why, "sync.statuses", "and names the remedy")
}

func TestW1_WhatCountsAsMoved(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Facts)
		want   bool
	}{
		"nothing":             {func(*Facts) {}, false},
		"lastUpdated":         {func(f *Facts) { f.User.Updated = hired.Add(time.Millisecond) }, true},
		"an older reading":    {func(f *Facts) { f.User.Updated = hired.Add(-time.Second) }, false},
		"the status":          {func(f *Facts) { f.Link.OktaStatus = "STAGED" }, true},
		"the wish":            {func(f *Facts) { f.Link.Wish = "another" }, true},
		"deploy or sync USER": {func(f *Facts) { f.Push = true }, true},
	} {
		for _, status := range []string{"ACTIVE", "SUSPENDED"} {
			f := inStep(status)
			if name == "the status" && status == "SUSPENDED" {
				f.Link.OktaStatus = "DEPROVISIONED" // as gone: the wish is the same
			}
			c.change(&f)
			f.Account.Active = !f.Account.Active // edited by hand
			f.Asked = false
			d := Decide(f, Policy{})
			assert.Equal(t, c.want, d.Ask, "W1: %s, %s: ZenQMS is asked only of somebody who moved", name, status)
			if !c.want {
				assert.Equal(t, Decision{Action: store.ActNone, Why: "nothing moved since the last sync"}, d)
			}
			f.Asked = true
			d = Decide(f, Policy{})
			assert.Equal(t, c.want, d.Patch.Active != nil, "W1: %s, %s", name, status)
		}
	}
}

func TestM6_AGoneUserWhoseAccountZenQMSCalledActiveIsNotInStep(t *testing.T) {
	f := inStep("SUSPENDED")
	f.Link.Active, f.Account.Active = true, true
	assert.Equal(t, store.ActDeactivate, Decide(f, Policy{}).Action)
	f.Account.Active = false
	d := Decide(f, Policy{})
	assert.Equal(t, store.ActNone, d.Action, "M5: what is so already is not sent")
	assert.True(t, d.Patch.Empty())
}

func TestL5_OfALostLinkTheRulesOfMatchingHold(t *testing.T) {
	for name, lose := range map[string]func(*Facts){
		"gone":            func(f *Facts) { f.Account = nil },
		"somebody else's": func(f *Facts) { f.Account.ExternalID = "00u9" },
	} {
		for _, status := range []string{"ACTIVE", "SUSPENDED"} {
			f := inStep(status)
			f.Push = true
			lose(&f)
			assert.True(t, Decide(f, Policy{}).DropLink, "L5: %s, %s", name, status)
			f.User.LastName = ""
			assert.True(t, Decide(f, Policy{}).DropLink, "L5: %s, %s, incomplete", name, status)
		}
	}
	for name, keep := range map[string]func(*Facts){
		"cleared by hand": func(f *Facts) { f.Account.ExternalID = "" },
		"an operator moved it and ZenQMS does not know yet": func(f *Facts) { f.Account.ExternalID, f.Link.TakenFrom = "00u9", "00u9" },
	} {
		f := inStep("ACTIVE")
		f.Push = true
		keep(&f)
		d := Decide(f, Policy{})
		assert.False(t, d.DropLink, "L5: %s", name)
		assert.Equal(t, store.ActLink, d.Action, "L5: %s: the link is written", name)
		require.NotNil(t, d.Patch.ExternalID)
	}
}

func TestL6_WhatAGoneUserMayClaim(t *testing.T) {
	his := zenqms.User{ID: "7", ExternalID: "00u1", Email: "old@example.com", Active: true}
	free := zenqms.User{ID: "8", Email: "ada@example.com", Active: true}
	idle := zenqms.User{ID: "9", Email: "ada@example.com"}
	cases := map[string]struct {
		facts  Facts
		action store.Action
		target string
		link   bool
		why    string
	}{
		"by id":                         {Facts{ByID: []zenqms.User{his}, LiveAtIt: true}, store.ActDeactivate, "7", false, ""},
		"by id, before the address":     {Facts{ByID: []zenqms.User{his}, ByEmail: []zenqms.User{free}}, store.ActDeactivate, "7", false, ""},
		"by id, inactive":               {Facts{ByID: []zenqms.User{{ID: "7", ExternalID: "00u1"}}}, store.ActLink, "7", false, ""},
		"two carry his id":              {Facts{ByID: []zenqms.User{his, free}}, store.ActNone, "", false, "2 ZenQMS users carry this Okta id"},
		"nobody":                        {Facts{}, store.ActNone, "", false, "no ZenQMS user is his"},
		"by address":                    {Facts{ByEmail: []zenqms.User{free}}, store.ActDeactivate, "8", true, ""},
		"by address, inactive":          {Facts{ByEmail: []zenqms.User{idle}}, store.ActLink, "9", true, ""},
		"two have his address":          {Facts{ByEmail: []zenqms.User{free, idle}}, store.ActNone, "", false, "2 ZenQMS users have his address"},
		"two have it, one live as well": {Facts{ByEmail: []zenqms.User{free, idle}, LiveAtIt: true}, store.ActNone, "", false, "2 ZenQMS users have his address"},
		"somebody live has it":          {Facts{ByEmail: []zenqms.User{free}, LiveAtIt: true}, store.ActNone, "", false, "a live user's"},
		"the account is another's": {Facts{ByEmail: []zenqms.User{free}, Owners: map[string]store.Link{"8": {OktaID: "00u2"}}}, store.ActNone, "", false,
			"linked to another Okta user"},
		"even of somebody gone": {Facts{ByEmail: []zenqms.User{free}, OwnerGone: true, Owners: map[string]store.Link{"8": {OktaID: "00u2"}}}, store.ActNone, "", false,
			"linked to another Okta user"},
	}
	for name, c := range cases {
		f := c.facts
		f.User, f.Asked = somebody("00u1", "Ada"), true
		f.User.Status = "DEPROVISIONED"
		d := Decide(f, Policy{})
		assert.Equal(t, c.action, d.Action, name)
		assert.Equal(t, c.action == store.ActDeactivate, d.Patch.Active != nil, name)
		assert.Equal(t, c.link, d.Patch.ExternalID != nil, name)
		if c.target == "" {
			assert.Nil(t, d.Target, "L6: %s: never guess", name)
			assert.Contains(t, d.Why, c.why, name)
		} else {
			require.NotNil(t, d.Target, name)
			assert.Equal(t, c.target, d.Target.ID, name)
		}
		f.Asked = false
		assert.Equal(t, Decision{Ask: true}, Decide(f, Policy{}), name)
	}
}

func TestL3_TheReasonsNameWhoIsConcernedAndTheRemedy(t *testing.T) {
	account := zenqms.User{ID: "8", Email: "ada@example.com", FirstName: "Ada", LastName: "Byron"}
	other := zenqms.User{ID: "9", Email: "ada@example.com"}
	bea, ada2 := somebody("00u2", "Bea"), somebody("00u3", "Ada")
	owned := map[string]store.Link{"8": {OktaID: "00u9"}}
	cases := map[string]struct {
		facts Facts
		code  store.SkipCode
		words []string
	}{
		"two carry the id":           {Facts{ByID: []zenqms.User{account, other}}, store.SkipAmbiguous, []string{"ZenQMS users 8 and 9 carry this Okta id", "clear it"}},
		"two have the address":       {Facts{ByEmail: []zenqms.User{account, other}}, store.SkipAmbiguous, []string{"ZenQMS users 8 and 9 have this address"}},
		"another's names agree":      {Facts{User: bea, ByEmail: []zenqms.User{account}, Rivals: []store.Person{ada2}}, store.SkipConflict, []string{"ZenQMS user 8", "Okta user 00u3", "another address in Okta"}},
		"several agree":              {Facts{ByEmail: []zenqms.User{account}, Rivals: []store.Person{bea, ada2}}, store.SkipAmbiguous, []string{"ZenQMS user 8", "00u2 and 00u3", "his own address"}},
		"linked to another":          {Facts{ByEmail: []zenqms.User{account}, Owners: owned}, store.SkipConflict, []string{"ZenQMS user 8", "linked to Okta user 00u9", "zensync relink 00u1 00u9 --reason", "another address"}},
		"a rehire of another name":   {Facts{User: bea, ByEmail: []zenqms.User{account}, Owners: owned, OwnerGone: true}, store.SkipConflict, []string{"zensync relink 00u2 00u9"}},
		"two rehires":                {Facts{ByEmail: []zenqms.User{account}, Owners: owned, OwnerGone: true, Rivals: []store.Person{ada2}}, store.SkipAmbiguous, []string{"ZenQMS user 8", "00u9, who is gone", "00u3"}},
		"somebody was created first": {Facts{User: ada2, Rivals: []store.Person{bea}}, store.SkipConflict, []string{"Okta user 00u2", "created first", "another address in Okta"}},
	}
	for name, c := range cases {
		f := c.facts
		if f.Asked = true; f.User.OktaID == "" {
			f.User = somebody("00u1", "Ada")
		}
		d := Decide(f, Policy{})
		assert.Equal(t, store.ActSkip, d.Action, name)
		assert.True(t, d.Patch.Empty() && d.Create == nil, "L3: %s: never guess", name)
		require.NotNil(t, d.Skip, name)
		assert.Equal(t, c.code, d.Skip.Code, name)
		assert.Empty(t, d.Skip.Fields, name)
		for _, word := range c.words {
			assert.Contains(t, d.Skip.Text, word, name)
		}
	}
	f := Facts{User: somebody("00u1", "Ada"), Asked: true, ByEmail: []zenqms.User{account}, Owners: owned, OwnerGone: true, Rivals: []store.Person{bea}}
	assert.Equal(t, store.ActRelink, Decide(f, Policy{}).Action, "L3: a claimant of another name does not keep a rehire from his account")
}

func TestL3_OfThoseCreatedAtOnceTheSmallerIdGoesFirst(t *testing.T) {
	a, b := somebody("00u1", "Ada"), somebody("00u2", "Bea")
	assert.True(t, before(a, b))
	assert.False(t, before(b, a))
	assert.False(t, before(a, a))
	a.Created = hired.Add(time.Second)
	assert.False(t, before(a, b), "created first goes before the id")
	assert.True(t, before(b, a))
}

func TestL4_WhatWasHeldBackAloneIsTriedAgain(t *testing.T) {
	f := inStep("ACTIVE")
	f.Account.Email, f.Account.Title, f.Account.FirstName, f.Account.Active = "old@example.com", "By hand", "By hand", false
	f.Skip = &store.Skip{Code: store.SkipConflict, Fields: []string{"email"}}
	d := Decide(f, Policy{})
	assert.Equal(t, zenqms.Patch{Email: &f.User.Email}, d.Patch, "W1, L4")
	assert.Equal(t, store.ActUpdate, d.Action)
	f.Skip = &store.Skip{Code: store.SkipMissing, Fields: []string{"email"}}
	assert.True(t, Decide(f, Policy{}).Patch.Empty(), "M3: a skip for missing fields waits until the user moves")
	f.Skip = &store.Skip{Code: store.SkipRefused}
	assert.False(t, Decide(f, Policy{}).Patch.Empty(), "K4: refused as a whole: as a whole again")
	f.Skip = nil
	assert.Equal(t, store.ActNone, Decide(f, Policy{}).Action)
}

func TestM3_ALinkedUserWithMissingFieldsAndNothingToSendIsASkip(t *testing.T) {
	f := inStep("ACTIVE")
	f.User.LastName = ""
	d := Decide(f, Policy{})
	assert.Equal(t, store.ActSkip, d.Action)
	assert.True(t, d.Patch.Empty())
	f.Account.Active = false
	assert.Equal(t, store.ActActivate, Decide(f, Policy{}).Action, "M3: he must not stay locked out either")
}

func TestA1_OnePatchIsCalledByItsStrongestPart(t *testing.T) {
	yes, no, text := true, false, "x"
	for want, p := range map[store.Action]zenqms.Patch{
		store.ActActivate:   {Active: &yes, ExternalID: &text, Title: &text},
		store.ActDeactivate: {Active: &no, ExternalID: &text},
		store.ActLink:       {ExternalID: &text, Title: &text},
		store.ActUpdate:     {Title: &text},
		store.ActNone:       {},
	} {
		assert.Equal(t, want, strongest(p))
	}
	account := zenqms.User{ID: "8", Email: "ada@example.com", FirstName: "Ada", LastName: "Byron"}
	f := Facts{User: somebody("00u1", "Ada"), Asked: true, ByEmail: []zenqms.User{account}}
	assert.Equal(t, store.ActActivate, Decide(f, Policy{}).Action, "a link that switches on is an activation")
	f.ByEmail[0].Active = true
	assert.Equal(t, store.ActLink, Decide(f, Policy{}).Action)
	f.Owners, f.OwnerGone, f.ByEmail[0].Active = map[string]store.Link{"8": {OktaID: "00u9"}}, true, false
	d := Decide(f, Policy{})
	assert.Equal(t, store.ActRelink, d.Action)
	held := d.withoutBraked(grip{action: store.ActActivate})
	assert.Equal(t, store.ActRelink, held.Action, "what the brake holds of a rehire is the activation alone")
	assert.Nil(t, held.Patch.Active)
	assert.NotNil(t, held.Patch.ExternalID)
	assert.Contains(t, held.Why, "activate")
	only := Decision{Action: store.ActActivate, Patch: zenqms.Patch{Active: &yes}}.withoutBraked(grip{action: store.ActActivate})
	assert.Equal(t, store.ActNone, only.Action)
}

// Scope limits whom a leaver's address may link as well; of an account that is
// linked already he is deactivated whatever the scope.
func TestW4_AGoneUserOutOfScopeWithoutALinkIsNothing(t *testing.T) {
	f := Facts{User: somebody("00u1", "Ada"), Asked: true, ByID: []zenqms.User{{ID: "7", ExternalID: "00u1", Active: true}},
		ByEmail: []zenqms.User{{ID: "8", Email: "ada@example.com", Active: true}}}
	f.User.Status, f.User.OutOfScope = "DEPROVISIONED", true
	for _, f.Asked = range []bool{true, false} {
		assert.Equal(t, Decision{Action: store.ActNone, Why: outOfScope}, Decide(f, Policy{}), "W4: and nobody is asked")
	}
	linked := inStep("DEPROVISIONED")
	linked.User.OutOfScope, linked.Account.Active, linked.Link.Active = true, true, true
	assert.Equal(t, store.ActDeactivate, Decide(linked, Policy{}).Action, "W4: in scope or not")
	linked.Account = nil
	linked.ByID = f.ByID
	d := Decide(linked, Policy{})
	assert.True(t, d.DropLink, "L5")
	assert.Nil(t, d.Target, "W4: matched anew he is out of scope")
}

// Of who leaves scope while sync.out_of_scope is deactivate, what was held or
// given up has yet to be done, and a deploy does it whatever happened since.
func TestW4_WhoLeftScopeIsDeactivatedUntilHeIs(t *testing.T) {
	p := Policy{Leavers: true}
	left := func(change func(*Facts)) Facts {
		f := inStep("ACTIVE")
		f.User.OutOfScope = true
		f.Link.Wish, f.Link.Active, f.Account.Active = p.wish(f.User).hash(), false, true // switched on by hand
		change(&f)
		return f
	}
	assert.Equal(t, store.ActNone, Decide(left(func(*Facts) {}), p).Action, "W1: who has not moved since is left alone")
	for name, change := range map[string]func(*Facts){
		"not done yet": func(f *Facts) { f.Link.Active = true },
		"deploy":       func(f *Facts) { f.Push = true },
		"moved":        func(f *Facts) { f.User.Updated = hired.Add(time.Second) },
	} {
		f := left(change)
		d := Decide(f, p)
		assert.Equal(t, store.ActDeactivate, d.Action, "W4: %s", name)
		assert.Equal(t, zenqms.Patch{Active: new(false)}, d.Patch, "W4: %s: and nothing else is sent", name)
		f.Asked = false
		assert.True(t, Decide(f, p).Ask, name)
		assert.Equal(t, Decision{Action: store.ActNone, Why: outOfScope}, Decide(f, Policy{}), "W4: ignore is the default: %s", name)
		f.Asked, f.Account = true, nil
		assert.True(t, Decide(f, p).DropLink, "L5: %s", name)
	}
}
