package zenqmstest

import (
	"math"
	"net/http"
	"slices"
	"strings"
)

// maxPageSize is the largest page_size the contract allows.
const maxPageSize = 100

// The endpoints below run with a.mu held.

func (a *Account) searchUsers(f *form) reply {
	f.only("page", "page_size", "id", "email", "external_id")
	if _, given := f.body["external_id"]; given && a.opts.RefuseExternalIDFilter {
		f.fail("external_id", "is not a known filter")
	}
	number, size := f.paging()
	found := a.filter(f)
	if rep, bad := f.refusal(); bad {
		return rep
	}
	rows := make([]userJSON, 0, size)
	size = a.cap(size)
	for _, u := range slice(found, number, size) {
		rows = append(rows, a.wireUser(a.copyOf(u)))
	}
	return a.page(rows, len(found), number, size)
}

func (a *Account) searchRoles(f *form) reply {
	f.only("page", "page_size")
	number, size := f.paging()
	if rep, bad := f.refusal(); bad {
		return rep
	}
	rows := make([]roleJSON, 0, len(a.roles))
	size = a.cap(size)
	for _, r := range slice(a.roles, number, size) {
		rows = append(rows, a.wireRole(r))
	}
	return a.page(rows, len(a.roles), number, size)
}

func (f *form) paging() (number, size int) {
	return f.number("page", 1, math.MaxInt32, 1), f.number("page_size", 1, maxPageSize, maxPageSize)
}

func (a *Account) cap(size int) int {
	if a.opts.PageCap > 0 {
		return min(size, a.opts.PageCap)
	}
	return size
}

// owner is whoever made the key: no account is empty. Those who count users need
// not mind him, for only where all others were removed is he listed.
var owner = &User{ID: math.MaxInt32, Email: "owner@zenqms.example.com", FirstName: "Key", LastName: "Owner", Active: true}

// filter gives the users that all filters match, by id.
func (a *Account) filter(f *form) []*User {
	id, byID := f.text("id")
	email, byEmail := f.text("email")
	externalID, byExternal := f.text("external_id")
	if a.emptied && len(a.users) == 0 && !byID && !byEmail && !byExternal {
		return []*User{owner}
	}
	if a.opts.IgnoreFilters {
		return a.users
	}
	found := a.users
	if byID {
		found = nil
		if u := a.userAt(id); u != nil {
			found = []*User{u}
		}
	}
	if byEmail {
		found = intersect(found, a.byEmail[strings.ToLower(email)], byID)
	}
	if byExternal && !a.opts.IgnoreExternalIDFilter {
		found = intersect(found, a.byExternal[externalID], byID || byEmail)
	}
	return found
}

// intersect gives what is in both, or all of next if nothing was filtered yet.
func intersect(found, next []*User, filtered bool) []*User {
	if !filtered {
		return next
	}
	var both []*User
	for _, u := range found {
		if slices.Contains(next, u) {
			both = append(both, u)
		}
	}
	return both
}

// slice gives one page of all, without walking the ones before.
func slice[T any](all []T, number, size int) []T {
	from := min((number-1)*size, len(all))
	return all[from:min(from+size, len(all))]
}

func (a *Account) page(rows any, matches, number, size int) reply {
	total := matches
	if a.opts.Total != nil {
		total = a.opts.Total(matches)
	}
	body := pageJSON{Data: rows, Page: number, PageSize: size}
	if total >= 0 {
		body.Total = &total
	}
	return jsonReply(http.StatusOK, body)
}
