package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// unsorted tells whether something is in the inbox.
func (w *world) unsorted() (unsorted bool) {
	w.Helper()
	w.view(func(tx *store.Tx) (err error) {
		unsorted, err = tx.Unsorted()
		return err
	})
	return unsorted
}

// A reconcile meets events that nobody has sorted in, of before it and of while
// it reads.
func TestK1_WalkAsksForNobodyWhomAnEventInTheInboxAsksFor(t *testing.T) {
	for _, when := range []string{"before the walk", "while it reads"} {
		t.Run(when, func(t *testing.T) {
			w := newWorld(t)
			u := w.hire("Ada", "Byron", "ACTIVE")
			if when == "before the walk" {
				w.hooks()
			} else {
				w.onceAsked("/api/v1/users", w.hooks)
			}
			w.read(store.ReconcileRun)
			assert.False(t, w.unsorted())
			assert.Equal(t, []string{"open", "open"}, w.states(u.ID), "K1: hired and activated, and a user with an open row gets no other")
		})
	}
}

// onceAsked has something happen before Okta answers the next call of a path.
func (w *world) onceAsked(path string, then func()) {
	var once sync.Once
	whole := w.org.Transport()
	client, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token",
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == path {
				once.Do(then)
			}
			return whole.RoundTrip(r)
		})})
	require.NoError(w, err)
	w.w.Okta = client
}

// interrupter is a log whose first line of a level has something happen.
type interrupter struct {
	slog.Handler
	level slog.Level
	once  sync.Once
	then  func()
}

func (i *interrupter) Enabled(context.Context, slog.Level) bool { return true }

func (i *interrupter) Handle(_ context.Context, r slog.Record) error {
	if r.Level == i.level {
		i.once.Do(i.then)
	}
	return nil
}

func TestK1_JudgementSeesWhatHasJustCome(t *testing.T) {
	w := newWorld(t)
	staff := w.staffOf(t, 12)
	w.sync()
	for _, u := range staff {
		w.org.SetStatus(u.ID, "SUSPENDED")
	}
	w.org.DropAll()
	w.w.Log = slog.New(&interrupter{Handler: slog.DiscardHandler, level: slog.LevelError, then: func() { // it says that the brake holds them
		w.tell("late", store.UserSuspend, staff[3].ID)
	}})
	w.read(store.ReconcileRun)
	w.update(func(*store.Tx) error { return nil })
	assert.Equal(t, []string{"done", "done", "open"}, w.states(staff[3].ID), "K1: his event has asked for him")
	assert.Equal(t, []string{"done", "done", "held"}, w.states(staff[4].ID))
}

func TestE2_WorkerSortsTheInboxWhetherOrNotItMayWork(t *testing.T) {
	for name, c := range map[string]struct {
		hinder func(w *world)
		free   int
		state  string
	}{
		"at work":              {func(*world) {}, 1, "running"},
		"no hands free":        {func(*world) {}, 0, "open"},
		"paused":               {func(w *world) { w.stand(Paused) }, 1, "open"},
		"new":                  {func(w *world) { w.stand(New) }, 1, "open"},
		"the drain is stopped": {func(w *world) { w.w.halt.set(w.now().Add(time.Hour), "401") }, 1, "open"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u := w.hire("Ada", "Byron", "ACTIVE")
			c.hinder(w)
			w.hooks()
			require.True(t, w.unsorted())
			_, err := w.w.take(t.Context(), c.free, (*store.Tx).Claim, later)
			require.NoError(t, err)
			assert.False(t, w.unsorted(), "E2")
			assert.Equal(t, []string{c.state, c.state}, w.states(u.ID), "he was hired and activated")
			assert.Empty(t, w.writes())
		})
	}
}

func TestE3_LeaverInTheInboxIsTakenBeforeWhoIsInTheOutbox(t *testing.T) {
	w := newWorld(t)
	leaver, other := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
	w.sync()
	w.update(func(tx *store.Tx) error {
		_, err := tx.Enqueue(store.Promise{OktaID: other.ID, Origin: store.FromManual, Priority: store.ManualPriority})
		return err
	})
	w.org.SetStatus(leaver.ID, "DEPROVISIONED")
	w.hooks()
	claims, err := w.w.take(t.Context(), 1, (*store.Tx).Claim, later)
	require.NoError(t, err)
	require.Len(t, claims, 1)
	assert.Equal(t, leaver.ID, claims[0].OktaID, "E3")
	claims, err = w.w.take(t.Context(), 1, (*store.Tx).ClaimLeavers, later)
	require.NoError(t, err)
	assert.Empty(t, claims)
}

