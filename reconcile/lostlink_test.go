package reconcile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// passedOn gives one linked user's account to another linked user, by hand in
// ZenQMS and by a sync of the other: who had it does not know yet.
func passedOn(t *testing.T) (w *world, had, has oktatest.User, z zenqmstest.User) {
	w = newWorld(t)
	had, has = w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
	w.sync()
	z = w.account(had.ID)
	w.acct.Remove(w.account(has.ID).ID)
	w.acct.Edit(z.ID, func(u *zenqmstest.User) { u.ExternalID = has.ID })
	return w, had, has, z
}

func TestL5_WhoLostHisAccountDoesNotTakeItBack(t *testing.T) {
	trigger := map[string]func(*world, oktatest.User){
		"a leaver": func(w *world, u oktatest.User) { w.org.SetStatus(u.ID, "DEPROVISIONED") },
		"a live user who lacks a name": func(w *world, u oktatest.User) {
			w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.LastName = "" })
		},
		"a live user who has to get another account": func(w *world, u oktatest.User) {
			w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
		},
	}
	for name, change := range trigger {
		t.Run(name, func(t *testing.T) {
			w, had, has, z := passedOn(t)
			w.pass(time.Minute)
			w.manual(has.ID) // finds his account gone, and the one that carries his id
			require.Equal(t, idText(z.ID), w.link(has.ID).ZenQMSID)
			// The store of somebody who still thinks the account is his.
			w.update(func(tx *store.Tx) error {
				if err := tx.DropLink(has.ID); err != nil {
					return err
				}
				return tx.PutLink(store.Link{OktaID: had.ID, ZenQMSID: idText(z.ID), Email: "ada.byron@example.com", Active: true})
			})
			before, _ := w.acct.User(z.ID)
			w.pass(time.Minute)
			change(w, had)
			w.sync()
			after, _ := w.acct.User(z.ID)
			assert.Equal(t, before, after, "L5: the other's account is not touched")
			assert.NotEqual(t, idText(z.ID), w.link(had.ID).ZenQMSID, "L5: the link is dropped, and stays so")
			w.manual(has.ID)
			assert.Equal(t, idText(z.ID), w.link(has.ID).ZenQMSID)
		})
	}
}

func TestL5_ALeaverDoesNotDropTheLinkOfWhoHasHisAccountNow(t *testing.T) {
	w := newWorld(t)
	ada, bea := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
	w.sync()
	z := w.account(bea.ID)
	// Ada's account is removed; her link points at Bea's, as after a restore of
	// ZenQMS that dealt the ids anew.
	w.acct.Remove(w.account(ada.ID).ID)
	w.update(func(tx *store.Tx) error {
		if err := tx.DropLink(bea.ID); err != nil {
			return err
		}
		return tx.PutLink(store.Link{OktaID: ada.ID, ZenQMSID: idText(z.ID), Email: z.Email, Active: true})
	})
	w.pass(time.Minute)
	w.org.SetStatus(ada.ID, "SUSPENDED")
	w.sync()
	got, _ := w.acct.User(z.ID)
	assert.True(t, got.Active)
	assert.Empty(t, w.link(ada.ID).OktaID, "L5")
	assert.Equal(t, []string{"none unchanged"}, w.lastLog(ada.ID, 1))
}

func TestL5_AnAccountThatIsGoneIsGoneFromTheIndexToo(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	old := w.account(u.ID)
	w.acct.Remove(old.ID)
	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.LastName = "" })
	w.sync()
	assert.Empty(t, w.link(u.ID).OktaID, "L5: the link is dropped though he cannot be matched anew")
	w.view(func(tx *store.Tx) error {
		_, found, err := tx.AccountByID(idText(old.ID))
		assert.False(t, found)
		return err
	})
}

