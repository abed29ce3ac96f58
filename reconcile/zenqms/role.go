package zenqms

import (
	"context"
	"encoding/json"
	"fmt"
)

// Role is a ZenQMS role. Names can be changed in ZenQMS, ids cannot.
type Role struct{ ID, Name string }

// Roles gives all roles of the account, in ZenQMS's order.
func (c *Client) Roles(ctx context.Context) ([]Role, error) {
	var all []Role
	err := scan(ctx, c, "list roles", pathRoleSearch, wireQuery{}, func(w wireRole) bool {
		all = append(all, c.role(w))
		return true
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// AddRoles gives a user roles besides those held and gives the user as it is
// then. A role already held is no error, so it is repeatable.
func (c *Client) AddRoles(ctx context.Context, id string, roleIDs []string) (User, error) {
	return c.changeRoles(ctx, "add roles to user "+id, id, roleIDs, methodAddRoles, suffixAddRoles)
}

// RemoveRoles takes roles from a user and gives the user as it is then. It is
// repeatable.
func (c *Client) RemoveRoles(ctx context.Context, id string, roleIDs []string) (User, error) {
	return c.changeRoles(ctx, "remove roles from user "+id, id, roleIDs, methodRemoveRoles, suffixDropRoles)
}

func (c *Client) changeRoles(ctx context.Context, op, id string, roleIDs []string, method, suffix string) (User, error) {
	if err := checkID(op, id); err != nil {
		return User{}, err
	}
	if len(roleIDs) == 0 {
		return User{}, fmt.Errorf("zenqms: %s: no role was given", op)
	}
	ids := make([]any, 0, len(roleIDs))
	for _, roleID := range roleIDs {
		if roleID == "" {
			return User{}, fmt.Errorf("zenqms: %s: a role without an id was given", op)
		}
		onWire, err := c.roleID(ctx, roleID)
		if err != nil {
			return User{}, err
		}
		ids = append(ids, onWire)
	}
	return c.write(ctx, id, request{
		op: op, method: method, path: userPath(id) + suffix,
		body: map[string]any{"role_ids": ids},
	})
}

// roleID gives a role's id in the JSON kind in which ZenQMS gives it. Only an
// id that reads as a number leaves a doubt; if no answer has settled it yet,
// the list of roles does, once.
func (c *Client) roleID(ctx context.Context, id string) (any, error) {
	if !isNumber(id) {
		return id, nil
	}
	if kind(c.roleKind.Load()) == kindUnknown {
		if _, err := c.Roles(ctx); err != nil {
			return nil, err
		}
	}
	if kind(c.roleKind.Load()) == kindText {
		return id, nil
	}
	return json.Number(id), nil
}

// role turns a role on the wire into one and keeps the kind of its id.
func (c *Client) role(w wireRole) Role {
	if isNumber(w.ID.text) {
		c.roleKind.Store(int32(w.ID.kind))
	}
	return Role{ID: w.ID.text, Name: w.Name.text}
}

// isNumber tells whether text is a JSON number. Only then can it have come as
// one.
func isNumber(text string) bool {
	var n json.Number
	return text != "" && text[0] != '"' && json.Unmarshal([]byte(text), &n) == nil && n.String() == text
}
