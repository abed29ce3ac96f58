package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAWalkReadsTheDirectoryAtItsPlaces(t *testing.T) {
	f := setup(t)
	var all []int64
	for n := range 7 {
		all = append(all, f.person(fmt.Sprintf("00u%d", 9-n)).N) // the order is that of the directory, not of the ids
	}
	for name, read := range map[string]func(tx *Tx, at []int64, seen func(int64)) error{
		"glances": func(tx *Tx, at []int64, seen func(int64)) error {
			return tx.Glances(at, func(g Glance) { seen(g.N) })
		},
		"presences": func(tx *Tx, at []int64, seen func(int64)) error {
			return tx.Presences(at, func(p Presence) { seen(p.N) })
		},
	} {
		for _, c := range []struct{ at, want []int64 }{{all, all}, {[]int64{all[4], 999, all[1]}, []int64{all[1], all[4]}}, {nil, nil}} {
			var got []int64
			f.see(func(tx *Tx) error { return read(tx, c.at, func(place int64) { got = append(got, place) }) })
			assert.Equal(t, c.want, got, name)
		}
	}
	f.see(func(tx *Tx) error {
		end, err := tx.LastPlace()
		assert.Equal(t, all[6], end)
		return err
	})
}

func TestK2_ActiveLinksAreCountedOfWhomTheDirectoryKnows(t *testing.T) {
	f := setup(t)
	count := func() (n int64) {
		f.see(func(tx *Tx) (err error) {
			n, err = tx.ActiveListed()
			return err
		})
		return n
	}
	f.person("00u1")
	f.person("00u2")
	assert.Zero(t, count())
	for _, l := range []Link{{OktaID: "00u1", ZenQMSID: "1", Active: true}, {OktaID: "00u2", ZenQMSID: "2"}, {OktaID: "00u3", ZenQMSID: "3", Active: true}} {
		f.do(func(tx *Tx) error { return tx.PutLink(l) })
	}
	assert.EqualValues(t, 1, count(), "K2: an inactive link, and one that no list could contain, do not count")
}

func TestWhoWasWorkedOnIsFoundByTheLog(t *testing.T) {
	f := setup(t)
	a, b := f.person("00u1"), f.person("00u2")
	workedOn := func(after int64) (places []int64) {
		f.see(func(tx *Tx) (err error) {
			places, err = tx.PlacesWorkedOn(after)
			return err
		})
		return places
	}
	for _, id := range []string{"00u1", "00u2", "00u2", "00unknown", ""} {
		f.append(LogRow{Origin: string(FromHook), OktaID: id, Action: ActNone, Outcome: OutcomeOK})
	}
	assert.ElementsMatch(t, []int64{a.N, b.N}, workedOn(0))
	assert.Equal(t, []int64{b.N}, workedOn(1))
	assert.Empty(t, workedOn(5))
}

