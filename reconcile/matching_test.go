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

func ada(active bool) zenqmstest.User {
	return zenqmstest.User{Email: "Ada.Byron@Example.com", FirstName: "Ada", LastName: "Byron", Title: "Analyst", Active: active}
}

func TestL1_ByExternalIDElseByEmailInAnyCase(t *testing.T) {
	t.Run("external id wins over the address", func(t *testing.T) {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		other := w.acct.AddUser(ada(true))
		mine := w.acct.AddUser(zenqmstest.User{Email: "old@example.com", FirstName: "Ada", LastName: "Byron", Active: true, ExternalID: u.ID})
		w.sync()
		assert.Equal(t, idText(mine.ID), w.link(u.ID).ZenQMSID, "L1")
		got, _ := w.acct.User(other.ID)
		assert.Empty(t, got.ExternalID)
	})
	t.Run("by email, and the link is set", func(t *testing.T) {
		w := newWorld(t)
		z := w.acct.AddUser(ada(true))
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		require.Len(t, w.writes(), 1)
		assert.Equal(t, map[string]any{"external_id": u.ID}, w.writes()[0].Body, "L1: a match by email gets external_id; M5: nothing else differs")
		assert.Equal(t, idText(z.ID), w.link(u.ID).ZenQMSID)
		assert.Equal(t, "link ok", w.lastLog(u.ID, 1)[0])
	})
}

// Whether ZenQMS knows the external_id filter is an assumption: matching must
// not depend on it.
func TestL1_TheExternalIDFilterMayBeIgnored(t *testing.T) {
	for name, o := range map[string]zenqmstest.Options{
		"ignored":         {IgnoreExternalIDFilter: true},
		"refused":         {RefuseExternalIDFilter: true},
		"all are ignored": {IgnoreFilters: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(wo *worldOptions) { wo.zenqms = o })
			for range 150 {
				w.acct.AddUser(zenqmstest.User{Email: "x@example.com", FirstName: "X", LastName: "Y", Active: true})
			}
			u := w.hire("Ada", "Byron", "ACTIVE")
			mine := w.acct.AddUser(zenqmstest.User{Email: "old@example.com", FirstName: "Ada", LastName: "Byron", Active: true, ExternalID: u.ID})
			require.NoError(t, w.w.readIndex(t.Context())) // as a deploy does
			w.sync()
			assert.Equal(t, idText(mine.ID), w.link(u.ID).ZenQMSID, "L1: the page index serves")
			stranger := w.hire("Bo", "Diddley", "ACTIVE")
			w.sync()
			assert.Equal(t, stranger.ID, w.account(stranger.ID).ExternalID, "L1: rows that do not carry the value asked for do not count")
		})
	}
}

func TestL1_ALostAnswerToACreateMakesNoSecondUser(t *testing.T) {
	cases := map[string]func(w *world){
		"found at once": func(w *world) {
			w.acct.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{DropAfter: true})
		},
		"found at the next attempt": func(w *world) {
			w.acct.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{DropAfter: true})
			w.acct.Fail(zenqmstest.OnSearch, 0, zenqmstest.Fault{})
		},
		"answered 500 though it happened": func(w *world) {
			w.acct.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Body: "<html>oops</html>"})
		},
	}
	for name, fail := range cases {
		for _, o := range []zenqmstest.Options{{}, {IgnoreExternalIDFilter: true}} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, func(wo *worldOptions) { wo.zenqms = o })
				u := w.hire("Ada", "Byron", "ACTIVE")
				fail(w)
				w.sync()
				w.pass(time.Minute)
				w.drain()
				assert.Equal(t, 1, w.acct.Len(), "L1: a create whose answer was lost may have happened")
				assert.Equal(t, u.ID, w.link(u.ID).OktaID)
			})
		}
	}
}

