package oktatest

import (
	"fmt"
	"slices"
	"time"
)

// The types of groups the org makes.
const (
	oktaGroup = "OKTA_GROUP"
	builtIn   = "BUILT_IN"
)

// Group is a group at one moment.
type Group struct {
	ID, Name, Type                              string
	Created, LastUpdated, LastMembershipUpdated time.Time
}

type group struct {
	Group
	at      int     // index in Org.groups
	members []*user // by joining; one who left leaves a nil so that cursors stay true
	place   map[*user]int
}

// Everyone returns the id of the built-in group that holds every user. It
// cannot be changed.
func (o *Org) Everyone() string {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.groups[0].ID
}

// AddGroup creates a group, records group.lifecycle.create and returns the id.
func (o *Org) AddGroup(name string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := o.addGroup(name, oktaGroup)
	o.record("group.lifecycle.create", nil, g.target())
	return g.ID
}

func (o *Org) addGroup(name, kind string) *group {
	now := o.stamp(time.Time{})
	g := &group{
		Group: Group{ID: o.newID("00g"), Name: name, Type: kind, Created: now, LastUpdated: now, LastMembershipUpdated: now},
		at:    len(o.groups),
		place: map[*user]int{},
	}
	o.groups = append(o.groups, g)
	o.groupByID[g.ID] = g
	return g
}

// mustGroup returns a group that may be changed; o.mu is held.
func (o *Org) mustGroup(id string) *group {
	g := o.groupByID[id]
	if g == nil {
		panic(fmt.Sprintf("oktatest: no group %q", id))
	}
	if g.Type == builtIn {
		panic(fmt.Sprintf("oktatest: group %q is built in and cannot be changed", g.Name))
	}
	return g
}

// Groups returns all groups, Everyone first, in the order of creation.
func (o *Org) Groups() []Group {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var all []Group
	for _, g := range o.groups {
		if g != nil {
			all = append(all, g.Group)
		}
	}
	return all
}

// Members returns the ids of a group's members in the order of joining.
func (o *Org) Members(id string) []string {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var ids []string
	for _, u := range o.membersOf(o.groupByID[id]) {
		if u != nil {
			ids = append(ids, u.id)
		}
	}
	return ids
}

// membersOf returns a group's members and gaps.
func (o *Org) membersOf(g *group) []*user {
	switch {
	case g == nil:
		return nil
	case g.Type == builtIn:
		return o.users
	}
	return g.members
}

// RenameGroup gives a group another name and records group.profile.update.
func (o *Org) RenameGroup(id, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := o.mustGroup(id)
	g.Name, g.LastUpdated = name, o.stamp(g.LastUpdated)
	o.record("group.profile.update", []string{"name"}, g.target())
}

// DeleteGroup removes a group and records group.lifecycle.delete, which names
// the group alone. No event tells its members (Okta does not document one).
func (o *Org) DeleteGroup(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := o.mustGroup(id)
	o.groups[g.at] = nil
	delete(o.groupByID, id)
	for u := range g.place {
		u.leave(g)
	}
	o.record("group.lifecycle.delete", nil, g.target())
}

// AddMember puts a user into a group and records group.user_membership.add.
// It does not move the user's lastUpdated. A member is left as he is.
func (o *Org) AddMember(groupID, userID string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	g, u := o.mustGroup(groupID), o.mustUser(userID)
	if _, ok := g.place[u]; ok {
		return
	}
	g.place[u] = len(g.members)
	g.members = append(g.members, u)
	u.groups = append(u.groups, g)
	g.LastMembershipUpdated = o.stamp(g.LastMembershipUpdated)
	o.record("group.user_membership.add", nil, u.target(), g.target())
}

// RemoveMember takes a user out of a group and records
// group.user_membership.remove. One who is no member is left as he is.
func (o *Org) RemoveMember(groupID, userID string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	g, u := o.mustGroup(groupID), o.mustUser(userID)
	if _, ok := g.place[u]; !ok {
		return
	}
	g.drop(u)
	u.leave(g)
	g.LastMembershipUpdated = o.stamp(g.LastMembershipUpdated)
	o.record("group.user_membership.remove", nil, u.target(), g.target())
}

func (g *group) drop(u *user) {
	g.members[g.place[u]] = nil
	delete(g.place, u)
}

func (u *user) leave(g *group) {
	u.groups = slices.DeleteFunc(u.groups, func(other *group) bool { return other == g })
}
