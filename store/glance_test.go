package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAWalkReadsOnThroughTheDirectory(t *testing.T) {
	f := setup(t)
	var want []int64
	for n := range 7 {
		want = append(want, f.person(fmt.Sprintf("00u%d", 9-n)).N) // the order is that of the directory, not of the ids
	}
	for name, read := range map[string]func(tx *Tx, after int64, seen func(int64)) (int, error){
		"glances": func(tx *Tx, after int64, seen func(int64)) (int, error) {
			return tx.GlancesAfter(after, 3, func(g Glance) { seen(g.N) })
		},
		"presences": func(tx *Tx, after int64, seen func(int64)) (int, error) {
			return tx.PresencesAfter(after, 3, func(p Presence) { seen(p.N) })
		},
	} {
		var got []int64
		var counts []int
		f.see(func(tx *Tx) error {
			after := int64(0)
			for {
				n, err := read(tx, after, func(place int64) { got, after = append(got, place), place })
				if counts = append(counts, n); err != nil || n == 0 {
					return err
				}
			}
		})
		assert.Equal(t, want, got, name)
		assert.Equal(t, []int{3, 3, 1, 0}, counts, name)
	}
}

func TestAGlanceTellsWhatAWalkHasToKnow(t *testing.T) {
	f := setup(t)
	p := f.person("00u1")
	glance := func() (g Glance) {
		f.see(func(tx *Tx) error {
			n, err := tx.GlancesAfter(0, 10, func(found Glance) { g = found })
			assert.Equal(t, 1, n)
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

func TestPlacesAreThoseOfWhoeverHasNotChanged(t *testing.T) {
	f := setup(t)
	a, b := f.person("00u1"), f.person("00u2")
	moved, fresh := b, b
	moved.Title, fresh.OktaID = "Chief", `00u"3`
	f.see(func(tx *Tx) error {
		places, changed, err := tx.Places([]Person{moved, a, fresh})
		require.NoError(t, err)
		assert.Equal(t, []int64{0, a.N, 0}, places)
		assert.Equal(t, []int{0, 2}, changed)
		places, changed, err = tx.Places(nil)
		assert.Empty(t, places)
		assert.Empty(t, changed)
		return err
	})
}
