package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// receive stores events as the relay does, as one delivery, and leaves them in
// the inbox.
func (f *fixture) receive(events ...Event) {
	f.Helper()
	delivery, err := Pack(events)
	require.NoError(f, err)
	f.do(func(tx *Tx) error { return tx.Receive(delivery) })
}

// all is what a table holds, a row a text.
func (f *fixture) all(table string) []string {
	f.Helper()
	columns := f.texts(`SELECT name FROM pragma_table_info(?)`, table)
	return f.texts(`SELECT concat_ws('|', coalesce(` + strings.Join(columns, `, 'null'), coalesce(`) + `, 'null')) FROM ` + table + ` ORDER BY id`)
}

// course is what came in the course of an hour: some events twice, some odd.
func course(f *fixture, take func(...Event)) {
	dice := rand.New(rand.NewPCG(1, 2))
	kinds := []string{UserCreate, UserDeactivate, UserSuspend, UserUpdateProfile, MemberAdd, GroupDelete, "x.made.up", ""}
	for minute := range 60 {
		f.now = noon.Add(time.Duration(minute) * time.Minute)
		var events []Event
		for range dice.IntN(4) {
			n := dice.IntN(80)
			e := Event{UUID: fmt.Sprintf("%d \"\\\u2028\u0000ü<", n), Type: kinds[n%len(kinds)], Actor: []string{"", "ann@example.com", `"`}[n%3],
				Users: []string{fmt.Sprintf("00u%d", n%7), fmt.Sprintf("00u%d", n%5)}[:n%3], Groups: []string{"00g7", "00g8"}[:n%3]}
			if n%4 > 0 {
				e.Published = f.now.Add(-time.Second)
			}
			if n%11 == 0 {
				e.Ignored = "it is odd"
			}
			events = append(events, e)
		}
		take(events...)
	}
}

func TestE2_SortingMakesOfTheInboxWhatCameOfTheEventsAtOnce(t *testing.T) {
	at, late := setup(t), setup(t)
	for _, f := range []*fixture{at, late} {
		f.do(func(tx *Tx) error {
			return tx.SetScopeGroups([]MappedGroup{{Configured: "QA", ID: "00g7", Name: "QA"}})
		})
	}
	course(at, func(events ...Event) {
		at.do(func(tx *Tx) error {
			for _, e := range events {
				if err := tx.addEvent(e, tx.Now); err != nil {
					return err
				}
			}
			return nil
		})
	})
	course(late, late.receive)
	late.now = noon.Add(25 * time.Hour) // there was no worker for a day
	require.NoError(t, late.db.Sort(t.Context()))
	require.NotEmpty(t, at.all("event"))
	require.NotEmpty(t, at.all("run"))
	assert.Equal(t, at.texts(`SELECT kind || state FROM run`), late.texts(`SELECT kind || state FROM run`))
	for _, table := range []string{"event", "outbox"} {
		assert.Equal(t, at.all(table), late.all(table), "E2: %s, as of when the relay received them", table)
	}
	assert.Equal(t, at.texts(`SELECT deleted FROM mapped_group`), late.texts(`SELECT deleted FROM mapped_group`))
	assert.Empty(t, late.all("inbox"))
}

func TestE2_EventIsKnownByItsUUIDWithinTheInboxAndBeyond(t *testing.T) {
	f := setup(t)
	e := func(uuid, user string) Event { return Event{UUID: uuid, Type: UserCreate, Users: []string{user}} }
	f.add(e("old", "00u1"))
	f.receive(e("old", "00u2"), e("a", "00u3"), e("a", "00u4"))
	f.receive(e("a", "00u5"), e("b", "00u6"))
	var q Queue
	f.see(func(tx *Tx) (err error) {
		q, err = tx.Queue()
		return err
	})
	assert.EqualValues(t, 3, q.Ready, "counted once each")
	require.NoError(t, f.db.Sort(t.Context()))
	assert.Equal(t, []string{"old", "a", "b"}, f.texts(`SELECT uuid FROM event ORDER BY id`))
	assert.Equal(t, []string{"00u1", "00u3", "00u6"}, f.texts(`SELECT okta_id FROM outbox ORDER BY id`))
}

