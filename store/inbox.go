package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// The inbox is between the relay and the outbox. What an event asks for is
// durable as soon as the event is: it stands in the same row. To find events by
// their uuids and promises by their users takes indexes, which cost more than
// all else the relay does while Okta waits; so the relay only appends, and
// whoever does the worker's job sorts before he claims, settles, relinks or
// unlinks.
//
// To sort is one transaction that writes what the relay would have written, as
// of when it received it, and deletes what it was written from. It takes
// nothing into anybody's hands, so that it needs neither epoch nor lock: from
// whichever processes do it, and wherever one of them is killed, each delivery
// is sorted once. What works on the store alone and does not ask who is waited
// for (approve, discard, retry, pause) leaves the inbox as it is.

const (
	// sheetEvents is how many events stand in one row of the inbox. Okta's
	// deliveries have fewer; what a body of 8 MiB can list is bounded so.
	sheetEvents = 250
	// sortRows and sortBytes bound a transaction of sorting, for what it holds
	// in memory and for those who wait to write: some 20 ms.
	sortRows  = 250
	sortBytes = 256 << 10
)

// Delivery is what the relay was sent at once, ready to be stored.
type Delivery struct{ sheets []string }

// letter is an event in the inbox.
type letter struct {
	UUID      string   `json:"uuid"`
	Type      string   `json:"type"`
	Published string   `json:"published,omitempty"` // as the store keeps times
	Actor     string   `json:"actor,omitempty"`
	Users     []string `json:"users,omitempty"`
	Groups    []string `json:"groups,omitempty"`
	Ignored   string   `json:"ignored,omitempty"`
}

// Pack makes a delivery of events.
func Pack(events []Event) (Delivery, error) {
	var d Delivery
	for part := range slices.Chunk(events, sheetEvents) {
		letters := make([]letter, len(part))
		for i, e := range part {
			letters[i] = letter{UUID: e.UUID, Type: e.Type, Actor: e.Actor, Users: e.Users, Groups: e.Groups, Ignored: e.ignored()}
			if !e.Published.IsZero() {
				letters[i].Published = FormatTime(e.Published)
			}
		}
		sheet, err := json.Marshal(letters)
		if err != nil {
			return Delivery{}, fmt.Errorf("pack %d events: %w", len(part), err)
		}
		d.sheets = append(d.sheets, string(sheet))
	}
	return d, nil
}

// Receive appends a delivery to the inbox.
func (tx *Tx) Receive(d Delivery) error {
	for _, sheet := range d.sheets {
		if err := tx.run(`INSERT INTO inbox (received, events) VALUES (?, ?)`, FormatTime(tx.Now), sheet); err != nil {
			return fmt.Errorf("append to the inbox: %w", err)
		}
	}
	return nil
}

// Unsorted tells whether there is something in the inbox.
func (tx *Tx) Unsorted() (bool, error) {
	var any bool
	err := tx.row(`SELECT EXISTS (SELECT 1 FROM inbox)`).Scan(&any)
	return any, err
}

// UpdateSorted is Update with the inbox empty: what the relay has accepted by
// then stands in event and outbox, as if it had been put there at once. What
// little the inbox holds at most times is sorted in fn's own transaction, and
// undone with it when fn fails; of more, the better part goes before, in
// transactions that are bounded.
func (db *DB) UpdateSorted(ctx context.Context, fn func(*Tx) error) error {
	for {
		var more bool
		if err := db.Update(ctx, func(tx *Tx) (err error) {
			if more, err = tx.sort(); err != nil || more {
				return err
			}
			return fn(tx)
		}); err != nil || !more {
			return err
		}
	}
}

// Sort empties the inbox.
func (db *DB) Sort(ctx context.Context) error {
	return db.UpdateSorted(ctx, func(*Tx) error { return nil })
}

// sort makes events and promises of what has been longest in the inbox, as of
// when it was received, and tells whether more is left.
func (tx *Tx) sort() (more bool, err error) {
	sheets, more, err := tx.sheets()
	if err != nil || len(sheets) == 0 {
		return false, err
	}
	for _, s := range sheets {
		for _, l := range s.letters {
			e, err := l.event()
			if err == nil {
				err = tx.addEvent(e, s.received)
			}
			if err != nil {
				return false, fmt.Errorf("sort row %d of the inbox: %w", s.id, err)
			}
		}
	}
	if err := tx.run(`DELETE FROM inbox WHERE id <= ?`, sheets[len(sheets)-1].id); err != nil {
		return false, fmt.Errorf("empty the inbox: %w", err)
	}
	return more, nil
}

// sheet is a row of the inbox.
type sheet struct {
	id       int64
	received time.Time
	letters  []letter
}

// sheets are the first rows of the inbox, as many as one transaction sorts,
// and whether there are more.
func (tx *Tx) sheets() (all []sheet, more bool, err error) {
	rows, err := tx.query(`SELECT id, received, events FROM inbox ORDER BY id`)
	if err != nil {
		return nil, false, fmt.Errorf("read the inbox: %w", err)
	}
	defer rows.Close()
	for size := 0; rows.Next(); {
		if len(all) == sortRows || size >= sortBytes {
			return all, true, nil
		}
		var s sheet
		var text string
		if err := rows.Scan(&s.id, timeOf{&s.received}, &text); err != nil {
			return nil, false, fmt.Errorf("read the inbox: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &s.letters); err != nil {
			return nil, false, fmt.Errorf("read row %d of the inbox: %w", s.id, err)
		}
		size += len(text)
		all = append(all, s)
	}
	return all, false, rows.Err()
}

func (l letter) event() (Event, error) {
	e := Event{UUID: l.UUID, Type: l.Type, Actor: l.Actor, Users: l.Users, Groups: l.Groups, Ignored: l.Ignored}
	if l.Published == "" {
		return e, nil
	}
	var err error
	e.Published, err = time.Parse(timeLayout, l.Published)
	return e, err
}
