package reconcile

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// oddNames are names as forms, imports and attackers make them.
var oddNames = map[string]string{
	"ten thousand letters": strings.Repeat("Wolfe\u00adschlegel ", 714) + "Sr",
	"emoji":                "👩🏽‍🔬 Ada 🧪",
	"right to left":        "\u202eעדה\u202c",
	"arabic":               "آدا",
	"marks on marks":       "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢",
	"two forms of é":       "e\u0301é",
	"control characters":   "A\x01\x02\x1b[31md\x7fa\u0085",
	"a line break":         "Ada\r\nX-Injected: 1",
	"a zero byte":          "A\x00da",
	"nothing to see":       "\u200b\u200d\ufeffA",
	"quotes":               `'"; DROP TABLE link; -- \ ` + "`$(id)`",
	"markup":               `<script>alert(1)</script>`,
	"a formula":            `=cmd|' /C calc'!A0`,
	"a placeholder":        `%s %d {{.}} ${jndi:ldap://x}`,
}

// What a name is made of does not matter: it arrives as it is, is not sent a
// second time, and breaks neither log nor reports.
func TestM1_OddNamesArriveAsTheyAreOnce(t *testing.T) {
	for what, name := range oddNames {
		for _, how := range []string{"hooks", "reconcile", "initial"} {
			t.Run(what+": "+how, func(t *testing.T) {
				w := newWorld(t)
				u := w.org.AddUser(oktatest.Profile{Email: "odd@example.com", FirstName: name, LastName: name + "!", Title: name}, "ACTIVE")
				w.by(how)
				z := w.account(u.ID)
				assert.Equal(t, strings.TrimSpace(name), z.FirstName, "M1: values are trimmed, and else as Okta has them")
				assert.Equal(t, strings.TrimSpace(name+"!"), z.LastName)
				assert.Equal(t, strings.TrimSpace(name), z.Title)

				w.acct.ResetCalls()
				w.walk(store.ReconcileRun)
				w.manual(u.ID)
				assert.Empty(t, w.writes(), "M5: what does not differ is not sent")
				w.view(func(tx *store.Tx) error {
					_, err := tx.CheckLog(store.Head{}, nil)
					assert.NoError(t, err, "A1: the chain holds whatever is in it")
					return nil
				})
				for _, r := range store.Reports() {
					w.report(r.Name, store.ReportArgs{})
				}
			})
		}
	}
}

// What ZenQMS refuses is skipped with its words, and the others go on, in the
// same walk and whatever it is.
func TestL4_WhatZenQMSRefusesIsSkippedWithItsWordsAndTheRestGoesOn(t *testing.T) {
	w := newWorld(t)
	ids := map[string]string{}
	n := 0
	for what, name := range oddNames {
		n++
		ids[what] = w.org.AddUser(oktatest.Profile{Email: fmt.Sprintf("odd%d@example.com", n), FirstName: fmt.Sprintf("Odd%d", n), LastName: name}, "ACTIVE").ID
		w.acct.Fail(zenqmstest.Match{Method: http.MethodPost, Path: "/v2/users", Body: fmt.Sprintf("odd%d@example.com", n)}, zenqmstest.Always,
			zenqmstest.Fault{Status: 422, Message: "Not like this.", Fields: []zenqmstest.FieldError{{Field: "last_name", Message: "is refused: " + name}}})
	}
	foreign := w.org.AddUser(oktatest.Profile{Email: "ädä@exämple.com", FirstName: "Ädä", LastName: "Bÿron"}, "ACTIVE").ID
	plain := w.hire("Ada", "Byron", "ACTIVE").ID
	w.org.DropAll()
	run := w.walk(store.ReconcileRun)
	assert.Equal(t, store.RunDone, run.State, "%s", run.Error)
	assert.True(t, w.account(plain).Active, "E4: nobody is kept by what is wrong with others")
	for what, id := range ids {
		s := w.skip(id)
		assert.Equal(t, store.SkipRefused, s.Code, what)
		assert.Contains(t, s.Reason, "Not like this.", "L4: in ZenQMS's words: %s", what)
		assert.Less(t, len([]rune(s.Reason)), 2000, "%s: of which not all need be said", what)
		assert.NotContains(t, s.Reason, "\x1b", what)
		assert.NotContains(t, s.Reason, "\n", what)
	}
	assert.Contains(t, w.skip(foreign).Reason, "must hold ASCII characters only")
	assert.Equal(t, 1, w.acct.Len())
	assert.Empty(t, w.report("dead", store.ReportArgs{}))

	w.acct.Heal()
	w.walk(store.ReconcileRun)
	assert.Equal(t, 1+len(ids), w.acct.Len(), "E4: tried again at every walk")
	assert.Empty(t, w.skip(ids["emoji"]).Code)
}

// An address that only looks like another's, or becomes it by Unicode's rules
// of case, is not his: the account carries his signatures.
func TestL1_AnAddressThatLooksAlikeIsNotTheSame(t *testing.T) {
	for what, address := range map[string]string{
		"a Kelvin sign":     "\u212aate.smith@example.com",
		"a long s":          "kate.\u017fmith@example.com",
		"a Turkish capital": "kate.sm\u0130th@example.com",
		"full width":        "ｋate.smith@example.com",
		"Cyrillic":          "k\u0430te.smith@example.com",
		"an invisible mark": "kate\u200b.smith@example.com",
	} {
		for _, how := range []string{"hooks", "reconcile", "initial"} {
			t.Run(what+": "+how, func(t *testing.T) {
				w := newWorld(t)
				kate := w.acct.AddUser(zenqmstest.User{Email: "kate.smith@example.com", FirstName: "Kate", LastName: "Smith", Active: true})
				require.NoError(t, w.w.readIndex(t.Context()))
				u := w.org.AddUser(oktatest.Profile{Email: address, FirstName: "Kate", LastName: "Smith"}, "ACTIVE")
				w.by(how)
				now, _ := w.acct.User(kate.ID)
				assert.Empty(t, now.ExternalID, "L1: case-insensitively is not alike")
				assert.Empty(t, w.link(u.ID).OktaID)
				assert.Equal(t, store.SkipRefused, w.skip(u.ID).Code, "ZenQMS takes ASCII alone, and says so")
			})
		}
	}
}

