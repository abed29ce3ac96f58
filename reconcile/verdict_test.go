package reconcile

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

func (w *world) spent(action store.Action) (users int64) {
	w.view(func(tx *store.Tx) (err error) {
		users, _, err = tx.Spent(action, w.now().Add(-24*time.Hour), "")
		return err
	})
	return users
}

func TestB1_WhatAWalkLetThroughIsNotChargedToTheHour(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:10])
	w.walk(store.ReconcileRun)
	assert.Zero(t, w.spent(store.ActDeactivate), "B1: a walk judges its own")
	for _, u := range users[10:20] {
		w.org.SetStatus(u.ID, "DEPROVISIONED")
	}
	w.sync()
	assert.Equal(t, 20, w.activeCount(), "and the hooks have their own ten")
	assert.EqualValues(t, 10, w.spent(store.ActDeactivate))
}

// A promise of a walk lets through what the walk has counted, and nothing else.
func TestB1_AClearanceIsForOneAction(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:1])
	w.walkReading(store.ReconcileRun) // lets his deactivation through
	w.acct.Edit(w.account(users[0].ID).ID, func(z *zenqmstest.User) { z.Active = false })
	w.w.Brake.Activations.Max = 0
	w.org.SetStatus(users[0].ID, "ACTIVE")
	w.org.DropAll()
	w.pass(2 * time.Hour) // the walk's reading is too old to act upon
	w.drain()
	assert.False(t, w.account(users[0].ID).Active)
	require.Len(t, w.holds(), 1, "B1: an activation was not what was counted")
	assert.Equal(t, "activate", w.report("held", store.ReportArgs{})[0]["action"])
}

func TestB1_AHookThatIsHeldSaysWhy(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.w.Brake.Deactivations = Limit{Max: 2}
	for _, u := range users[:3] {
		w.org.SetStatus(u.ID, "SUSPENDED")
	}
	w.sync()
	rows := w.report("held", store.ReportArgs{})
	require.Len(t, rows, 1)
	assert.Contains(t, rows[0]["reason"], "deactivate 3 users within the hour, the limit is 2")
	row := w.report("log", store.ReportArgs{User: users[2].ID, Limit: 1})[0]
	assert.Equal(t, "held", row["outcome"])
	assert.Contains(t, row["error"], "the limit is 2")
	// The same user again spends nothing anew, and is not held.
	w.org.SetStatus(users[0].ID, "ACTIVE")
	w.org.SetStatus(users[0].ID, "SUSPENDED")
	w.sync()
	assert.Len(t, w.holds(), 1)
	assert.EqualValues(t, 2, w.spent(store.ActDeactivate))
}

func TestB1_AHoldOfAWalkIsInTheLogWithAllThatIsKnown(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:11])
	w.pass(time.Second)
	w.update(func(tx *store.Tx) error {
		_, err := tx.WantRun(store.ReconcileRun, "olga", tx.Now)
		return err
	})
	run := w.read(store.ReconcileRun)
	row := w.report("log", store.ReportArgs{User: users[0].ID, Limit: 1})[0]
	assert.Equal(t, "held", row["outcome"])
	assert.Equal(t, "deactivate", row["action"])
	assert.Equal(t, "olga", row["actor"])
	assert.EqualValues(t, run.ID, row["run"])
	assert.Equal(t, idText(w.account(users[0].ID).ID), row["zenqms_id"])
	assert.Contains(t, row["error"], "11 users, the limit is 10")
}

