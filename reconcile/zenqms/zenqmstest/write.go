package zenqmstest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The endpoints below run with a.mu held.

var writable = []string{"email", "first_name", "last_name", "title", "is_active", "external_id"}

func (a *Account) create(f *form) reply {
	u := User{Active: true}
	if rep, bad := a.fill(f, &u, true); bad {
		return rep
	}
	return jsonReply(http.StatusCreated, a.wireUser(a.copyOf(a.insert(u))))
}

func (a *Account) update(u *User, f *form) reply {
	next := *u
	if rep, bad := a.fill(f, &next, false); bad {
		return rep
	}
	a.replace(u, next)
	return jsonReply(http.StatusOK, a.wireUser(a.copyOf(u)))
}

// fill reads the fields given into u, and on a create insists on those that a
// user must have. A refusal leaves the account as it was.
func (a *Account) fill(f *form, u *User, creating bool) (reply, bool) {
	f.only(writable...)
	if v, given := f.email(creating); given {
		u.Email = v
	}
	if v, given := f.name("first_name", creating); given {
		u.FirstName = v
	}
	if v, given := f.name("last_name", creating); given {
		u.LastName = v
	}
	title := f.text
	if a.opts.RequireTitle {
		title = func(field string) (string, bool) { return f.name(field, creating) }
	}
	if v, given := title("title"); given {
		u.Title = v
	}
	if v, given := f.active(); given {
		u.Active = v
	}
	if v, given := f.externalID(); given {
		u.ExternalID = v
	}
	if rep, bad := f.refusal(); bad {
		return rep, true
	}
	if _, given := f.body["email"]; given && !a.lax && heldByOther(a.byEmail[strings.ToLower(u.Email)], u.ID) {
		return refuse(http.StatusConflict, "A user with the email "+u.Email+" already exists."), true
	}
	if a.opts.UniqueExternalIDs && u.ExternalID != "" && heldByOther(a.byExternal[u.ExternalID], u.ID) {
		return refuse(http.StatusConflict, "A user with the external id "+u.ExternalID+" already exists."), true
	}
	return reply{}, false
}

func heldByOther(holders []*User, id int64) bool {
	return slices.ContainsFunc(holders, func(u *User) bool { return u.ID != id })
}

func (a *Account) addRoles(u *User, f *form) reply {
	return a.changeRoles(u, f, func(r Role) {
		if !slices.ContainsFunc(u.Roles, func(held Role) bool { return held.ID == r.ID }) {
			u.Roles = append(u.Roles, r)
		}
	})
}

func (a *Account) removeRoles(u *User, f *form) reply {
	return a.changeRoles(u, f, func(r Role) {
		u.Roles = slices.DeleteFunc(u.Roles, func(held Role) bool { return held.ID == r.ID })
	})
}

// changeRoles changes all roles named, or, if one is unknown, none.
func (a *Account) changeRoles(u *User, f *form, change func(Role)) reply {
	f.only("role_ids")
	roles := a.rolesNamed(f)
	if rep, bad := f.refusal(); bad {
		return rep
	}
	for _, r := range roles {
		change(r)
	}
	return jsonReply(http.StatusOK, a.wireUser(a.copyOf(u)))
}

func (a *Account) rolesNamed(f *form) []Role {
	const field = "role_ids"
	ids, ok := f.body[field].([]any)
	if !ok || len(ids) == 0 {
		f.fail(field, "must be a list of ids")
		return nil
	}
	var roles []Role
	for _, raw := range ids {
		text, ok := raw.(string)
		if !a.opts.TextIDs {
			var n json.Number
			n, ok = raw.(json.Number)
			text = string(n)
		}
		id, err := strconv.ParseInt(text, 10, 64)
		if !ok || err != nil {
			f.fail(field, "holds something that is no id")
			continue
		}
		r, ok := a.roleByID(id)
		if !ok {
			f.fail(field, "there is no role with the id "+text)
			continue
		}
		roles = append(roles, r)
	}
	return roles
}
