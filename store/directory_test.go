package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestK1_RowsThatDidNotChangeAreNotWritten(t *testing.T) {
	f := setup(t)
	put := func(p Person) (n, written int64) {
		t.Helper()
		f.do(func(tx *Tx) (err error) {
			var before, after int64
			if err = tx.row(`SELECT total_changes()`).Scan(&before); err != nil {
				return err
			}
			if n, err = tx.PutPerson(p); err != nil {
				return err
			}
			err = tx.row(`SELECT total_changes()`).Scan(&after)
			written = after - before
			return err
		})
		return n, written
	}
	p := Person{OktaID: "00u1", Created: noon, Updated: noon, Status: "ACTIVE", Transitioning: "", Login: "ann@example.com",
		Email: "Ann@example.com", FirstName: "Ann", LastName: "Lee", Title: "Reviewer"}
	n, written := put(p)
	assert.EqualValues(t, 1, written)
	place, written := put(p)
	assert.Equal(t, n, place)
	assert.Zero(t, written)

	p.N, p.Updated = 99, noon.Add(500*time.Microsecond).In(time.FixedZone("east", 3600))
	_, written = put(p)
	assert.Zero(t, written, "neither the place a caller remembers nor less than a millisecond is a change")

	for name, change := range map[string]func(*Person){
		"created":       func(p *Person) { p.Created = noon.Add(time.Millisecond) },
		"updated":       func(p *Person) { p.Updated = noon.Add(time.Second) },
		"status":        func(p *Person) { p.Status = "SUSPENDED" },
		"transitioning": func(p *Person) { p.Transitioning = "DEPROVISIONED" },
		"login":         func(p *Person) { p.Login = "lee@example.com" },
		"email":         func(p *Person) { p.Email = "ann@example.com" },
		"first name":    func(p *Person) { p.FirstName = "Anne" },
		"last name":     func(p *Person) { p.LastName = "" },
		"title":         func(p *Person) { p.Title = "" },
		"no time":       func(p *Person) { p.Updated = time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			changed := p
			change(&changed)
			place, written := put(changed)
			assert.Equal(t, n, place, "the place stays")
			assert.EqualValues(t, 1, written)
			f.see(func(tx *Tx) error {
				got, found, err := tx.Person("00u1")
				assert.True(t, found)
				changed.N = n
				changed.Created, changed.Updated = changed.Created.UTC().Truncate(time.Millisecond), changed.Updated.UTC().Truncate(time.Millisecond)
				assert.Equal(t, changed, got)
				return err
			})
			put(p)
		})
	}
}

func TestPeopleAtAnAddress(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error {
		for _, p := range []Person{
			{OktaID: "00u3", Created: noon, Email: "ann@example.com", Status: "ACTIVE"},
			{OktaID: "00u1", Created: noon.Add(time.Hour), Email: " Ann@Example.COM ", Status: "STAGED"},
			{OktaID: "00u2", Created: noon, Email: "ANN@example.com", Status: "DEPROVISIONED"},
			{OktaID: "00u4", Created: noon, Email: "bob@example.com", Status: "ACTIVE"},
			{OktaID: "00u5", Created: noon, Status: "ACTIVE"},
		} {
			if _, err := tx.PutPerson(p); err != nil {
				return err
			}
		}
		return nil
	})
	f.see(func(tx *Tx) error {
		people, err := tx.PeopleAt(Address("ann@EXAMPLE.com"))
		var ids []string
		for _, p := range people {
			ids = append(ids, p.OktaID)
		}
		assert.Equal(t, []string{"00u2", "00u3", "00u1"}, ids, "oldest in Okta first, then by id")
		nobody, err2 := tx.PeopleAt("")
		assert.Empty(t, nobody, "no address is not an address they share")
		require.NoError(t, err2)
		return err
	})
}

func TestStandingTellsWhereAUserStands(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	person := f.person("00u1")
	standing := func() (found [3]Standing) {
		t.Helper()
		f.see(func(tx *Tx) error {
			at, err := tx.PeopleAt("00u1@example.com")
			require.NoError(t, err)
			require.Len(t, at, 1)
			place, err := tx.PersonAt(at[0].N)
			require.NoError(t, err)
			one, err := tx.Standing("00u1")
			found = [3]Standing{place, at[0], one}
			return err
		})
		return found
	}
	same := func(want Standing) {
		t.Helper()
		for _, got := range standing() {
			assert.Equal(t, want, got)
		}
	}
	want := Standing{Person: person}
	same(want)

	link := Link{OktaID: "00u1", ZenQMSID: "z1", Email: "00u1@example.com", Active: true, Roles: []string{"QA"}, OktaUpdated: noon,
		OktaStatus: "ACTIVE", Wish: "w", Created: noon, AppliedAt: noon}
	skip := Skip{OktaID: "00u1", Code: SkipRefused, Reason: "no", Fields: []string{"email", "title"}, OktaUpdated: noon, OktaStatus: "ACTIVE",
		Wish: "w", Since: noon, LastSeen: noon}
	f.do(func(tx *Tx) error {
		if err := tx.PutSkip(skip); err != nil {
			return err
		}
		return tx.PutLink(link)
	})
	want.Link, want.Skip = &link, &skip
	same(want)

	id := f.enqueue("00u1", HookPriority)
	want.Open, want.Asked = true, true // a manual sync
	same(want)
	f.claim(epoch, 1)
	want.Asked = false // running is open as well, and begun
	same(want)
	f.do(func(tx *Tx) error { return tx.Close(epoch, id, StateDead, "gave up") })
	want.Open, want.Dead = false, true
	same(want)
}

func TestStandingOfOneTheDirectoryDoesNotKnow(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error {
		if err := tx.PutSkip(Skip{OktaID: "00u1", Code: SkipConflict}); err != nil {
			return err
		}
		return tx.PutLink(Link{OktaID: "00u1", ZenQMSID: "z1"})
	})
	f.see(func(tx *Tx) error {
		st, err := tx.Standing("00u1")
		assert.Zero(t, st.N)
		assert.Equal(t, "00u1", st.OktaID)
		require.NotNil(t, st.Link)
		assert.Equal(t, "z1", st.Link.ZenQMSID)
		require.NotNil(t, st.Skip)
		assert.Equal(t, SkipConflict, st.Skip.Code)
		return err
	})
}

func TestL3_404CountsForAKnownIDOnly(t *testing.T) {
	f := setup(t)
	f.person("00u1")
	f.do(func(tx *Tx) error {
		if err := tx.PutLink(Link{OktaID: "00u2", ZenQMSID: "z2"}); err != nil {
			return err
		}
		for _, id := range []string{"00u1", "00u3"} {
			if err := tx.MarkDeleted(id); err != nil {
				return err
			}
		}
		return nil
	})
	f.see(func(tx *Tx) error {
		p, found, err := tx.Person("00u1")
		require.NoError(t, err)
		assert.True(t, found)
		assert.Equal(t, Deleted, p.Status)
		assert.Equal(t, "Lee", p.LastName, "what he was called stays")
		_, found, err = tx.Person("00u3")
		require.NoError(t, err)
		assert.False(t, found)
		for id, want := range map[string]bool{"00u1": true, "00u2": true, "00u3": false} {
			known, err := tx.Known(id)
			require.NoError(t, err)
			assert.Equal(t, want, known, id)
		}
		return nil
	})
}