func TestE2_EventInTheInboxEndsTheWaitingOfOlderRows(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	f.enqueue("00u1", HookPriority)
	claims := f.claim(epoch, 1)
	f.do(func(tx *Tx) error { return tx.Retry(epoch, claims[0].Rows[0].ID, f.now.Add(time.Hour), true, "500") })
	f.receive(Event{UUID: "e", Type: UserCreate, Users: []string{"00u1"}})
	f.now = f.now.Add(time.Minute)
	require.NoError(t, f.db.UpdateSorted(t.Context(), func(tx *Tx) (err error) {
		claims, err = tx.Claim(epoch, 10)
		return err
	}))
	require.Len(t, claims, 1)
	assert.Len(t, claims[0].Rows, 2, "one sync serves both")
	assert.Equal(t, noon, claims[0].Rows[0].Due, "E2: a new row ends the waiting of older ones, when it came")
}

func TestE3_LeaverAtTheEndOfALongInboxGoesFirst(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	const before = 3 * sortRows
	delivery, err := Pack([]Event{{UUID: "-", Type: UserCreate, Users: []string{"00u0"}}})
	require.NoError(t, err)
	f.do(func(tx *Tx) error {
		for i := range before {
			d := Delivery{[]string{strings.NewReplacer(`"-"`, fmt.Sprintf(`"%d"`, i), "00u0", fmt.Sprintf("00u%d", i)).Replace(delivery.sheets[0])}}
			if err := tx.Receive(d); err != nil {
				return err
			}
		}
		return nil
	})
	f.receive(Event{UUID: "leaver", Type: UserDeactivate, Users: []string{"00uLeaver"}})
	var claims []Claim
	turns := 0
	require.NoError(t, f.db.UpdateSorted(t.Context(), func(tx *Tx) (err error) {
		turns++
		claims, err = tx.Claim(epoch, 1)
		return err
	}))
	assert.Equal(t, []string{"00uLeaver"}, users(claims), "E3: deactivations go first, whatever came before")
	assert.Equal(t, 1, turns, "nobody is claimed from an inbox that is half sorted")
	assert.EqualValues(t, before+1, f.number(`SELECT count(*) FROM outbox`))
}

func TestE5_TransactionsOfSortingAreBounded(t *testing.T) {
	f := setup(t)
	long := strings.Repeat("x", 1000)
	var events []Event
	for i := range 2000 { // 2 MiB of what the relay calls odd, in one delivery
		events = append(events, Event{UUID: fmt.Sprint(i), Type: "x", Actor: long, Ignored: "it is odd"})
	}
	f.receive(events...)
	assert.EqualValues(t, 2000/sheetEvents, f.number(`SELECT count(*) FROM inbox`))
	sorted, steps := int64(0), 0
	for more := true; more; steps++ {
		f.do(func(tx *Tx) (err error) {
			more, err = tx.sort()
			return err
		})
		now := f.number(`SELECT count(*) FROM event`)
		assert.LessOrEqual(t, now-sorted, int64(2*sheetEvents), "E5: a relay that has to write waits for no long transaction")
		sorted = now
	}
	assert.EqualValues(t, 2000, sorted)
	assert.Greater(t, steps, 3)
}

func TestE5_WhatFailsWithAnEmptyInboxLeavesItAsItWas(t *testing.T) {
	f := setup(t)
	f.receive(Event{UUID: "e", Type: UserCreate, Users: []string{"00u1"}})
	before := f.all("inbox")
	err := f.db.UpdateSorted(t.Context(), func(tx *Tx) error {
		assert.EqualValues(t, 1, len(texts(f, tx, `SELECT uuid FROM event`)), "sorted by then")
		return assert.AnError
	})
	require.ErrorIs(t, err, assert.AnError)
	assert.Equal(t, before, f.all("inbox"), "E5: nothing accepted is lost")
	assert.Empty(t, f.all("event"))
	require.NoError(t, f.db.Sort(t.Context()))
	assert.Len(t, f.all("outbox"), 1)
}