// The worst case: the answer was lost, nothing could be searched at once, the
// address changed in Okta before the next attempt, and ZenQMS ignores the filter.
func TestL1_ALostCreateIsFoundThoughTheAddressChangedMeanwhile(t *testing.T) {
	for _, o := range []zenqmstest.Options{{}, {IgnoreExternalIDFilter: true}, {RefuseExternalIDFilter: true}} {
		w := newWorld(t, func(wo *worldOptions) { wo.zenqms = o })
		w.acct.AddUser(zenqmstest.User{Email: "x@example.com", FirstName: "X", LastName: "Y", Active: true})
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.hooks()
		// The searches before the create pass, those after it do not.
		w.acct.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{DropAfter: true})
		searches := 2
		if o.IgnoreExternalIDFilter || o.RefuseExternalIDFilter {
			searches++
		}
		w.acct.Fail(zenqmstest.OnSearch, searches, zenqmstest.Fault{Latency: time.Nanosecond})
		w.acct.Fail(zenqmstest.OnSearch, 4, zenqmstest.Fault{Drop: true})
		w.drain()
		w.acct.Heal()
		require.Equal(t, 2, w.acct.Len())
		require.Empty(t, w.link(u.ID).OktaID, "the case needs a create nobody knows of")
		w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Email = "countess@example.com" })
		w.pass(time.Minute)
		w.sync()
		assert.Equal(t, 2, w.acct.Len(), "L1: no second account")
		assert.Equal(t, "countess@example.com", w.account(u.ID).Email)
	}
}

func TestL1_AnAddressTakenMeanwhileIsLookedUpBeforeAnyVerdict(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.walkReading(store.InitialRun)
	z := w.acct.AddUser(ada(true)) // after the index was read
	w.drain()
	assert.Equal(t, idText(z.ID), w.link(u.ID).ZenQMSID, "L1: the index finds, it never concludes: 409 leads to a live search")
	assert.Empty(t, w.skip(u.ID).Code)
}

func TestL2_NoMatchCreatesALiveUserAndNothingForAGoneOne(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	gone := w.hire("Former", "Hand", "DEPROVISIONED")
	w.sync()
	assert.True(t, w.account(u.ID).Active)
	assert.Equal(t, 1, w.acct.Len(), "L2: a gone user without an account gets none")
	assert.Equal(t, "none unchanged", w.lastLog(gone.ID, 1)[0])
}

func TestL3_TheAccountIsLinkedToAnother(t *testing.T) {
	type setup struct {
		oldStatus    string // "" deleted and known, "unknown" a 404 nobody knew, "foreign" no Okta id at all
		first, last  string // the newcomer's
		accountFirst string
		wantRelink   bool
	}
	cases := map[string]setup{
		"rehire, the old one deprovisioned":       {oldStatus: "DEPROVISIONED", first: "ADA ", last: "byron", wantRelink: true},
		"rehire, the old one suspended":           {oldStatus: "SUSPENDED", first: "Ada", last: "Byron", wantRelink: true},
		"rehire, the old one deleted and known":   {oldStatus: "", first: "Ada", last: "Byron", wantRelink: true},
		"a 404 this store has never known":        {oldStatus: "unknown", first: "Ada", last: "Byron"},
		"what somebody typed as external id":      {oldStatus: "foreign", first: "Ada", last: "Byron"},
		"the old one is still there":              {oldStatus: "ACTIVE", first: "Ada", last: "Byron"},
		"another first name":                      {oldStatus: "DEPROVISIONED", first: "Bea", last: "Byron"},
		"another last name":                       {oldStatus: "DEPROVISIONED", first: "Ada", last: "King"},
		"the account was renamed to somebody new": {oldStatus: "DEPROVISIONED", first: "Ada", last: "Byron", accountFirst: "Carl"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			old := w.hire("Ada", "Byron", "ACTIVE")
			w.sync()
			z := w.account(old.ID)
			switch c.oldStatus {
			case "":
				w.org.Delete(old.ID)
				w.sync()
			case "unknown", "foreign":
				id := map[string]string{"unknown": "00uNobodyKnowsMe00001", "foreign": "EMP-77"}[c.oldStatus]
				w.acct.Edit(z.ID, func(u *zenqmstest.User) { u.ExternalID = id })
				w.org.Delete(old.ID)
				w.org.DropAll()
				w.update(func(tx *store.Tx) error { return tx.DropLink(old.ID) })
			default:
				w.org.SetStatus(old.ID, c.oldStatus)
				w.sync()
			}
			if c.accountFirst != "" {
				w.acct.Edit(z.ID, func(u *zenqmstest.User) { u.FirstName = c.accountFirst })
			}
			w.pass(time.Hour)
			newcomer := w.org.AddUser(oktatest.Profile{Login: "ada2", Email: "ada.byron@example.com", FirstName: c.first, LastName: c.last}, "ACTIVE")
			before, _ := w.acct.User(z.ID)
			w.sync()
			after, _ := w.acct.User(z.ID)
			if c.wantRelink {
				assert.Equal(t, newcomer.ID, after.ExternalID, "L3: a rehire takes the link over")
				assert.True(t, after.Active)
				assert.Equal(t, "relink ok", w.lastLog(newcomer.ID, 1)[0])
				assert.Equal(t, idText(z.ID), w.link(newcomer.ID).ZenQMSID)
				assert.Empty(t, w.link(old.ID).OktaID, "L1: links are one to one")
				return
			}
			assert.Equal(t, before, after, "L3: signatures must not pass to another person")
			require.Equal(t, store.SkipConflict, w.skip(newcomer.ID).Code)
			assert.Contains(t, w.skip(newcomer.ID).Reason, "zensync relink "+newcomer.ID, "L3: the reason says what to do")
		})
	}
}

