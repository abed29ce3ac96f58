package reconcile

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// circle is a group of the config, in Okta.
type circle struct {
	id, name string
	deleted  bool
	told     bool // an event has said that it was deleted
	shut     bool // it cannot be read until the faults are healed
}

// unread tells whether nobody can know who is in it.
func (c *circle) unread() bool { return c.shut || c.deleted && !c.told }

// duty is a mapped role with the groups that give it.
type duty struct {
	zenqmstest.Role
	from     []*circle
	vanished bool // from ZenQMS
}

func (d *duty) unread() bool { return slices.ContainsFunc(d.from, (*circle).unread) }

// field is what a hand's change of the role is noted under.
func (d *duty) field() string { return roleField(d.Role) }

func roleField(r zenqmstest.Role) string { return fmt.Sprintf("role %d", r.ID) }

func holdsRole(u zenqmstest.User, id int64) bool {
	return slices.ContainsFunc(u.Roles, func(r zenqmstest.Role) bool { return r.ID == id })
}

// mapRoles draws whether the config has roles: three groups give two of them,
// many to many. A third role is given by hand alone.
func (h *history) mapRoles(rt *rapid.T) {
	if !rapid.Bool().Draw(rt, "groups give roles") {
		return
	}
	h.byHandOnly = h.acct.AddRole("By Hand")
	first, second, third := h.addCircle("QA"), h.addCircle("Lab"), h.addCircle("Boss")
	h.duties = []*duty{
		{Role: h.acct.AddRole("Reviewer"), from: []*circle{first, second}},
		{Role: h.acct.AddRole("Approver"), from: []*circle{second, third}},
	}
	var pairs []store.RolePair
	for _, d := range h.duties {
		for _, c := range d.from {
			pairs = append(pairs, store.RolePair{Group: c.mapped(), RoleID: idText(d.ID), RoleName: d.Name, Configured: c.name + " -> " + d.Name})
		}
	}
	h.update(func(tx *store.Tx) error { return tx.SetRolePairs(pairs) })
}

func (h *history) addCircle(name string) *circle {
	c := &circle{id: h.org.AddGroup(name), name: name}
	h.circles = append(h.circles, c)
	return c
}

func (c *circle) mapped() store.MappedGroup {
	return store.MappedGroup{Configured: c.name, ID: c.id, Name: c.name}
}

// gives tells whether Okta's groups give a user a role.
func (h *history) gives(d *duty, p *human) bool {
	return slices.ContainsFunc(d.from, func(c *circle) bool { return h.within(c, p) })
}

func (h *history) within(c *circle, p *human) bool { return slices.Contains(h.org.Members(c.id), p.id) }

func (h *history) dutyOf(role int64) *duty {
	if i := slices.IndexFunc(h.duties, func(d *duty) bool { return d.ID == role }); i >= 0 {
		return h.duties[i]
	}
	return nil
}

// regroup changes who is in which group, and notes whose membership for a role
// has changed.
func (h *history) regroup(change func()) {
	type place struct {
		who *human
		of  *duty
	}
	before, within := map[place]bool{}, map[*human]bool{}
	for _, p := range h.people {
		within[p] = h.inScope(p)
		for _, d := range h.duties {
			before[place{p, d}] = h.gives(d, p)
		}
	}
	change()
	for at, was := range before {
		if h.gives(at.of, at.who) != was {
			at.who.turned[at.of.ID] = time.Now()
		}
	}
	for p, was := range within {
		if h.inScope(p) == was {
			continue
		}
		if p.flipped = time.Now(); was {
			p.outs = append(p.outs, p.flipped)
		}
	}
	for _, c := range h.circles {
		for _, id := range h.org.Members(c.id) {
			h.find(id).was[c] = true
		}
	}
}

// someCircle draws a group of the config that is still there.
func (h *history) someCircle(rt *rapid.T) *circle {
	there := slices.DeleteFunc(slices.Clone(h.circles), func(c *circle) bool { return c.deleted })
	if len(there) == 0 {
		rt.Skip("no groups")
	}
	return there[rapid.IntRange(0, len(there)-1).Draw(rt, "which group")]
}

func (h *history) groupJoin(rt *rapid.T) {
	p, c := h.somebody(rt), h.someCircle(rt)
	h.regroup(func() { h.org.AddMember(c.id, p.id) })
}

func (h *history) groupLeave(rt *rapid.T) {
	c := h.someCircle(rt)
	members := slices.DeleteFunc(h.org.Members(c.id), func(id string) bool { return id == h.people[0].id })
	if len(members) == 0 {
		rt.Skip("nobody is in it")
	}
	id := members[rapid.IntRange(0, len(members)-1).Draw(rt, "which member")]
	h.say("%s leaves %s", h.nameOf(id), c.name)
	h.regroup(func() { h.org.RemoveMember(c.id, id) })
}

// groupsStir lets a few people join or leave, of which Okta tells at once.
func (h *history) groupsStir(rt *rapid.T) {
	if rapid.IntRange(0, 3).Draw(rt, "one cannot be read") == 0 {
		h.shutCircle(h.someCircle(rt))
	}
	h.groupsStirUnheard(rt)
	events := h.org.Pending()
	h.org.DropAll()
	h.deliver(events...)
	if rapid.IntRange(0, 3).Draw(rt, "and the worker works") > 0 {
		h.work(1000)
	}
}