func TestE3_WhatAWalkWantsKeepsTheOrderToo(t *testing.T) {
	w := newWorld(t)
	users := w.staff(12)
	w.org.UpdateProfile(users[0].ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.layoff(users[5:6])
	hook := w.hire("Late", "Hook", "ACTIVE")
	w.org.DropAll()
	w.walkReading(store.ReconcileRun)
	w.update(func(tx *store.Tx) error {
		_, err := tx.Enqueue(store.Promise{OktaID: users[7].ID, Origin: store.FromHook, Priority: store.HookPriority})
		return err
	})
	var order []string
	w.update(func(tx *store.Tx) error {
		claims, err := tx.Claim(w.w.epoch, 10)
		for _, c := range claims {
			order = append(order, c.OktaID)
		}
		return err
	})
	assert.Equal(t, []string{users[5].ID, users[7].ID, users[0].ID, hook.ID}, order, "E3: deactivations, hooks, then walks")
}

func TestK1_WhoHadAHookMeanwhileIsNotJudged(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:11])
	w.walkReading(store.ReconcileRun)
	require.Len(t, w.holds(), 11)
	wk := &walk{Worker: w.w, run: store.Run{ID: 1, Kind: store.ReconcileRun}}
	var places []int64
	w.view(func(tx *store.Tx) error {
		for _, u := range users[:11] {
			st, err := tx.Standing(u.ID)
			require.NoError(t, err)
			places = append(places, st.N)
		}
		return nil
	})
	require.NoError(t, wk.judge(t.Context(), store.ActDeactivate, places))
	assert.Len(t, w.holds(), 11, "B2: walks add no second one")
	w.org.SetStatus(users[20].ID, "DEPROVISIONED")
	w.hooks()
	var n int64
	w.update(func(tx *store.Tx) error {
		p, _, err := tx.Person(users[20].ID)
		require.NoError(t, err)
		p.Status = "DEPROVISIONED"
		n, err = tx.PutPerson(p)
		return err
	})
	before := w.states(users[20].ID)
	require.NoError(t, wk.judge(t.Context(), store.ActDeactivate, []int64{n}))
	assert.Equal(t, before, w.states(users[20].ID), "K1: a user with an open row gets no second one")
}

func TestK2_HalfOfTheActiveLinks(t *testing.T) {
	for _, c := range []struct {
		links, idle, deleted int
		taken                bool
	}{
		{10, 5, 5, true}, {10, 5, 6, false}, {11, 5, 5, true}, {11, 5, 6, false}, // at least half
		{9, 0, 8, true},  // under 10 links: exempt
		{9, 1, 8, false}, // not by the active ones alone
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			w := newWorld(t)
			w.w.Brake.Deactivations = Limit{100, 100}
			users := w.staff(c.links + c.idle)
			for _, u := range users[c.links:] { // inactive links count for no half
				w.org.SetStatus(u.ID, "SUSPENDED")
			}
			w.sync()
			for _, u := range users[:c.deleted] {
				w.org.Delete(u.ID)
			}
			w.org.DropAll()
			run := w.read(store.ReconcileRun)
			assert.Equal(t, c.taken, run.State == store.RunDone, "K2")
			st := store.Standing{}
			w.view(func(tx *store.Tx) (err error) {
				st, err = tx.Standing(users[0].ID)
				return err
			})
			assert.Equal(t, c.taken, st.Status == store.Deleted, "K2: a 404 counts only if the walk saw at least half of the active links")
		})
	}
}

func TestK2_WhoIsReadByIdAndWhoIsNot(t *testing.T) {
	w := newWorld(t)
	users := w.staff(12)
	w.org.SetStatus(users[0].ID, "DEPROVISIONED")
	w.sync() // an inactive link
	gone := w.hire("Gone", "Before", "DEPROVISIONED")
	w.sync()
	live := w.org.AddUser(oktatest.Profile{Email: "y@example.com", FirstName: "Y"}, "ACTIVE")
	w.sync()
	w.org.Delete(live.ID) // live as far as the directory knows, and skipped
	w.org.DropAll()
	w.org.ResetCalls()
	w.walkReading(store.ReconcileRun)
	assert.Equal(t, 1, w.org.Count("GET /api/v1/users/{id}"), "K2: the live one alone, neither the inactive link nor %s", gone.ID)
}