// Several live users without a link claim one unlinked account.
func TestL3_SeveralClaimOneUnlinkedAccount(t *testing.T) {
	cases := map[string]struct {
		names []string // of the claimants, in the order of their arrival
		want  int      // who gets it; -1 nobody
	}{
		"the one whose names agree, first":  {[]string{"Ada Byron", "Bea Byron"}, 0},
		"the one whose names agree, second": {[]string{"Bea Byron", "ada byron"}, 1},
		"none agrees":                       {[]string{"Bea Byron", "Cleo Byron"}, -1},
		"several agree":                     {[]string{"Ada Byron", "ADA BYRON"}, -1},
	}
	for name, c := range cases {
		for _, how := range []string{"hooks", "initial", "reconcile"} {
			t.Run(name+" by "+how, func(t *testing.T) {
				w := newWorld(t)
				z := w.acct.AddUser(ada(true))
				var ids []string
				for i, n := range c.names {
					first, last := split(n)
					w.pass(time.Minute)
					ids = append(ids, w.org.AddUser(oktatest.Profile{Login: n + string(rune('0'+i)), Email: "ada.byron@example.com", FirstName: first, LastName: last}, "ACTIVE").ID)
				}
				w.by(how)
				for i, id := range ids {
					switch {
					case i == c.want:
						assert.Equal(t, idText(z.ID), w.link(id).ZenQMSID, "L3: claimant %d", i)
					case c.want >= 0:
						assert.Equal(t, store.SkipConflict, w.skip(id).Code, "L3: claimant %d", i)
					default:
						assert.Equal(t, store.SkipAmbiguous, w.skip(id).Code, "L3: claimant %d", i)
					}
				}
				assert.Equal(t, 1, w.acct.Len(), "L3: no second account for one address")
			})
		}
	}
}

// Several claim an address nobody holds: the one created first in Okta gets
// the account, in whatever order they are seen.
func TestL3_SeveralClaimAnAddressNobodyHolds(t *testing.T) {
	for _, how := range []string{"hooks", "hooks backwards", "initial", "reconcile"} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t)
			var ids []string
			for _, first := range []string{"Ada", "Bea", "Cleo"} {
				w.pass(time.Minute)
				ids = append(ids, w.org.AddUser(oktatest.Profile{Login: first, Email: "shared@example.com", FirstName: first, LastName: "Byron"}, "ACTIVE").ID)
			}
			w.by(how)
			assert.Equal(t, "Ada", w.account(ids[0]).FirstName, "L3: created first in Okta")
			assert.Equal(t, store.SkipConflict, w.skip(ids[1]).Code)
			assert.Equal(t, store.SkipConflict, w.skip(ids[2]).Code)
			assert.Equal(t, 1, w.acct.Len())
		})
	}
}

func TestL3_OnlyLiveCompleteUnlinkedUsersClaim(t *testing.T) {
	w := newWorld(t)
	z := w.acct.AddUser(ada(true))
	w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada.byron@example.com", FirstName: "Zoe", LastName: "Gone"}, "SUSPENDED")
	w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada.byron@example.com", FirstName: "Incomplete"}, "ACTIVE")
	u := w.org.AddUser(oktatest.Profile{Login: "3", Email: "ada.byron@example.com", FirstName: "Countess", LastName: "Lovelace"}, "ACTIVE")
	w.sync()
	assert.Equal(t, idText(z.ID), w.link(u.ID).ZenQMSID, "L3: neither the gone nor the incomplete one is a claimant")
}

func TestL3_SeveralAccountsMatch(t *testing.T) {
	t.Run("the address", func(t *testing.T) {
		w := newWorld(t)
		w.acct.AddUser(ada(true))
		w.acct.AddUser(ada(true))
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		assert.Equal(t, store.SkipAmbiguous, w.skip(u.ID).Code)
		assert.Empty(t, w.writes(), "L3: never guess")
	})
	t.Run("the Okta id", func(t *testing.T) {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		a, b := ada(true), ada(true)
		a.ExternalID, b.ExternalID, b.Email = u.ID, u.ID, "b@example.com"
		w.acct.AddUser(a)
		w.acct.AddUser(b)
		w.sync()
		assert.Equal(t, store.SkipAmbiguous, w.skip(u.ID).Code)
		assert.Empty(t, w.writes(), "L3: never guess")
	})
}

