package store

import (
	"encoding/json"
	"fmt"
	"time"
)

// Event is one Okta event as the relay received it.
type Event struct {
	UUID      string
	Type      string
	Published time.Time // zero when Okta sent none that can be read
	Actor     string    // who did it in Okta
	Users     []string  // Okta ids of its User targets
	Groups    []string  // ids of its UserGroup targets
	Ignored   string    // why it asks for nothing; "" when it asks for something
}

// The event types zensync listens to. They are all eligible for event hooks;
// user.lifecycle.delete.completed and user.account.update_primary_email are
// not, and naming them would make Okta refuse the hook.
const (
	UserCreate          = "user.lifecycle.create"
	UserActivate        = "user.lifecycle.activate"
	UserDeactivate      = "user.lifecycle.deactivate"
	UserSuspend         = "user.lifecycle.suspend"
	UserUnsuspend       = "user.lifecycle.unsuspend"
	UserReactivate      = "user.lifecycle.reactivate"
	UserDeleteInitiated = "user.lifecycle.delete.initiated"
	UserUpdateProfile   = "user.account.update_profile"
	UserLock            = "user.account.lock"
	UserUnlock          = "user.account.unlock"
	MemberAdd           = "group.user_membership.add"
	MemberRemove        = "group.user_membership.remove"
	GroupDelete         = "group.lifecycle.delete"
)

// eventPriority tells which events ask for a look at their user, and how
// urgently: somebody who has to lose access goes first.
var eventPriority = map[string]Priority{
	UserCreate:          HookPriority,
	UserActivate:        HookPriority,
	UserDeactivate:      DeactivationPriority,
	UserSuspend:         DeactivationPriority,
	UserUnsuspend:       HookPriority,
	UserReactivate:      HookPriority,
	UserDeleteInitiated: DeactivationPriority,
	UserUpdateProfile:   HookPriority,
	UserLock:            HookPriority,
	UserUnlock:          HookPriority,
	MemberAdd:           HookPriority,
	MemberRemove:        HookPriority,
}

// IsMembership tells whether an event is about who is in which group only.
func IsMembership(eventType string) bool { return eventType == MemberAdd || eventType == MemberRemove }

// ignored is why an event asks for no look at a user, "" when it asks for one.
func (e Event) ignored() string {
	_, asks := eventPriority[e.Type]
	switch {
	case e.Ignored != "":
		return e.Ignored
	case e.Type == GroupDelete:
		return "it names no user; if the config names the group, a reconcile follows"
	case !asks:
		return "not an event zensync acts upon"
	case len(e.Users) == 0:
		return "it names no user"
	}
	return ""
}

// addEvent stores an event that the relay received at a time and, for each user
// it names, the promise to look at him. An event whose uuid is known already is
// left as it is: Okta delivers at least once.
func (tx *Tx) addEvent(e Event, received time.Time) error {
	e.Ignored = e.ignored()
	groups, err := groupsArg(e.Groups)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.UUID, err)
	}
	id, fresh, err := tx.insert(`
		INSERT INTO event (uuid, type, published, received, actor, groups, ignored)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (uuid) DO NOTHING`,
		e.UUID, e.Type, timeArg(e.Published), FormatTime(received), textArg(e.Actor), groups, textArg(e.Ignored))
	if err != nil {
		return fmt.Errorf("store event %s: %w", e.UUID, err)
	}
	if !fresh {
		return nil
	}
	if e.Type == GroupDelete {
		return tx.groupDeleted(e.Groups, received)
	}
	if e.Ignored != "" {
		return nil
	}
	for _, user := range e.Users {
		if _, err := tx.enqueue(Promise{OktaID: user, Origin: FromHook, Priority: eventPriority[e.Type], Event: id}, received); err != nil {
			return fmt.Errorf("store event %s: %w", e.UUID, err)
		}
	}
	return nil
}

// groupDeleted asks for a reconcile when a group is gone that the config
// names: Okta tells of none of its members.
func (tx *Tx) groupDeleted(groups []string, when time.Time) error {
	for _, id := range groups {
		mapped, err := tx.noteGroupDeleted(id, when)
		if err != nil {
			return err
		}
		if mapped {
			if _, err := tx.WantRun(ReconcileRun, "", tx.Now); err != nil {
				return err
			}
		}
	}
	return nil
}

// Arrivals are events of one type that the relay has stored.
type Arrivals struct {
	Type    string
	Ignored bool // they ask for nothing
	Events  int64
}

// ArrivalsAfter counts the events behind a place in the order of arrival, up
// to limit of them, and returns the place of the last; it is the one given when
// there is none.
func (tx *Tx) ArrivalsAfter(place int64, limit int) (all []Arrivals, last int64, err error) {
	last = place
	all, err = collect(tx, func(s scanner) (a Arrivals, err error) {
		var upTo int64
		err = s.Scan(&a.Type, &a.Ignored, &a.Events, &upTo)
		last = max(last, upTo)
		return a, err
	}, `SELECT type, ignored IS NOT NULL, count(*), max(id)
		FROM (SELECT id, type, ignored FROM event WHERE id > ? ORDER BY id LIMIT ?) GROUP BY 1, 2`, place, limit)
	if err != nil {
		return nil, place, fmt.Errorf("count events: %w", err)
	}
	return all, last, nil
}

// LastArrival is the place of the latest event in the order of arrival, 0
// without one.
func (tx *Tx) LastArrival() (place int64, err error) {
	err = tx.row(`SELECT coalesce(max(id), 0) FROM event`).Scan(&place)
	return place, err
}

// LastEvent is when the relay last stored an event, zero if it never did.
func (tx *Tx) LastEvent() (time.Time, error) {
	var at time.Time
	err := tx.row(`SELECT coalesce((SELECT received FROM inbox ORDER BY id DESC LIMIT 1), (SELECT received FROM event ORDER BY id DESC LIMIT 1))`).
		Scan(timeOf{&at})
	return at, err
}

// DeparturesSince is the time since which there were so many departures, as
// Okta told of them or as they were carried out, whichever is later; zero where
// there were fewer.
func (tx *Tx) DeparturesSince(many int) (time.Time, error) {
	var at time.Time
	err := tx.row(`
		SELECT max(at) FROM (
		    SELECT min(received) AS at FROM (
		        SELECT received FROM event
		        WHERE type = 'user.lifecycle.deactivate' OR type = 'user.lifecycle.suspend' OR type = 'user.lifecycle.delete.initiated'
		        ORDER BY received DESC LIMIT ?1)
		    HAVING count(*) = ?1
		    UNION ALL
		    SELECT min(time) FROM (SELECT time FROM log WHERE action = 'deactivate' ORDER BY time DESC LIMIT ?1) HAVING count(*) = ?1
		)`, many).Scan(timeOf{&at})
	if err != nil {
		return at, fmt.Errorf("count departures: %w", err)
	}
	return at, nil
}

func groupsArg(groups []string) (any, error) {
	if len(groups) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(groups)
	return string(text), err
}
