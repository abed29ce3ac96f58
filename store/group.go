package store

import (
	"fmt"
	"time"
)

// MappedGroup is an Okta group that the config names.
type MappedGroup struct {
	Configured string // as the config names it
	ID         string
	Name       string    // in Okta when it was resolved
	Deleted    time.Time // when an event said that it was deleted; zero: never
	Frozen     string    // why it could not be read last time; "": it could
}

func scanGroup(s scanner) (MappedGroup, error) {
	var g MappedGroup
	err := s.Scan(&g.Configured, &g.ID, &g.Name, timeOf{&g.Deleted}, textOf{&g.Frozen})
	return g, err
}

// ScopeGroups returns the groups that limit whom zensync cares for; none when
// it is everybody.
func (tx *Tx) ScopeGroups() ([]MappedGroup, error) {
	return collect(tx, scanGroup, `SELECT configured, group_id, name, deleted, frozen FROM mapped_group WHERE purpose = 'scope' ORDER BY configured`)
}

// MappedGroups returns every group the config names, each once.
func (tx *Tx) MappedGroups() ([]MappedGroup, error) {
	return collect(tx, scanGroup, `SELECT min(configured), group_id, min(name), max(deleted), max(frozen) FROM mapped_group GROUP BY group_id ORDER BY group_id`)
}

// SetScopeGroups replaces the scope groups. What is known of members stays as
// far as their group does.
func (tx *Tx) SetScopeGroups(groups []MappedGroup) error {
	if err := tx.run(`DELETE FROM mapped_group WHERE purpose = 'scope'`); err != nil {
		return err
	}
	for _, g := range groups {
		if err := tx.run(`INSERT INTO mapped_group (purpose, configured, group_id, name) VALUES ('scope', ?, ?, ?)`, g.Configured, g.ID, g.Name); err != nil {
			return fmt.Errorf("note the group %s: %w", g.ID, err)
		}
	}
	return tx.run(`DELETE FROM member WHERE group_id NOT IN (SELECT group_id FROM mapped_group)`)
}

// Freeze notes why a group cannot be read, "" when it can.
func (tx *Tx) Freeze(groupID, why string) error {
	return tx.run(`UPDATE mapped_group SET frozen = ? WHERE group_id = ? AND frozen IS NOT ?`, textArg(why), groupID, textArg(why))
}

