package okta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// groupLimit is the size of a page of groups or members that Okta recommends not to exceed.
const groupLimit = 200

// mostGroups is what is no page of Okta's.
const mostGroups = 100 * groupLimit

// Group is an Okta group.
type Group struct {
	ID   string
	Name string // not unique in an org
	Type string // OKTA_GROUP, APP_GROUP or BUILT_IN
}

// UserGroups gives all groups that a user is in, of every type. Groups that our admin role may not see can be
// missing. IsNotFound: there is no such user.
func (c *Client) UserGroups(ctx context.Context, userID string) ([]Group, error) {
	op := "read the groups of user " + userID
	if err := checkID("read the groups of user", userID); err != nil {
		return nil, err
	}
	// This endpoint knows no parameters, but a link to a next page is followed if it gives one.
	return c.groups(ctx, request{op: op, path: apiPath("users", userID, "groups"), params: url.Values{}})
}

// GroupMembers reads one page of a group's members, of any status: deactivated users may still be members. after is
// the Next of the page before, "" for the first. IsNotFound: there is no such group.
func (c *Client) GroupMembers(ctx context.Context, groupID, after string) (Page, error) {
	op := "read the members of group " + groupID
	if err := checkID("read the members of group", groupID); err != nil {
		return Page{}, err
	}
	params := url.Values{"limit": {strconv.Itoa(groupLimit)}}
	r := request{op: op, method: http.MethodGet, path: apiPath("groups", groupID, "users"), params: params}
	return c.userPage(ctx, r, after)
}

// Group reads one group by id. IsNotFound: there is none.
func (c *Client) Group(ctx context.Context, id string) (Group, error) {
	op := "read group " + id
	if err := checkID("read group", id); err != nil {
		return Group{}, err
	}
	var g groupJSON
	r := request{op: op, method: http.MethodGet, path: apiPath("groups", id), decode: into(&g)}
	if _, err := c.call(ctx, r); err != nil {
		return Group{}, err
	}
	if err := sameID(op, id, g.ID); err != nil {
		return Group{}, err
	}
	return g.group(), nil
}

// FindGroups gives the group that has an id, if nameOrID looks like one (00g...) and there is such a group, and else
// all groups with exactly this name, which are none, one or several. Names are searched in an index that lags a
// little behind.
func (c *Client) FindGroups(ctx context.Context, nameOrID string) ([]Group, error) {
	if strings.TrimSpace(nameOrID) == "" {
		return nil, errors.New("okta: find groups: nothing to look for")
	}
	if strings.HasPrefix(nameOrID, "00g") && checkID("", nameOrID) == nil {
		g, err := c.Group(ctx, nameOrID)
		if err == nil {
			return []Group{g}, nil
		}
		if !IsNotFound(err) {
			return nil, err
		}
	}
	params := url.Values{"search": {"profile.name eq " + quote(nameOrID)}, "limit": {strconv.Itoa(groupLimit)}}
	found, err := c.groups(ctx, request{op: "find groups", path: apiPath("groups"), params: params})
	if err != nil {
		return nil, err
	}
	var exact []Group
	for _, g := range found { // the index is not said to heed case
		if g.Name == nameOrID {
			exact = append(exact, g)
		}
	}
	return exact, nil
}

// groups reads all pages of a list of groups.
func (c *Client) groups(ctx context.Context, r request) ([]Group, error) {
	r.method = http.MethodGet
	var groups []Group
	r.decode = func(body []byte) error {
		entry := 0
		return eachElement(body, func(value []byte) error {
			if entry++; entry > mostGroups {
				return fmt.Errorf("more than %d groups on a page", mostGroups)
			}
			var g groupJSON
			if err := json.Unmarshal(value, &g); err != nil {
				return err
			}
			if g.ID == "" {
				return fmt.Errorf("entry %d of the list: a group without an id", entry)
			}
			groups = append(groups, g.group())
			return nil
		})
	}
	if err := c.readAll(ctx, r); err != nil {
		return nil, err
	}
	return groups, nil
}

// groupJSON is the part of Okta's group that is decoded.
type groupJSON struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Profile struct {
		Name text `json:"name"`
	} `json:"profile"`
}

func (g *groupJSON) group() Group {
	return Group{ID: g.ID, Name: string(g.Profile.Name), Type: g.Type}
}