func TestC3_UnlinkClosesWhatIsInTheInbox(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.stand(Active)
	w.tell("before", store.UserUpdateProfile, u.ID)
	s, err := w.unlinking().Survey(t.Context(), false)
	require.NoError(t, err)
	assert.EqualValues(t, 1, s.Queue.Ready, "C3: it says how much is closed")
	w.tell("after the survey", store.UserUpdateProfile, u.ID)
	w.unlink(false)
	assert.False(t, w.unsorted())
	assert.Equal(t, []string{"done", "done", "unlinked", "unlinked"}, w.states(u.ID), "C3")
}

func TestL3_RelinkWaitsForWhatIsInTheInbox(t *testing.T) {
	w := newWorld(t)
	old := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.SetStatus(old.ID, "DEPROVISIONED")
	w.sync()
	w.pass(time.Hour)
	heir := w.hire("Eva", "King", "ACTIVE")
	w.org.DropAll()
	w.tell("late", store.UserUpdateProfile, old.ID)
	r := Relink{New: heir.ID, Old: old.ID, Actor: "olga", Reason: "married"}
	var tried bool
	w.view(func(tx *store.Tx) (err error) {
		tried, err = r.Tried(tx)
		return err
	})
	assert.False(t, tried, "L3: who relinks has it done first")
	_, err := w.w.Relink(t.Context(), r)
	assert.ErrorIs(t, err, ErrBusy)
	assert.NotEmpty(t, w.link(old.ID).OktaID)
}

// What works on the store alone needs no worker, and sorts nothing. It comes to
// the same before and after.
func TestC2_WhatWorksOnTheStoreAloneDoesNotMindTheInbox(t *testing.T) {
	acts := map[string]func(w *world, held, dead int64) error{
		"approve": func(w *world, held, _ int64) error {
			return Ruling{Actor: "olga", Reason: "x"}.Approve(w.Context(), w.db, []int64{held})
		},
		"discard": func(w *world, held, _ int64) error {
			return Ruling{Actor: "olga", Reason: "x"}.Discard(w.Context(), w.db, []int64{held})
		},
		"retry": func(w *world, _, dead int64) error {
			_, err := Retry{Binding: w.pause().Binding, Actor: "olga"}.Begin(w.Context(), w.db, []int64{dead})
			return err
		},
		"pause and resume": func(w *world, _, _ int64) error {
			if _, _, err := w.pause().Begin(w.Context(), w.db); err != nil {
				return err
			}
			_, err := w.pause().End(w.Context(), w.db)
			return err
		},
	}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			outcome := func(sortedFirst bool) (all []string) {
				w := newWorld(t)
				u := w.hire("Ada", "Byron", "ACTIVE")
				w.sync()
				var held, dead int64
				w.update(func(tx *store.Tx) error {
					if err := tx.AddHold(store.Promise{OktaID: u.ID, Origin: store.FromReconcile}, store.ActDeactivate, "too many"); err != nil {
						return err
					}
					id, err := tx.Enqueue(store.Promise{OktaID: u.ID, Origin: store.FromReconcile})
					if err != nil {
						return err
					}
					if _, err := tx.Claim(w.w.epoch, 1); err != nil {
						return err
					}
					return tx.Close(w.w.epoch, id, store.StateDead, "500")
				})
				for _, row := range w.open(u.ID) {
					switch row.State {
					case store.StateHeld:
						held = row.ID
					case store.StateDead:
						dead = row.ID
					}
				}
				w.tell("e", store.UserDeactivate, u.ID)
				w.pass(time.Minute)
				if sortedFirst {
					require.NoError(t, w.db.Sort(t.Context()))
				}
				require.NoError(t, act(w, held, dead))
				assert.Equal(t, !sortedFirst, w.unsorted(), "to sort is not its business")
				require.NoError(t, w.db.Sort(t.Context()))
				for _, row := range w.open(u.ID) {
					row.ID = 0 // the order of two that have nothing to do with each other
					all = append(all, fmt.Sprintf("%+v", row))
				}
				return all
			}
			assert.ElementsMatch(t, outcome(true), outcome(false), "C2: %s", name)
		})
	}
}

// open are the promises about a user that are not kept.
func (w *world) open(id string) (rows []store.OpenRow) {
	w.Helper()
	w.view(func(tx *store.Tx) (err error) {
		rows, err = tx.OpenRows(id)
		return err
	})
	return rows
}