func texts(f *fixture, tx *Tx, query string) []string {
	f.Helper()
	found, err := collect(tx, func(s scanner) (text string, err error) { return text, s.Scan(&text) }, query)
	require.NoError(f, err)
	return found
}

func TestRowOfTheInboxThatCannotBeReadIsNamed(t *testing.T) {
	f := setup(t)
	f.receive(Event{UUID: "e", Type: UserCreate, Users: []string{"00u1"}})
	f.do(func(tx *Tx) error { return tx.run(`UPDATE inbox SET events = '[{]', id = 17`) })
	assert.ErrorContains(t, f.db.Sort(t.Context()), "row 17 of the inbox")
}

// An hour of events, and what a worker and a walk left, with the same again in
// an inbox that nobody has sorted: no report tells the difference.
func TestA2_ReportsShowWhatTheRelayAloneHasAccepted(t *testing.T) {
	f := lived(t)
	d := &departure{fixture: f, epoch: f.begin()}
	d.do(func(tx *Tx) error {
		return tx.PutLink(Link{OktaID: leaver, ZenQMSID: "z9", Email: "lea@example.com", Active: true, OktaStatus: "ACTIVE"})
	})
	d.at(70).event("left before", UserSuspend)
	f.append(LogRow{Origin: string(FromHook), OktaID: "00u4", Action: ActUpdate, Outcome: OutcomeFailed})
	for _, user := range []string{"00u1", "00u2", "00u3", "00u4", leaver} {
		p := f.person(user)
		p.FirstName = "Other"
		f.do(func(tx *Tx) error {
			_, err := tx.PutPerson(p)
			return err
		})
	}
	course(f, f.receive)
	f.now = noon.Add(80 * time.Minute)
	f.receive(Event{UUID: "leave", Type: UserDeactivate, Published: f.now.Add(-time.Minute), Users: []string{leaver, "00u2", "00u9"}},
		Event{UUID: "e1", Type: UserCreate, Users: []string{"00u77"}})
	f.now = f.now.Add(time.Minute)
	f.receive(Event{UUID: "back", Type: UserReactivate, Users: []string{"00u9"}}, Event{UUID: "failed", Type: UserReactivate, Users: []string{"00u4"}})
	f.now = noon.Add(3 * time.Hour)

	type answers map[string][][]any
	ask := func() answers {
		all := answers{}
		for _, r := range Reports() {
			for i, args := range []ReportArgs{
				{}, {Since: noon.Add(30 * time.Minute)}, {Since: noon.Add(10 * time.Minute), Until: noon.Add(79 * time.Minute)},
				{User: leaver}, {User: "00u2", Since: noon.Add(30 * time.Minute)}, {Limit: 3},
			} {
				_, all[fmt.Sprintf("%s %d", r.Name, i)] = f.report(r.Name, args)
			}
		}
		var q Queue
		var last time.Time
		f.see(func(tx *Tx) (err error) {
			if q, err = tx.Queue(); err != nil {
				return err
			}
			last, err = tx.LastEvent()
			return err
		})
		all["status"] = [][]any{{q, last}}
		return all
	}
	unsorted := ask()
	require.NotEmpty(t, f.all("inbox"))
	require.NoError(t, f.db.Sort(t.Context()))
	for name, rows := range ask() {
		assert.Equal(t, rows, unsorted[name], "A2: the report %s", name)
	}
	assert.Contains(t, fmt.Sprint(unsorted["events 0"]), "back", "this test sees what it is for")
	assert.Contains(t, fmt.Sprint(unsorted["leavers 0"]), "00u9")
}