func TestB2_AHoldGoesWithTheAccountItIsAbout(t *testing.T) {
	w, users := held(t)
	w.acct.Remove(w.account(users[0].ID).ID)
	w.pass(time.Minute)
	w.org.UpdateProfile(users[0].ID, func(p *oktatest.Profile) { p.Title = "x" })
	w.sync()
	assert.Len(t, w.holds(), 10, "B2, L5: there is nothing left to deactivate")
	assert.Contains(t, w.lastLog(users[0].ID, 2), "deactivate dropped")
	assert.Empty(t, w.link(users[0].ID).OktaID)
}

func TestL3_WhatAnOperatorMovedTheOldUserDoesNotTakeBack(t *testing.T) {
	for _, back := range []string{"DEPROVISIONED", "ACTIVE"} {
		t.Run(back, func(t *testing.T) {
			w := newWorld(t)
			old := w.hire("Ada", "Byron", "ACTIVE")
			w.sync()
			z := w.account(old.ID)
			w.org.SetStatus(old.ID, "DEPROVISIONED")
			w.sync()
			w.pass(time.Hour)
			married := w.org.AddUser(oktatest.Profile{Login: "ada2", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "King"}, "ACTIVE")
			w.sync()
			_, err := w.w.Relink(t.Context(), Relink{New: married.ID, Old: old.ID, Actor: "olga", Reason: "married"})
			require.NoError(t, err)
			// An event about the old one is served before the new one's sync.
			w.org.SetStatus(old.ID, back)
			w.org.DropAll()
			w.deliver(oktatest.Event{UUID: "late", Type: store.UserDeactivate, Published: w.now(), Targets: []oktatest.Target{{ID: old.ID, Type: "User"}}})
			w.drain()
			got := w.account(married.ID)
			assert.Equal(t, z.ID, got.ID, "L3: the link moves by the operator's word")
			assert.True(t, got.Active)
			assert.Equal(t, idText(z.ID), w.link(married.ID).ZenQMSID)
			assert.Empty(t, w.link(old.ID).OktaID)
		})
	}
}

func TestW3_AnAccountMadeAnewGetsTheRolesOfItsUser(t *testing.T) {
	for _, how := range []string{"hooks", "reconcile"} {
		t.Run(how, func(t *testing.T) {
			m := newMapped(t)
			u := m.hire("Ada", "Byron", "ACTIVE")
			m.org.AddMember(m.qa, u.ID)
			m.sync()
			m.acct.Remove(m.account(u.ID).ID)
			m.pass(time.Minute)
			m.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
			m.by(how)
			assert.Equal(t, []string{"Reviewer"}, m.roles(u.ID), "L5: what was applied was so to the account that is gone")
		})
	}
}

func TestL5_WhoLeavesHisGroupsWhenHisAccountIsGoneIsMatchedAnew(t *testing.T) {
	m := newMapped(t)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.sync()
	m.acct.Remove(m.account(u.ID).ID)
	m.org.RemoveMember(m.qa, u.ID)
	m.org.DropAll()
	m.walk(store.ReconcileRun)
	assert.Empty(t, m.roles(u.ID))
	m.acct.ResetCalls()
	m.walk(store.ReconcileRun)
	assert.Empty(t, m.writes(), "K4: quiet afterwards")
}

func TestW3_AnAccountThatCouldNotBeLinkedGetsNoRoles(t *testing.T) {
	m := newMapped(t)
	a := ada(true)
	a.ExternalID = ""
	made := m.acct.AddUser(a)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.acct.Fail(zenqmstest.OnUpdate, zenqmstest.Always, zenqmstest.Fault{Status: 422, Message: "not like this"})
	m.sync()
	assert.Equal(t, store.SkipRefused, m.skip(u.ID).Code)
	got, _ := m.acct.User(made.ID)
	assert.Empty(t, got.Roles, "W3: a linked user gets roles, and he is not linked")
	m.acct.Heal()
	m.walk(store.ReconcileRun)
	assert.Equal(t, []string{"Reviewer"}, m.roles(u.ID))
}