func TestK2_WhoCannotBeReadIsLeftToHisOwnPromise(t *testing.T) {
	w := newWorld(t)
	users := w.staff(3)
	w.layoff(users[:1])
	w.org.Fail(oktatest.Match{Route: "/api/v1/users/{id}"}, -1, oktatest.Fault{Status: 400})
	run := w.walk(store.ReconcileRun)
	assert.Equal(t, store.RunDone, run.State)
	assert.True(t, w.account(users[0].ID).Active)
	dead := w.report("dead", store.ReportArgs{})
	require.Len(t, dead, 1, "K2: it says whom")
	assert.Equal(t, users[0].ID, dead[0]["okta_id"])
}

func TestK5_TheSecondLookFollowsAnInitialSyncThatWentWellAlone(t *testing.T) {
	wanted := func(w *world) bool {
		var any bool
		w.view(func(tx *store.Tx) (err error) {
			_, any, err = tx.NextRun()
			return err
		})
		return any
	}
	w := newWorld(t)
	w.staff(2)
	w.read(store.ReconcileRun)
	assert.False(t, wanted(w), "K5: not a reconcile")
	w.org.Fail(oktatest.Match{Route: "/api/v1/users"}, -1, oktatest.Fault{Status: 400})
	w.read(store.InitialRun)
	assert.False(t, wanted(w), "K5: not one that failed")
	w.org.ClearFaults()
	w.read(store.InitialRun)
	assert.True(t, wanted(w))
}

func TestK1_ARunCountsWhatItFound(t *testing.T) {
	w := newWorld(t)
	users := w.staff(5)
	w.org.AddUser(oktatest.Profile{Email: "y@example.com", FirstName: "Y"}, "ACTIVE")
	w.sync()
	w.org.UpdateProfile(users[0].ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.hooks() // his promise lies in the outbox
	w.org.UpdateProfile(users[1].ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.org.DropAll()
	run := w.read(store.ReconcileRun)
	assert.EqualValues(t, 6, run.Users)
	assert.EqualValues(t, 3, run.Unchanged, "two are on their way, one is skipped")
	assert.EqualValues(t, 1, run.Skipped)
}

func TestB2_ADroppedHoldSaysWhy(t *testing.T) {
	w, users := held(t)
	w.org.SetStatus(users[0].ID, "ACTIVE")
	w.acct.Edit(w.account(users[1].ID).ID, func(z *zenqmstest.User) { z.Active = false })
	w.org.UpdateProfile(users[1].ID, func(p *oktatest.Profile) { p.Title = "x" })
	w.acct.Remove(w.account(users[2].ID).ID)
	w.org.UpdateProfile(users[2].ID, func(p *oktatest.Profile) { p.Title = "x" })
	w.sync()
	for i, why := range []string{"state in Okta is another", "has it so already", "no ZenQMS user is his"} {
		var said string
		for _, row := range w.report("log", store.ReportArgs{User: users[i].ID}) {
			if row["outcome"] == "dropped" {
				said = row["error"].(string)
			}
		}
		assert.Contains(t, said, why)
	}
	assert.Len(t, w.holds(), 8)
}

func TestB2_AHoldOfOneKindIsNoneOfTheOther(t *testing.T) {
	w := newWorld(t)
	users := w.staff(20)
	w.w.Brake.Deactivations.Max = 0
	w.org.SetStatus(users[0].ID, "SUSPENDED")
	w.sync()
	require.Len(t, w.holds(), 1)
	var held bool
	w.view(func(tx *store.Tx) (err error) {
		held, err = isHeld(tx, users[0].ID, store.ActActivate)
		return err
	})
	assert.False(t, held)
	row := w.report("held", store.ReportArgs{})[0]
	require.NoError(t, Ruling{Actor: "olga", Reason: "yes"}.Approve(t.Context(), w.db, []int64{row["id"].(int64)}))
	approved := w.report("log", store.ReportArgs{User: users[0].ID, Limit: 1})[0]
	assert.Equal(t, "olga", approved["actor"], "B2: who")
	assert.Contains(t, approved["changes"], "deactivate", "B2: what")
}
