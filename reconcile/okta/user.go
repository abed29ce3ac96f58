package okta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// defaultLimit is the size of a page where the query gives none.
	defaultLimit = 100
	// maxLimit is the most users Okta puts on a page.
	maxLimit = 200
	// mostUsers is what is no page of Okta's. A user takes more room than the text he is read from, if that says little.
	mostUsers = 100 * maxLimit
)

// User is what this program wants to know of an Okta user. Texts are as Okta has them, blanks around them included.
// A profile value that is not a text, as the org's schema may have it, is read as follows: a number, true or false
// as it is written in JSON, since it can be shown as such; null, a list or an object as "", since it cannot.
type User struct {
	ID              string
	Status          string // ACTIVE, DEPROVISIONED...; others than those documented may occur
	TransitioningTo string // the status that Okta is still working towards; "" when it is not
	Login           string
	Email           string
	FirstName       string
	LastName        string
	Title           string
	Created         time.Time
	LastUpdated     time.Time // of user and profile; a change of groups does not move it
}

// Page is one page of a list of users. Next is the page after it, for Query.After and the like; "" on the last page.
// A page may be empty and yet not be the last.
type Page struct {
	Users []User
	Next  string // opaque
}

// Query says which users to list. Without Filter and Search it is all but the DEPROVISIONED ones.
type Query struct {
	Filter string // Okta's filter expression: id, status, lastUpdated and some of the profile
	Search string // Okta's search expression: everything, but lagging a little
	Limit  int    // users per page; 0: 100, and 200 at the most
	After  string // the Next of the page before, with all else unchanged; "": the first page
}

// ListUsers reads one page. Walking all pages is no snapshot: users created or deactivated meanwhile may be missing
// or come twice. A page that was listed before is an error, so a walk ends.
func (c *Client) ListUsers(ctx context.Context, q Query) (Page, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	params := url.Values{"limit": {strconv.Itoa(min(limit, maxLimit))}}
	if q.Filter != "" {
		params.Set("filter", q.Filter)
	}
	if q.Search != "" {
		params.Set("search", q.Search)
	}
	r := request{op: "list users", method: http.MethodGet, path: apiPath("users"), params: params}
	return c.userPage(ctx, r, q.After)
}

// User reads one user by id, in the state that Okta is in at this moment. IsNotFound tells of a deleted user, or one
// that our admin role may not see. A login is refused with ErrID, as is "me".
func (c *Client) User(ctx context.Context, id string) (User, error) {
	op := "read user " + id
	if err := checkID("read user", id); err != nil {
		return User{}, err
	}
	var u User
	r := request{op: op, method: http.MethodGet, path: apiPath("users", id), decode: u.read}
	if _, err := c.call(ctx, r); err != nil {
		return User{}, err
	}
	if err := sameID(op, id, u.ID); err != nil {
		return User{}, err
	}
	return u, nil
}

// FindUsers gives the users that have a login or email, whatever their status, each once. Okta's filters may lag a
// little behind.
func (c *Client) FindUsers(ctx context.Context, loginOrEmail string) ([]User, error) {
	value := quote(loginOrEmail)
	return c.filterUsers(ctx, loginOrEmail, "profile.login eq "+value+" or profile.email eq "+value)
}

// UsersByEmail gives the users that have an email address, whatever their status, each once. Okta's filters may lag a
// little behind. Whether they heed case is not documented, so the address is asked for as it is and in lower case.
func (c *Client) UsersByEmail(ctx context.Context, email string) ([]User, error) {
	email = strings.TrimSpace(email)
	filter := "profile.email eq " + quote(email)
	if lower := strings.ToLower(email); lower != email {
		filter += " or profile.email eq " + quote(lower)
	}
	return c.filterUsers(ctx, email, filter)
}

func (c *Client) filterUsers(ctx context.Context, value, filter string) ([]User, error) {
	if strings.TrimSpace(value) == "" {
		return nil, errors.New("okta: find users: nothing to look for")
	}
	var all []User
	seen := map[string]bool{}
	q := Query{Filter: filter, Limit: maxLimit}
	for range mostPages {
		page, err := c.ListUsers(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, u := range page.Users {
			if !seen[u.ID] {
				seen[u.ID] = true
				all = append(all, u)
			}
		}
		if q.After = page.Next; q.After == "" {
			return all, nil
		}
	}
	return nil, tooLong("list users")
}

// quote writes a text as a value in Okta's filter expressions.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func (c *Client) userPage(ctx context.Context, r request, after string) (Page, error) {
	var page Page
	r.decode = func(body []byte) error {
		page.Users = make([]User, 0, maxLimit)
		return eachElement(body, func(value []byte) error {
			if len(page.Users) == mostUsers {
				return fmt.Errorf("more than %d users on a page", mostUsers)
			}
			var u User
			if err := u.read(value); err != nil {
				return fmt.Errorf("entry %d of the page: %w", len(page.Users)+1, err)
			}
			page.Users = append(page.Users, u)
			return nil
		})
	}
	next, err := c.readPage(ctx, r, after)
	if err != nil {
		return Page{}, err
	}
	page.Next = next
	return page, nil
}

// read takes in a user as Okta sends it. Without an id there is no user to speak of.
func (u *User) read(data []byte) error {
	var bad error
	timeOf := func(value []byte) time.Time {
		s := textOf(value)
		if s == "" {
			return time.Time{}
		}
		t, err := time.Parse(time.RFC3339, s)
		bad = errors.Join(bad, err)
		return t.UTC()
	}
	eachMember(data, func(key, value []byte) {
		switch string(key) {
		case `"id"`:
			u.ID = textOf(value)
		case `"status"`:
			u.Status = textOf(value)
		case `"transitioningToStatus"`:
			u.TransitioningTo = textOf(value)
		case `"created"`:
			u.Created = timeOf(value)
		case `"lastUpdated"`:
			u.LastUpdated = timeOf(value)
		case `"profile"`:
			eachMember(value, u.readProfile)
		}
	})
	if u.ID == "" {
		return errors.New("a user without an id")
	}
	return bad
}

func (u *User) readProfile(key, value []byte) {
	switch string(key) {
	case `"login"`:
		u.Login = textOf(value)
	case `"email"`:
		u.Email = textOf(value)
	case `"firstName"`:
		u.FirstName = textOf(value)
	case `"lastName"`:
		u.LastName = textOf(value)
	case `"title"`:
		u.Title = textOf(value)
	}
}
