package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// add receives events, as one delivery, and sorts them.
func (f *fixture) add(events ...Event) {
	f.Helper()
	f.receive(events...)
	require.NoError(f, f.db.Sort(f.Context()))
}

func TestE3_EventsEnqueueWithTheirPriority(t *testing.T) {
	want := map[string]Priority{
		UserCreate: HookPriority, UserActivate: HookPriority, UserUnsuspend: HookPriority, UserReactivate: HookPriority,
		UserUpdateProfile: HookPriority, UserLock: HookPriority, UserUnlock: HookPriority, MemberAdd: HookPriority, MemberRemove: HookPriority,
		UserDeactivate: DeactivationPriority, UserSuspend: DeactivationPriority, UserDeleteInitiated: DeactivationPriority,
	}
	assert.Len(t, want, len(eventPriority), "every type that asks for something is expected to have a priority")
	for eventType, priority := range want {
		t.Run(eventType, func(t *testing.T) {
			f := setup(t)
			f.add(Event{UUID: "e", Type: eventType, Users: []string{"00u1", "00u2"}})
			assert.Equal(t, []string{"00u1", "00u2"}, f.texts(`SELECT okta_id FROM outbox ORDER BY id`), "each of its users is promised a look")
			assert.EqualValues(t, 2, f.number(`SELECT count(*) FROM outbox o JOIN event e ON e.id = o.event
				WHERE o.priority = ? AND o.origin = 'hook' AND o.state = 'open' AND o.due = e.received`, priority))
		})
	}
}

func TestE2_EventIsKnownByItsUUID(t *testing.T) {
	f := setup(t)
	first := Event{UUID: "e", Type: UserCreate, Users: []string{"00u1"}, Actor: "first"}
	f.add(first, first)
	f.now = f.now.Add(time.Minute)
	f.add(Event{UUID: "e", Type: UserDeactivate, Users: []string{"00u2"}, Actor: "second"}, Event{UUID: "other", Type: UserCreate, Users: []string{"00u1"}})
	assert.Equal(t, []string{"e", "other"}, f.texts(`SELECT uuid FROM event ORDER BY id`))
	assert.Equal(t, []string{"first", ""}, f.texts(`SELECT actor FROM event ORDER BY id`), "the first one stays as it is")
	assert.Equal(t, []string{"00u1", "00u1"}, f.texts(`SELECT okta_id FROM outbox ORDER BY id`))
}

func TestE5_EventThatAsksForNothingIsKeptWithItsReason(t *testing.T) {
	for name, tc := range map[string]struct {
		event  Event
		reason string
	}{
		"the relay says so": {Event{Type: UserCreate, Users: []string{"00u1"}, Ignored: "it is odd"}, "it is odd"},
		"of another kind":   {Event{Type: "user.session.start", Users: []string{"00u1"}}, "not an event zensync acts upon"},
		"without a type":    {Event{Users: []string{"00u1"}}, "not an event zensync acts upon"},
		"without a user":    {Event{Type: UserCreate}, "it names no user"},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			tc.event.UUID = "e"
			f.add(tc.event)
			assert.Equal(t, []string{tc.reason}, f.texts(`SELECT ignored FROM event`))
			assert.Zero(t, f.number(`SELECT count(*) FROM outbox`))
		})
	}
}

func TestEventIsKeptAsEvidence(t *testing.T) {
	f := setup(t)
	var last time.Time
	f.see(func(tx *Tx) (err error) {
		last, err = tx.LastEvent()
		return err
	})
	assert.Zero(t, last)

	f.add(Event{UUID: "e", Type: MemberAdd, Published: noon.Add(-time.Second), Actor: "ann@example.com",
		Users: []string{"00u1"}, Groups: []string{"00g1", "00g2"}})
	f.now = noon.Add(time.Hour)
	f.add(Event{UUID: "bare", Type: UserCreate, Users: []string{"00u1"}})
	assert.Equal(t, []string{
		`e|group.user_membership.add|2026-03-01T11:59:59.000Z|2026-03-01T12:00:00.000Z|ann@example.com|["00g1","00g2"]`,
		`bare|user.lifecycle.create|null|2026-03-01T13:00:00.000Z|null|null`,
	}, f.texts(`SELECT concat_ws('|', uuid, type, coalesce(published, 'null'), received, coalesce(actor, 'null'), coalesce(groups, 'null')) FROM event ORDER BY id`))
	f.see(func(tx *Tx) (err error) {
		last, err = tx.LastEvent()
		return err
	})
	assert.Equal(t, f.now, last)
}

func TestMembershipEvents(t *testing.T) {
	assert.True(t, IsMembership(MemberAdd))
	assert.True(t, IsMembership(MemberRemove))
	assert.False(t, IsMembership(GroupDelete))
	assert.False(t, IsMembership(UserCreate))
}

func TestEventErrorUndoesTheEventToo(t *testing.T) {
	f := setup(t)
	// A promise without a user cannot be told from a bug, so the schema is made
	// to refuse it here.
	f.do(func(tx *Tx) error {
		return tx.run(`CREATE TRIGGER no_nobody BEFORE INSERT ON outbox WHEN new.okta_id = '' BEGIN SELECT RAISE(ABORT, 'nobody'); END`)
	})
	err := f.db.Update(t.Context(), func(tx *Tx) error {
		return tx.addEvent(Event{UUID: "e", Type: UserCreate, Users: []string{"00u1", ""}}, tx.Now)
	})
	require.ErrorContains(t, err, "nobody")
	assert.ErrorContains(t, err, "store event e")
	assert.Zero(t, f.number(`SELECT count(*) FROM event`))
	assert.Zero(t, f.number(`SELECT count(*) FROM outbox`))
}

func TestArrivalsAreCountedOnceEach(t *testing.T) {
	f := setup(t)
	f.add(Event{UUID: "before", Type: UserCreate, Users: []string{"00u1"}})
	var place int64
	f.see(func(tx *Tx) (err error) {
		place, err = tx.LastArrival()
		return err
	})
	f.add(
		Event{UUID: "1", Type: UserSuspend, Users: []string{"00u1"}},
		Event{UUID: "2", Type: UserSuspend, Users: []string{"00u2"}},
		Event{UUID: "3", Type: UserSuspend},
		Event{UUID: "4", Type: UserCreate, Users: []string{"00u3"}},
	)
	counted := map[Arrivals]int64{}
	steps := 0
	for more := true; more; {
		f.see(func(tx *Tx) error {
			all, last, err := tx.ArrivalsAfter(place, 3)
			for _, a := range all {
				counted[Arrivals{Type: a.Type, Ignored: a.Ignored}] += a.Events
			}
			more, place = last > place, last
			return err
		})
		steps++
	}
	assert.Equal(t, map[Arrivals]int64{{Type: UserSuspend}: 2, {Type: UserSuspend, Ignored: true}: 1, {Type: UserCreate}: 1}, counted)
	assert.Equal(t, 3, steps, "three at once, then one, then none")
}