// A group as large as a company's is read page by page, and nobody by himself.
// Most of this one have left, and are members all the same.
func TestK3_AGroupOfFiftyThousandIsReadPageByPage(t *testing.T) {
	const members, live = 50_000, 500
	m := newMapped(t)
	var last string
	for i := range members {
		p := oktatest.Profile{Login: fmt.Sprintf("u%d@example.com", i), Email: fmt.Sprintf("u%d@example.com", i), FirstName: "U", LastName: "V"}
		status := oktatest.Deprovisioned
		if i >= members-live {
			status = oktatest.Active
		}
		last = m.org.Seed(p, status).ID
		m.org.AddMember(m.qa, last)
	}
	m.org.DropAll()
	m.org.ResetCalls()
	run := m.read(store.ReconcileRun)
	require.Equal(t, store.RunDone, run.State, "%s", run.Error)
	assert.EqualValues(t, live, run.Users)
	assert.LessOrEqual(t, len(m.org.Calls()), members/200+live/100+20, "K3: group by group, not user by user")
	m.manual(last)
	assert.Equal(t, []string{"Reviewer"}, m.roles(last))
}

// Two whose addresses differ in case alone have one address. The account that it
// gets is one person's, whoever of the two comes first, or at the same time.
func TestL3_AddressesThatDifferInCaseAloneAreOne(t *testing.T) {
	for _, how := range []string{"hooks", "hooks backwards", "initial", "reconcile"} {
		for _, filters := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, Okta's filters ignore case: %t", how, filters), func(t *testing.T) {
				w := newWorld(t, func(o *worldOptions) { o.okta.FilterIgnoresCase = filters })
				ada := w.org.AddUser(oktatest.Profile{Login: "a", Email: "Ada.Lee@Example.com", FirstName: "Ada", LastName: "Lee"}, "ACTIVE")
				w.pass(time.Minute)
				adam := w.org.AddUser(oktatest.Profile{Login: "b", Email: "ada.lee@example.COM", FirstName: "Adam", LastName: "Lee"}, "ACTIVE")
				w.by(how)
				w.walk(store.ReconcileRun)
				assert.Equal(t, 1, w.acct.Len(), "L3: one address, one account")
				assert.Empty(t, w.report("dead", store.ReportArgs{}))
				kept, other := ada.ID, adam.ID
				if w.link(kept).OktaID == "" && !filters && how == "hooks backwards" {
					kept, other = other, kept // of Ada nobody could know by then
				}
				assert.NotEmpty(t, w.account(kept).FirstName, "L3: created first in Okta")
				assert.Equal(t, store.SkipConflict, w.skip(other).Code)
				assert.Contains(t, w.skip(other).Reason, kept, "L3: who it is")
			})
		}
	}
}

// ZenQMS merges one mapped role into another: its holders have the other one
// from then on, by a hand there, and it is gone.
func TestW3_ARoleThatWasMergedIntoAnotherCostsNobodyAnything(t *testing.T) {
	for _, how := range []string{"hooks", "reconcile"} {
		t.Run(how, func(t *testing.T) {
			m := newMapped(t)
			ada, bea := m.hire("Ada", "Byron", "ACTIVE"), m.hire("Bea", "Burns", "ACTIVE")
			m.org.AddMember(m.qa, ada.ID)
			m.org.AddMember(m.boss, bea.ID)
			m.sync()
			m.hand(ada.ID, m.approver)
			m.acct.RemoveRole(m.reviewer.ID)
			m.acct.ResetCalls()

			m.pass(time.Minute)
			m.walk(store.ReconcileRun)
			assert.Empty(t, m.writes(), "W3: what was given by a hand stays")
			m.org.UpdateProfile(ada.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
			m.org.RemoveMember(m.qa, ada.ID)
			m.org.AddMember(m.qa, bea.ID)
			m.by(how)
			m.walk(store.ReconcileRun)
			assert.Equal(t, "Chief", m.account(ada.ID).Title, "W3: all else goes on")
			assert.Equal(t, []string{"Approver"}, m.roles(ada.ID))
			assert.Equal(t, []string{"Approver"}, m.roles(bea.ID))
			assert.Empty(t, m.report("dead", store.ReportArgs{}))

			m.mapRoles(RolePair{"QA", "Approver"}, RolePair{"Lab", "Approver"}, RolePair{m.boss, idText(m.approver.ID)})
			m.acct.ResetCalls()
			m.walk(store.InitialRun)
			assert.Equal(t, []string{"Approver"}, m.roles(bea.ID), "W3: who has it is not given it again")
			for _, call := range m.writes() {
				assert.NotContains(t, call.Path, fmt.Sprintf("/users/%d/roles/add", m.account(bea.ID).ID))
			}
			assert.Empty(t, m.roles(ada.ID), "W3: a deploy takes from whom no group has")
		})
	}
}