func (h *history) groupsStirUnheard(rt *rapid.T) {
	for range rapid.IntRange(1, 4).Draw(rt, "changes") {
		p, c := h.somebody(rt), h.someCircle(rt)
		if h.within(c, p) {
			h.say("%s leaves %s", p.name, c.name)
			h.regroup(func() { h.org.RemoveMember(c.id, p.id) })
		} else {
			h.say("%s joins %s", p.name, c.name)
			h.regroup(func() { h.org.AddMember(c.id, p.id) })
		}
	}
}

// groupsDeploy is a deploy after changes that no hook has told of.
func (h *history) groupsDeploy(rt *rapid.T) {
	h.groupsStirUnheard(rt)
	h.want(store.InitialRun)
	h.work(1000)
}

// staff are people who are there from the start where the config has groups,
// so that there is somebody to come and go in them.
func (h *history) staff(rt *rapid.T) {
	if len(h.circles) == 0 {
		return
	}
	for range rapid.IntRange(0, 3).Draw(rt, "people at the start") {
		own := h.addresses()[0]
		if rapid.IntRange(0, 2).Draw(rt, "has an account before") == 0 {
			h.openAccount(rt, own)
		}
		h.oktaHire(rt)
	}
	if rapid.IntRange(0, 3).Draw(rt, "their hooks are lost") > 0 {
		h.deliver(h.org.Pending()...)
	}
	h.org.DropAll()
	h.work(1000)
}

// groupDelete deletes one group at most: a world without groups has no more to
// show.
func (h *history) groupDelete(rt *rapid.T) {
	c := h.someCircle(rt)
	if slices.ContainsFunc(h.circles, func(c *circle) bool { return c.deleted }) {
		rt.Skip("enough deleted")
	}
	h.regroup(func() { h.org.DeleteGroup(c.id) })
	c.deleted = true
	h.say("group %s is deleted", c.name)
}

// groupRename gives a group another name and its name to another group: it is
// the id that counts (W3).
func (h *history) groupRename(rt *rapid.T) {
	c := h.someCircle(rt)
	h.org.RenameGroup(c.id, c.name+"+")
	h.org.AddGroup(c.name)
}

func (h *history) roleRename(rt *rapid.T) {
	d := h.someDuty(rt)
	h.acct.RenameRole(d.ID, d.Name+"+")
	h.acct.AddRole(d.Name)
}

func (h *history) someDuty(rt *rapid.T) *duty {
	if len(h.duties) == 0 {
		rt.Skip("no roles")
	}
	return h.duties[rapid.IntRange(0, len(h.duties)-1).Draw(rt, "which role")]
}

// roleVanish takes a role out of ZenQMS, one at most.
func (h *history) roleVanish(rt *rapid.T) {
	d := h.someDuty(rt)
	if slices.ContainsFunc(h.duties, func(d *duty) bool { return d.vanished }) {
		rt.Skip("enough vanished")
	}
	d.vanished = true
	h.acct.RemoveRole(d.ID)
	h.say("role %s vanishes", d.Name)
}

// roleByHand gives or takes a role in ZenQMS.
func (h *history) roleByHand(rt *rapid.T) {
	u := h.someAccount(rt)
	role := h.byHandOnly
	if rapid.IntRange(0, 3).Draw(rt, "a mapped one") > 0 {
		d := h.someDuty(rt)
		if d.vanished {
			rt.Skip("no such role")
		}
		role = d.Role
	}
	h.byHand(u, roleField(role), toggle(role))
}

func toggle(r zenqmstest.Role) func(*zenqmstest.User) {
	return func(u *zenqmstest.User) {
		if !holdsRole(*u, r.ID) {
			u.Roles = append(u.Roles, r)
			return
		}
		u.Roles = slices.DeleteFunc(u.Roles, func(held zenqmstest.Role) bool { return held.ID == r.ID })
	}
}

// groupActions are what may happen where the config has groups; people come
// and go more often than the rest happens.
func (h *history) groupActions() map[string]func(*rapid.T) {
	all := map[string]func(*rapid.T){
		"groups: somebody joins":            h.groupJoin,
		"groups: somebody leaves":           h.groupLeave,
		"groups: some change, hooks do not": h.groupsStirUnheard,
		"groups: one cannot be read":        func(rt *rapid.T) { h.shutCircle(h.someCircle(rt)) },
		"groups: one is deleted":            h.groupDelete,
		"groups: one changes its name":      h.groupRename,
		"groups: some change, a deploy":     h.groupsDeploy,
		"race: groups change at some call":  h.raceGroups,
	}
	for i := range 4 {
		all[fmt.Sprintf("groups: some change, hooks come (%d)", i)] = h.groupsStir
	}
	return all
}

// roleActions are what may happen where the config has roles.
func (h *history) roleActions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"zenqms: give or take a role": h.roleByHand,
		"zenqms: rename a role":       h.roleRename,
		"zenqms: remove a role":       h.roleVanish,
		"faults: roles":               h.faultRoles,
	}
}
