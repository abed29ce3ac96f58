package zenqms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// User is a ZenQMS user. Texts are as ZenQMS gave them, "" where it gave null
// or nothing.
type User struct {
	ID         string // opaque: compare it, do not read it
	Email      string
	FirstName  string
	LastName   string
	Title      string
	Active     bool
	ExternalID string // the link; "" is none
	Roles      []Role
}

// NewUser is what a create sends. An empty Title or ExternalID is left out.
type NewUser struct {
	Email, FirstName, LastName, Title string
	Active                            bool
	ExternalID                        string
}

// Patch is what an update sends: nil is not sent. ExternalID pointing to "" is
// sent as null, which clears the link.
type Patch struct {
	Email, FirstName, LastName, Title, ExternalID *string
	Active                                        *bool
}

// Empty tells whether the patch would send nothing.
func (p Patch) Empty() bool { return p == Patch{} }

// Create makes a user and gives it as ZenQMS keeps it. It is not repeatable:
// an error with Status 0 may mean that the user exists, and a search must
// come before the next attempt. A taken address is Status 409.
func (c *Client) Create(ctx context.Context, n NewUser) (User, error) {
	var w wireUser
	req := request{op: "create user", method: methodCreate, path: pathUsers, body: wireNew(n)}
	if err := c.call(ctx, req, &w); err != nil {
		return User{}, err
	}
	if w.ID.text == "" {
		return User{}, &Error{Op: req.op, Message: "accepted, but the answer has no id; the user may exist"}
	}
	return c.accepted(ctx, w, w.ID.text)
}

// Update changes what the patch names and gives the user as it is then. It is
// repeatable. IsNotFound says that there is no such user.
func (c *Client) Update(ctx context.Context, id string, p Patch) (User, error) {
	op := "update user " + id
	if err := checkID(op, id); err != nil {
		return User{}, err
	}
	if p.Empty() {
		return User{}, fmt.Errorf("zenqms: %s: the patch is empty", op)
	}
	return c.write(ctx, id, request{op: op, method: methodUpdate, path: userPath(id), body: wirePatch(p)})
}

// write makes a call on one user that is answered by that user.
func (c *Client) write(ctx context.Context, id string, req request) (User, error) {
	req.aboutUser = true
	var w wireUser
	if err := c.call(ctx, req, &w); err != nil {
		return User{}, err
	}
	if w.ID.text != "" && w.ID.text != id {
		return User{}, &Error{Op: req.op, Message: fmt.Sprintf("accepted, but the answer is user %q", c.words(w.ID.text, maxFieldMessage))}
	}
	return c.accepted(ctx, w, id)
}

// accepted gives the user an accepted write was answered by, and reads it by
// id where the answer is less than a whole user.
func (c *Client) accepted(ctx context.Context, w wireUser, id string) (User, error) {
	if w.whole() {
		return c.user(w), nil
	}
	u, err := c.ByID(ctx, id)
	if IsNotFound(err) {
		// The write was accepted, so this is a search that lags, no verdict.
		return User{}, &Error{Op: "read user " + id + " after a write", Message: "the search does not show the user yet"}
	}
	return u, err
}

// user turns a user on the wire into one, and learns how role ids look.
func (c *Client) user(w wireUser) User {
	u := User{
		ID:         w.ID.text,
		Email:      w.Email.text,
		FirstName:  w.FirstName.text,
		LastName:   w.LastName.text,
		Title:      w.Title.text,
		Active:     w.Active.value,
		ExternalID: w.ExternalID.text,
	}
	for _, r := range w.Roles.list {
		u.Roles = append(u.Roles, c.role(r))
	}
	return u
}

// checkID refuses what cannot be one segment of a path.
func checkID(op, id string) error {
	switch {
	case id == "":
		return errors.New("zenqms: " + op + ": no id was given")
	case id == ".", id == "..", strings.ContainsFunc(id, unicode.IsControl):
		return fmt.Errorf("zenqms: %q is no id of a user", id)
	}
	return nil
}