// noteGroupDeleted notes that an event named a group as deleted, and tells
// whether the config names that group.
func (tx *Tx) noteGroupDeleted(groupID string, when time.Time) (mapped bool, err error) {
	result, err := tx.exec(`UPDATE mapped_group SET deleted = ? WHERE group_id = ?`, FormatTime(when), groupID)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// IsMapped tells whether the config names one of these groups.
func (tx *Tx) IsMapped(groupIDs []string) (bool, error) {
	for _, id := range groupIDs {
		var mapped bool
		if err := tx.row(`SELECT EXISTS (SELECT 1 FROM mapped_group WHERE group_id = ?)`, id).Scan(&mapped); err != nil || mapped {
			return mapped, err
		}
	}
	return false, nil
}

// ForgetReading makes the members whom a reading of a group has seen so far
// those of an earlier one: a run that was cut off starts anew under its own
// number, and whoever left meanwhile would stay.
func (tx *Tx) ForgetReading(groupID string, generation int64) error {
	return tx.run(`UPDATE member SET generation = 0 WHERE group_id = ? AND generation = ?`, groupID, generation)
}

// AddMember notes that a reading of a group has seen a member. fresh tells
// whether it had not before.
func (tx *Tx) AddMember(groupID, oktaID string, generation int64) (fresh bool, err error) {
	result, err := tx.exec(`INSERT INTO member (group_id, okta_id, generation) VALUES (?, ?, ?)
		ON CONFLICT (okta_id, group_id) DO UPDATE SET generation = excluded.generation WHERE generation <> excluded.generation`,
		groupID, oktaID, generation)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// DropMembersBut forgets the members of a group that a complete reading no
// longer saw.
func (tx *Tx) DropMembersBut(groupID string, generation int64) error {
	return tx.run(`DELETE FROM member WHERE group_id = ? AND generation <> ?`, groupID, generation)
}

// SetMember notes whether a user is in a group, as a reading of the user says.
func (tx *Tx) SetMember(groupID, oktaID string, in bool) error {
	if !in {
		return tx.run(`DELETE FROM member WHERE okta_id = ? AND group_id = ?`, oktaID, groupID)
	}
	return tx.run(`INSERT INTO member (group_id, okta_id, generation) VALUES (?, ?, 0) ON CONFLICT DO NOTHING`, groupID, oktaID)
}

// IsMember tells whether a user is known to be in a group.
func (tx *Tx) IsMember(groupID, oktaID string) (in bool, err error) {
	err = tx.row(`SELECT EXISTS (SELECT 1 FROM member WHERE okta_id = ? AND group_id = ?)`, oktaID, groupID).Scan(&in)
	return in, err
}

// RoleRule is a ZenQMS role with every group that gives it.
type RoleRule struct {
	RoleID   string
	RoleName string   // in ZenQMS when it was resolved
	Groups   []string // Okta ids
	Frozen   string   // why the role cannot be found in ZenQMS; "": it can
	Unread   string   // why one of its groups cannot be read; "": all can
}

// RolePair is one line of the config's roles, resolved.
type RolePair struct {
	Group      MappedGroup
	RoleID     string
	RoleName   string
	Configured string // "group -> role", as the config names them
}

// SetRolePairs replaces the mapping of roles. Roles of a pair that is gone
// stay with whoever has them.
func (tx *Tx) SetRolePairs(pairs []RolePair) error {
	for _, table := range []string{`DELETE FROM mapped_group WHERE purpose = 'role'`, `DELETE FROM role_map`} {
		if err := tx.run(table); err != nil {
			return err
		}
	}
	for _, p := range pairs {
		if err := tx.run(`INSERT INTO mapped_group (purpose, configured, group_id, name) VALUES ('role', ?, ?, ?) ON CONFLICT DO NOTHING`,
			p.Group.Configured, p.Group.ID, p.Group.Name); err != nil {
			return fmt.Errorf("note the group %s: %w", p.Group.ID, err)
		}
		if err := tx.run(`INSERT INTO role_map (group_id, role_id, role_name, configured) VALUES (?, ?, ?, ?)`,
			p.Group.ID, p.RoleID, p.RoleName, p.Configured); err != nil {
			return fmt.Errorf("note the role %s: %w", p.RoleID, err)
		}
	}
	return tx.run(`DELETE FROM member WHERE group_id NOT IN (SELECT group_id FROM mapped_group)`)
}

// RoleRules returns the mapping, role by role.
func (tx *Tx) RoleRules() ([]RoleRule, error) {
	type line struct{ role, name, group, frozen, unread string }
	lines, err := collect(tx, func(s scanner) (l line, err error) {
		err = s.Scan(&l.role, &l.name, &l.group, textOf{&l.frozen}, textOf{&l.unread})
		return l, err
	}, `SELECT r.role_id, r.role_name, r.group_id, r.frozen, (SELECT max(g.frozen) FROM mapped_group g WHERE g.group_id = r.group_id)
		FROM role_map r ORDER BY r.role_id, r.group_id`)
	var rules []RoleRule
	for _, l := range lines {
		if n := len(rules); n == 0 || rules[n-1].RoleID != l.role {
			rules = append(rules, RoleRule{RoleID: l.role, RoleName: l.name})
		}
		rule := &rules[len(rules)-1]
		rule.Groups = append(rule.Groups, l.group)
		rule.Frozen, rule.Unread = max(rule.Frozen, l.frozen), max(rule.Unread, l.unread)
	}
	return rules, err
}

// RolePairNames returns the pairs as the config names them.
func (tx *Tx) RolePairNames() ([]string, error) {
	return collect(tx, func(s scanner) (name string, err error) {
		err = s.Scan(&name)
		return name, err
	}, `SELECT configured FROM role_map ORDER BY configured`)
}

// FreezeRole notes why a role cannot be found, "" when it can.
func (tx *Tx) FreezeRole(roleID, why string) error {
	return tx.run(`UPDATE role_map SET frozen = ? WHERE role_id = ? AND frozen IS NOT ?`, textArg(why), roleID, textArg(why))
}
