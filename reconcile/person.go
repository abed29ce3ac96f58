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
		FirstName: u.FirstName, LastName: u.LastName, Title: u.Title, Active: u.Active}
}

// fromIndex is a ZenQMS user as the index gives it back.
func fromIndex(a store.Account) zenqms.User {
	return zenqms.User{ID: a.ZenQMSID, ExternalID: a.ExternalID, Email: a.Email,
		FirstName: a.FirstName, LastName: a.LastName, Title: a.Title, Active: a.Active}
}

func roleNames(u zenqms.User) []string {
	names := make([]string, len(u.Roles))
	for i, r := range u.Roles {
		names[i] = r.Name
	}
	return names
}
