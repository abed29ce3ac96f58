package zenqms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Page is one page of the users of the account.
type Page struct {
	Users []User
	Page  int  // as asked for, from 1
	Total int  // as ZenQMS states it, 0 when it does not; a hint, not a count
	More  bool // whether another page must be asked for
}

// Listed is a page of the list of all users as ZenQMS gave it. What it means,
// Follow tells.
type Listed struct {
	page int
	wire wirePage[wireUser]
}

const opList = "list users"

// Fetch reads one page of the list of all users, counted from 1, of at most 100.
// Several may be read at the same time.
func (c *Client) Fetch(ctx context.Context, page int) (Listed, error) {
	if page < 1 {
		return Listed{}, fmt.Errorf("zenqms: %s: pages count from 1, not %d", opList, page)
	}
	w, err := search[wireUser](ctx, c, opList, pathUserSearch, wireQuery{Page: page, PageSize: pageSize})
	return Listed{page, w}, err
}

// Follow gives the users of a page, active or not, in ZenQMS's order.
//
// Following from page 1 on, each page once, while More is set gives every
// user, and ends, also when the total is wrong or missing, when ZenQMS gives
// fewer rows a page than asked for, or when it answers every page with the
// same rows. A user that moves between pages while they are read may be missed
// or come twice.
func (c *Client) Follow(l Listed) (Page, error) {
	out := Page{Page: l.page}
	out.Total, _ = l.wire.Total.count()
	repeated, more, err := follow(opList, &c.listed, l.page, l.wire)
	if repeated || err != nil {
		return out, err
	}
	out.More = more
	out.Users = make([]User, 0, len(l.wire.Data.list))
	for _, r := range l.wire.Data.list {
		out.Users = append(out.Users, c.user(r))
	}
	return out, nil
}

// List is Fetch, and Follow.
func (c *Client) List(ctx context.Context, page int) (Page, error) {
	l, err := c.Fetch(ctx, page)
	if err != nil {
		return Page{}, err
	}
	return c.Follow(l)
}

// ByID gives the user with this id, or an error that IsNotFound recognises. There
// is no call that reads a user, so that it is a search that finds nobody which says
// that he is gone; one that finds nobody at all is no verdict.
func (c *Client) ByID(ctx context.Context, id string) (User, error) {
	op := "read user " + id
	if err := checkID(op, id); err != nil {
		return User{}, err
	}
	var found *User
	blind := true
	err := c.eachUser(ctx, op, wireQuery{ID: id}, func(u User) bool {
		blind = false
		if u.ID == id {
			found = &u
		}
		return found == nil
	})
	if err != nil {
		return User{}, err
	}
	if blind {
		if err := c.showsAnybody(ctx, op); err != nil {
			return User{}, err
		}
	}
	if found == nil {
		return User{}, &Error{Op: op, Status: http.StatusNotFound, Message: "no user has this id"}
	}
	return *found, nil
}

// showsAnybody is an error where ZenQMS lists no user: whoever made the key is
// one, so that it is the search that fails, or the key that sees nobody.
func (c *Client) showsAnybody(ctx context.Context, op string) error {
	w, err := search[wireUser](ctx, c, op, pathUserSearch, wireQuery{Page: 1, PageSize: 1})
	if err == nil && len(w.Data.list) == 0 {
		return &Error{Op: op, Message: "ZenQMS lists no user at all, so that nobody is taken for gone: check what the API key may see"}
	}
	return err
}

// ByEmail gives the users that carry the address, upper and lower case alike:
// mostly none or one. An answer that goes on is read to its end, also where
// ZenQMS ignores the filter: a wrong "nobody" would make a second account.
func (c *Client) ByEmail(ctx context.Context, email string) ([]User, error) {
	const op = "find user by email"
	email = strings.TrimSpace(email)
	if email == "" {
		return nil, errors.New("zenqms: " + op + ": no address was given")
	}
	var found []User
	err := c.eachUser(ctx, op, wireQuery{Email: email}, func(u User) bool {
		if sameAddress(u.Email, email) {
			found = append(found, u)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// sameAddress compares two addresses in any case, of which no letter beyond
// ASCII is one of ASCII: a Kelvin sign is no k.
func sameAddress(a, b string) bool {
	fold := func(r rune) rune {
		if lower := unicode.ToLower(r); r < utf8.RuneSelf || lower >= utf8.RuneSelf {
			return lower
		}
		return r
	}
	return strings.Map(fold, strings.TrimSpace(a)) == strings.Map(fold, strings.TrimSpace(b))
}

// ByExternalID gives the users that carry the external id. honoured is false
// when ZenQMS refused the filter or gave a row that does not carry the value:
// then users is not complete, and the caller must look through all users.
func (c *Client) ByExternalID(ctx context.Context, externalID string) (users []User, honoured bool, err error) {
	const op = "find user by external id"
	if externalID == "" {
		return nil, false, errors.New("zenqms: " + op + ": no external id was given")
	}
	honoured = true
	err = c.eachUser(ctx, op, wireQuery{ExternalID: externalID}, func(u User) bool {
		honoured = u.ExternalID == externalID
		if honoured {
			users = append(users, u)
		}
		return honoured
	})
	if isInvalid(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return users, honoured, nil
}

// Ping asks for a single user, which changes nothing, and tells whether the
// key is accepted.
func (c *Client) Ping(ctx context.Context) error {
	_, err := search[wireUser](ctx, c, "check the API key", pathUserSearch, wireQuery{Page: 1, PageSize: 1})
	return err
}

// eachUser hands every row of a search to fn, until fn returns false.
func (c *Client) eachUser(ctx context.Context, op string, q wireQuery, fn func(User) bool) error {
	return scan(ctx, c, op, pathUserSearch, q, func(w wireUser) bool { return fn(c.user(w)) })
}
