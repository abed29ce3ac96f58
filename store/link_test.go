package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (f *fixture) link(l Link) {
	f.Helper()
	f.do(func(tx *Tx) error { return tx.PutLink(l) })
}

func TestL1_LinksAreOneToOne(t *testing.T) {
	f := setup(t)
	f.link(Link{OktaID: "00u1", ZenQMSID: "z1"})
	err := f.db.Update(t.Context(), func(tx *Tx) error { return tx.PutLink(Link{OktaID: "00u2", ZenQMSID: "z1"}) })
	assert.ErrorContains(t, err, "00u2", "a second Okta user of one ZenQMS user is refused")
	f.link(Link{OktaID: "00u1", ZenQMSID: "z2"})
	assert.Equal(t, []string{"00u1 z2"}, f.texts(`SELECT okta_id || ' ' || zenqms_id FROM link`), "an Okta user has one ZenQMS user")
	f.link(Link{OktaID: "00u2", ZenQMSID: "z1"})
	f.see(func(tx *Tx) error {
		l, found, err := tx.LinkOf("z2")
		assert.True(t, found)
		assert.Equal(t, "00u1", l.OktaID)
		return err
	})
}

func TestLinkIsKeptWhole(t *testing.T) {
	f := setup(t)
	want := Link{OktaID: "00u1", ZenQMSID: "z1", Email: " Ann@Example.com", Active: true, Roles: []string{"QA", "Doc & Review"}, OktaUpdated: noon,
		OktaStatus: "ACTIVE", Wish: "w", TakenFrom: "00u0", Created: noon, AppliedAt: noon}
	f.link(want)
	same := func() {
		t.Helper()
		f.see(func(tx *Tx) error {
			for name, read := range map[string]func() (Link, bool, error){
				"by Okta id":   func() (Link, bool, error) { return tx.Link("00u1") },
				"by ZenQMS id": func() (Link, bool, error) { return tx.LinkOf("z1") },
				"by address":   func() (Link, bool, error) { return tx.LinkAt("ann@example.com") },
			} {
				got, found, err := read()
				require.NoError(t, err)
				assert.True(t, found)
				assert.Equal(t, want, got, name)
			}
			return nil
		})
	}
	same()
	f.now = noon.Add(time.Hour)
	want.Active, want.Roles, want.OktaUpdated, want.TakenFrom, want.OktaStatus, want.Wish = false, nil, time.Time{}, "", "SUSPENDED", "v"
	f.link(want)
	want.AppliedAt = f.now // and Created stays
	same()
	f.do(func(tx *Tx) error { return tx.DropLink("00u1") })
	f.do(func(tx *Tx) error { return tx.DropLink("00u1") })
	f.see(func(tx *Tx) error {
		_, found, err := tx.Link("00u1")
		assert.False(t, found)
		return err
	})
}

func TestLinksAreCountedAndReadOn(t *testing.T) {
	f := setup(t)
	place := f.person("00u2").N
	for id, active := range map[string]bool{"00u1": true, "00u2": false, "00u3": true} {
		f.link(Link{OktaID: id, ZenQMSID: "z" + id, Active: active})
	}
	f.see(func(tx *Tx) error {
		count, err := tx.LinkCount()
		require.NoError(t, err)
		assert.Equal(t, LinkCount{Active: 2, Inactive: 1}, count)

		links, err := tx.LinksAfter("", 2)
		require.NoError(t, err)
		require.Len(t, links, 2)
		assert.Equal(t, "00u1", links[0].OktaID)
		assert.Zero(t, links[0].N, "the directory does not have him")
		assert.Equal(t, "00u2", links[1].OktaID)
		assert.Equal(t, place, links[1].N)
		links, err = tx.LinksAfter("00u2", 2)
		require.Len(t, links, 1)
		assert.Equal(t, "00u3", links[0].OktaID)
		return err
	})
}