func TestL5_ALinkedAccountThatIsGoneOrSomebodyElsesIsMatchedAnew(t *testing.T) {
	t.Run("gone", func(t *testing.T) {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		w.acct.Remove(w.account(u.ID).ID)
		w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
		w.sync()
		assert.Equal(t, "Chief", w.account(u.ID).Title, "L5: matched anew, and created")
		assert.Equal(t, idText(w.account(u.ID).ID), w.link(u.ID).ZenQMSID)
	})
	t.Run("gone between reading and writing", func(t *testing.T) {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
		w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 404, Message: "no such user"})
		w.sync()
		assert.Equal(t, "Chief", w.account(u.ID).Title)
	})
	t.Run("somebody else's", func(t *testing.T) {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		first := w.account(u.ID)
		w.acct.Edit(first.ID, func(z *zenqmstest.User) { z.ExternalID, z.Email = "00uSomebodyElse000001", "else@example.com" })
		w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
		w.sync()
		assert.NotEqual(t, first.ID, w.account(u.ID).ID, "L5: dropped and matched anew")
		got, _ := w.acct.User(first.ID)
		assert.Equal(t, "Analyst", got.Title, "L5: the other's account is not touched")
	})
	t.Run("a leaver's account that is somebody else's stays active", func(t *testing.T) {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		first := w.account(u.ID)
		w.acct.Edit(first.ID, func(z *zenqmstest.User) { z.ExternalID = "00uSomebodyElse000001" })
		w.org.SetStatus(u.ID, "DEPROVISIONED")
		w.sync()
		got, _ := w.acct.User(first.ID)
		assert.True(t, got.Active, "L5")
	})
	t.Run("cleared by hand", func(t *testing.T) {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		z := w.account(u.ID)
		w.acct.Edit(z.ID, func(z *zenqmstest.User) { z.ExternalID = "" })
		w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
		w.sync()
		assert.Equal(t, z.ID, w.account(u.ID).ID, "the link holds, and is written again")
	})
}

func TestL6_AGoneUserClaimsNothingALiveOneMayClaim(t *testing.T) {
	for _, how := range []string{"initial", "hooks", "hooks backwards"} {
		t.Run("a live user has the address, by "+how, func(t *testing.T) {
			w := newWorld(t)
			z := w.acct.AddUser(ada(true))
			gone := w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron"}, "DEPROVISIONED")
			w.pass(time.Minute)
			live := w.org.AddUser(oktatest.Profile{Login: "2", Email: "ADA.Byron@example.com", FirstName: "Ada", LastName: "Byron"}, "ACTIVE")
			w.by(how)
			got, _ := w.acct.User(z.ID)
			assert.True(t, got.Active, "L6: nobody live is locked out by a namesake who left")
			assert.Equal(t, live.ID, got.ExternalID)
			assert.Empty(t, w.link(gone.ID).OktaID)
		})
	}
	t.Run("a live user who lacks a name counts as well", func(t *testing.T) {
		w := newWorld(t)
		z := w.acct.AddUser(ada(true))
		w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron"}, "DEPROVISIONED")
		w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada.byron@example.com", FirstName: "Ada"}, "ACTIVE")
		w.walk(store.InitialRun)
		got, _ := w.acct.User(z.ID)
		assert.True(t, got.Active, "L6: in scope or not, complete or not")
	})
	t.Run("the account is linked to another", func(t *testing.T) {
		w := newWorld(t)
		live := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		w.org.UpdateProfile(live.ID, func(p *oktatest.Profile) { p.Email = "ada.king@example.com" })
		w.org.DropAll() // ZenQMS still has the old address
		w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron"}, "DEPROVISIONED")
		w.sync()
		assert.True(t, w.account(live.ID).Active, "L6: matched only if the account is unlinked")
	})
	t.Run("nobody else has it", func(t *testing.T) {
		w := newWorld(t)
		w.acct.AddUser(ada(true))
		gone := w.hire("Ada", "Byron", "DEPROVISIONED")
		w.sync()
		assert.False(t, w.account(gone.ID).Active)
	})
}
