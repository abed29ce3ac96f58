package zenqmstest

import (
	"cmp"
	"slices"
)

// AddRole adds a role under the next id, which it gives. Two roles may share
// a name.
func (a *Account) AddRole(name string) Role {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := Role{ID: a.nextRole, Name: name}
	a.nextRole++
	a.roles = append(a.roles, r)
	return r
}

// RenameRole changes a role's name, also on the users that hold it. It tells
// whether there is such a role.
func (a *Account) RenameRole(id int64, name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.findRole(id)
	if ok {
		a.roles[at].Name = name
	}
	return ok
}

// RemoveRole takes a role out of the account and from all users that hold it.
// It tells whether there was such a role.
func (a *Account) RemoveRole(id int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.findRole(id)
	if ok {
		a.roles = slices.Delete(a.roles, at, at+1)
	}
	return ok
}

// Roles gives all roles by id.
func (a *Account) Roles() []Role {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.roles)
}

func (a *Account) findRole(id int64) (at int, ok bool) {
	return slices.BinarySearchFunc(a.roles, id, func(r Role, id int64) int { return cmp.Compare(r.ID, id) })
}

func (a *Account) roleByID(id int64) (Role, bool) {
	at, ok := a.findRole(id)
	if !ok {
		return Role{}, false
	}
	return a.roles[at], true
}
