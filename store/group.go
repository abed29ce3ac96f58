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

// NoteGroupDeleted notes that an event named a group as deleted, and tells
// whether the config names that group.
func (tx *Tx) NoteGroupDeleted(groupID string) (mapped bool, err error) {
	result, err := tx.exec(`UPDATE mapped_group SET deleted = ? WHERE group_id = ?`, FormatTime(tx.Now), groupID)
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

// AddMember notes that a reading of a group has seen a member.
func (tx *Tx) AddMember(groupID, oktaID string, generation int64) error {
	return tx.run(`INSERT INTO member (group_id, okta_id, generation) VALUES (?, ?, ?)
		ON CONFLICT (okta_id, group_id) DO UPDATE SET generation = excluded.generation`, groupID, oktaID, generation)
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
