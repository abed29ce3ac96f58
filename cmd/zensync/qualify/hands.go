package qualify

import (
	"strconv"
	"strings"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
)

// What administrators do in Okta and in ZenQMS, and how people and accounts are
// called in the protocol: by the short names the cases give them.

// neverRoles are the roles that no configuration may map.
var neverRoles = config.Safety{NeverRoles: []string{"*Super User*"}}

// address is that of a name.
func (s *stand) address(name string) string { return s.prefix + name + "@example.invalid" }

// id is the Okta id of somebody.
func (s *stand) id(name string) string {
	id, known := s.ids[name]
	if !known {
		panic(stopped{"nobody is called " + name})
	}
	return id
}

// person is a profile of somebody called so: NAME, "First Last", title.
func (s *stand) person(name, whole, title string) oktatest.Profile {
	first, last, _ := strings.Cut(whole, " ")
	return oktatest.Profile{Login: s.prefix + name + ".login@example.invalid", Email: s.address(name), FirstName: first, LastName: last, Title: title}
}

// hire adds a user to Okta.
func (s *stand) hire(name, whole, title, status string) {
	s.enter(name, s.person(name, whole, title), status)
}

func (s *stand) enter(name string, p oktatest.Profile, status string) {
	u := s.org.AddUser(p, status)
	s.ids[name], s.names[u.ID] = u.ID, name
}

// change edits somebody's profile in Okta.
func (s *stand) change(name string, change func(*oktatest.Profile)) {
	s.org.UpdateProfile(s.id(name), change)
}

func (s *stand) status(name, status string) { s.org.SetStatus(s.id(name), status) }

// lose loses the hooks that are pending.
func (s *stand) lose() { s.org.DropAll() }

// byHand makes an account in ZenQMS, which no qualification asked for.
func (s *stand) byHand(name, whole, title, externalID string) {
	first, last, _ := strings.Cut(whole, " ")
	s.byHandAs(name, zenqms.NewUser{Email: s.address(name), FirstName: first, LastName: last, Title: title, Active: true, ExternalID: externalID})
}

func (s *stand) byHandAs(name string, n zenqms.NewUser) {
	u, err := s.admin.Create(s.ctx, n)
	s.must(err)
	s.call(name, u.ID)
}

// call gives an account a name.
func (s *stand) call(name, zenqmsID string) { s.accounts[name] = zenqmsID }

// edit changes an account in ZenQMS by hand.
func (s *stand) edit(zenqmsID string, p zenqms.Patch) {
	_, err := s.admin.Update(s.ctx, zenqmsID, p)
	s.must(err)
}

// accountOf is the account that carries somebody's Okta id.
func (s *stand) accountOf(name string) (zenqms.User, bool) {
	found, _, err := s.admin.ByExternalID(s.ctx, s.id(name))
	s.must(err)
	if len(found) == 0 {
		return zenqms.User{}, false
	}
	return found[0], true
}

// fakeID is an account's id as the fake counts.
func fakeID(id string) int64 {
	n, _ := strconv.ParseInt(id, 10, 64) // the fake gives numbers
	return n
}

// addRole makes a role in the fake of ZenQMS.
func (s *stand) addRole(name string) string {
	id := strconv.FormatInt(s.account.AddRole(name).ID, 10)
	s.roleIDs[name] = id
	return id
}

func text(v string) *string { return &v }
func no() *bool             { v := false; return &v }
