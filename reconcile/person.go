package reconcile

import (
	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// person is an Okta user as the directory keeps him.
func person(u okta.User) store.Person {
	return store.Person{
		OktaID: u.ID, Created: u.Created, Updated: u.LastUpdated, Status: u.Status, Transitioning: u.TransitioningTo,
		Login: u.Login, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, Title: u.Title,
	}
}

// account is a ZenQMS user as the index keeps it.
func account(u zenqms.User) store.Account {
	return store.Account{ZenQMSID: u.ID, ExternalID: u.ExternalID, Email: u.Email,
		FirstName: u.FirstName, LastName: u.LastName, Title: u.Title, Active: u.Active, Roles: indexedRoles(u.Roles)}
}

func indexedRoles(roles []zenqms.Role) []store.AccountRole {
	all := make([]store.AccountRole, len(roles))
	for i, r := range roles {
		all[i] = store.AccountRole(r)
	}
	return all
}

// fromIndex is a ZenQMS user as the index gives it back.
func fromIndex(a store.Account) zenqms.User {
	u := zenqms.User{ID: a.ZenQMSID, ExternalID: a.ExternalID, Email: a.Email,
		FirstName: a.FirstName, LastName: a.LastName, Title: a.Title, Active: a.Active}
	for _, r := range a.Roles {
		u.Roles = append(u.Roles, zenqms.Role(r))
	}
	return u
}

func namesOf(roles []zenqms.Role) []string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = r.Name
	}
	return names
}