func TestAGlanceTellsWhatAWalkHasToKnow(t *testing.T) {
	f := setup(t)
	p := f.person("00u1")
	glance := func() (g Glance) {
		f.see(func(tx *Tx) error {
			n := 0
			err := tx.Glances([]int64{p.N}, func(found Glance) { g, n = found, n+1 })
			assert.Equal(t, 1, n)
			if err != nil {
				return err
			}
			sights, err := tx.Sights([]Person{p})
			require.Len(t, sights, 1)
			whole := g
			whole.Person = p
			whole.OutOfScope = g.OutOfScope
			assert.Equal(t, whole, sights[0], "a sight of him on a page tells the same")
			return err
		})
		return g
	}
	want := Glance{Person: Person{N: p.N, Status: p.Status, Email: p.Email, FirstName: p.FirstName, LastName: p.LastName, Title: p.Title},
		Moved: true, Entitlement: "[]", Applied: "[]"}
	step := func(what string, change func(tx *Tx) error, expect func()) {
		t.Helper()
		f.do(change)
		expect()
		assert.Equal(t, want, glance(), what)
	}
	assert.Equal(t, want, glance(), "nothing but himself")

	step("an account that carries his id", func(tx *Tx) error { return tx.PutAccount(Account{ZenQMSID: "7", ExternalID: "00u1"}, 1) },
		func() { want.Claims = true })
	step("somebody else's account", func(tx *Tx) error {
		return tx.PutAccount(Account{ZenQMSID: "7", ExternalID: "00u2", Email: p.Email}, 1)
	}, func() { want.Claims = false })
	step("a free one with his address", func(tx *Tx) error { return tx.PutAccount(Account{ZenQMSID: "7", Email: "00U1@Example.com "}, 1) },
		func() { want.Claims = true })
	link := Link{OktaID: "00u1", ZenQMSID: "7", Active: true, OktaUpdated: p.Updated, OktaStatus: p.Status, Wish: "w", Entitled: []string{"r1", "r2"}}
	step("a link", func(tx *Tx) error { return tx.PutLink(link) },
		func() {
			want.Linked, want.Active, want.Moved, want.Claims, want.Wish, want.Applied = true, true, false, false, "w", `["r1","r2"]`
		})
	step("a link to what Okta said before", func(tx *Tx) error {
		link.OktaUpdated = p.Updated.Add(-time.Millisecond)
		return tx.PutLink(link)
	}, func() { want.Moved = true })
	step("a link to another status", func(tx *Tx) error {
		link.OktaUpdated, link.OktaStatus, link.Active = p.Updated, "SUSPENDED", false
		return tx.PutLink(link)
	}, func() { want.Active = false })
	step("a link to nothing known of Okta", func(tx *Tx) error {
		link.OktaUpdated, link.OktaStatus = time.Time{}, p.Status
		return tx.PutLink(link)
	}, func() {})
	step("a promise", func(tx *Tx) error {
		_, err := tx.Enqueue(Promise{OktaID: "00u1", Origin: FromHook})
		return err
	}, func() { want.Open = true })
	step("one in a worker's hands", func(tx *Tx) error {
		_, err := tx.Claim(1, 1)
		return err
	}, func() {})
	step("a skip", func(tx *Tx) error { return tx.PutSkip(Skip{OktaID: "00u1", Code: SkipMissing}) }, func() { want.Skipped = true })
	step("roles, and a group that limits the scope", func(tx *Tx) error {
		if err := tx.SetScopeGroups([]MappedGroup{{Configured: "Plant", ID: "g1", Name: "Plant"}}); err != nil {
			return err
		}
		return tx.SetRolePairs([]RolePair{
			{Group: MappedGroup{Configured: "QA", ID: "g2", Name: "QA"}, RoleID: "r2", RoleName: "Two", Configured: "QA -> Two"},
			{Group: MappedGroup{Configured: "QA", ID: "g2", Name: "QA"}, RoleID: "r1", RoleName: "One", Configured: "QA -> One"},
		})
	}, func() { want.OutOfScope = true })
	step("which he is in", func(tx *Tx) error {
		if err := tx.SetMember("g1", "00u1", true); err != nil {
			return err
		}
		return tx.SetMember("g2", "00u1", true)
	}, func() { want.OutOfScope, want.Entitlement = false, want.Applied })
}

func TestSightsAreOfWhoeverHasNotChanged(t *testing.T) {
	f := setup(t)
	a, b := f.person("00u1"), f.person("00u2")
	moved, fresh := b, b
	moved.Title, fresh.OktaID = "Chief", `00u"3`
	f.see(func(tx *Tx) error {
		sights, err := tx.Sights([]Person{moved, a, fresh})
		require.NoError(t, err)
		require.Len(t, sights, 3)
		assert.Equal(t, Glance{}, sights[0], "moved")
		assert.Equal(t, a, sights[1].Person)
		assert.Equal(t, Glance{}, sights[2], "new")
		sights, err = tx.Sights(nil)
		assert.Empty(t, sights)
		return err
	})
}
