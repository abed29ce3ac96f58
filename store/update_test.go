package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// batch is a store in a synctest bubble whose writer is kept busy, so that
// what is queued meanwhile shares one transaction.
type batch struct {
	*testing.T
	db           *DB
	transactions int           // begun so far: each asks the clock once
	release      chan struct{} // closed to let the writer go on
	busy         chan error    // what became of the transaction that kept it
}

func inBatch(t *testing.T, fn func(b *batch)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(t.Context(), filepath.Join(t.TempDir(), "zensync.db"))
		require.NoError(t, err)
		b := &batch{T: t, db: db, release: make(chan struct{}), busy: make(chan error, 1)}
		db.Now = func() time.Time {
			b.transactions++ // only the writer asks
			return noon
		}
		go func() {
			b.busy <- db.Update(t.Context(), func(*Tx) error {
				<-b.release
				return nil
			})
		}()
		synctest.Wait() // the writer is busy now
		fn(b)
		require.NoError(t, <-b.busy)
		require.NoError(t, db.Close())
	})
}

// queue has the store run closures once the writer is free, and returns what
// becomes of each.
func (b *batch) queue(ctx context.Context, closures ...func(*Tx) error) []chan error {
	return b.queueBy(ctx, b.db.Update, closures)
}

// queueBatch is queue for closures that may be run again.
func (b *batch) queueBatch(closures ...func(*Tx) error) []chan error {
	return b.queueBy(b.Context(), b.db.Batch, closures)
}

func (b *batch) queueBy(ctx context.Context, do func(context.Context, func(*Tx) error) error, closures []func(*Tx) error) []chan error {
	outcomes := make([]chan error, len(closures))
	for i, fn := range closures {
		outcomes[i] = make(chan error, 1)
		go func() { outcomes[i] <- do(ctx, fn) }()
		synctest.Wait() // it is queued
	}
	return outcomes
}

// settings are the keys that are in the store.
func (b *batch) settings() []string {
	b.Helper()
	f := fixture{T: b.T, db: b.db}
	return f.texts(`SELECT key FROM setting ORDER BY key`)
}

func set(key string) func(*Tx) error {
	return func(tx *Tx) error { return tx.SetSetting(key, "v") }
}

func TestUpdateOneFlushServesAllWhoWait(t *testing.T) {
	inBatch(t, func(b *batch) {
		var closures []func(*Tx) error
		for n := range 64 {
			closures = append(closures, set(fmt.Sprintf("k%02d", n)))
		}
		outcomes := b.queue(b.Context(), closures...)
		close(b.release)
		for _, outcome := range outcomes {
			require.NoError(b, <-outcome)
		}
		assert.Equal(b, 2, b.transactions, "the one that kept the writer busy, and one for all 64")
		assert.Len(b, b.settings(), 64)
	})
}

func TestUpdateErrorUndoesItsOwnWorkAlone(t *testing.T) {
	sad := errors.New("sad")
	for name, fail := range map[string]func() error{
		"error": func() error { return sad },
		"panic": func() error { panic(sad) },
	} {
		t.Run(name, func(t *testing.T) {
			inBatch(t, func(b *batch) {
				outcomes := b.queue(b.Context(), set("before"), func(tx *Tx) error {
					if err := tx.SetSetting("failed", "v"); err != nil {
						return err
					}
					return fail()
				}, set("after"))
				close(b.release)
				assert.NoError(b, <-outcomes[0])
				assert.ErrorContains(b, <-outcomes[1], "sad")
				assert.NoError(b, <-outcomes[2])
				assert.Equal(b, 2, b.transactions)
				assert.Equal(b, []string{"after", "before"}, b.settings())
			})
			t.Run("alone", func(t *testing.T) {
				f := setup(t)
				assert.ErrorContains(t, f.db.Update(t.Context(), func(tx *Tx) error {
					if err := tx.SetSetting("failed", "v"); err != nil {
						return err
					}
					return fail()
				}), "sad")
				assert.Zero(t, f.number(`SELECT count(*) FROM setting`))
				f.do(set("next"))
			})
		})
	}
}

func TestBatchErrorUndoesItsOwnWorkAlone(t *testing.T) {
	sad := errors.New("sad")
	for name, fail := range map[string]func() error{
		"error": func() error { return sad },
		"panic": func() error { panic(sad) },
	} {
		t.Run(name, func(t *testing.T) {
			inBatch(t, func(b *batch) {
				ran := 0
				outcomes := b.queue(b.Context(), func(tx *Tx) error {
					ran++
					return tx.SetSetting("update", "v")
				})
				outcomes = append(outcomes, b.queueBatch(set("before"), func(tx *Tx) error {
					if err := tx.SetSetting("failed", "v"); err != nil {
						return err
					}
					return fail()
				}, set("after"))...)
				close(b.release)
				assert.NoError(b, <-outcomes[0])
				assert.NoError(b, <-outcomes[1])
				assert.ErrorContains(b, <-outcomes[2], "sad")
				assert.NoError(b, <-outcomes[3])
				assert.Equal(b, 2, b.transactions)
				assert.Equal(b, []string{"after", "before", "update"}, b.settings())
				assert.Equal(b, 1, ran, "what may not be run again is run once")
			})
		})
	}
}

func TestBatchAloneIsUndoneWhenItFails(t *testing.T) {
	f := setup(t)
	sad := errors.New("sad")
	assert.Equal(t, sad, f.db.Batch(t.Context(), func(tx *Tx) error {
		if err := tx.SetSetting("failed", "v"); err != nil {
			return err
		}
		return sad
	}))
	assert.Zero(t, f.number(`SELECT count(*) FROM setting`))
	require.NoError(t, f.db.Batch(t.Context(), set("next")))
	assert.EqualValues(t, 1, f.number(`SELECT count(*) FROM setting`))
}

func TestUpdateReturnsTheClosuresError(t *testing.T) {
	f := setup(t)
	sad := errors.New("sad")
	assert.Equal(t, sad, f.db.Update(t.Context(), func(*Tx) error { return sad }))
}

func TestUpdateThatCannotCommitTellsAll(t *testing.T) {
	inBatch(t, func(b *batch) {
		outcomes := b.queue(b.Context(), set("k"), func(tx *Tx) error {
			// Checked at the commit only, so the closure itself does not notice.
			if err := tx.run(`PRAGMA defer_foreign_keys = 1`); err != nil {
				return err
			}
			_, err := tx.Enqueue(Promise{OktaID: "00u1", Origin: FromHook, Event: 99})
			return err
		})
		close(b.release)
		for _, outcome := range outcomes {
			err := <-outcome
			assert.ErrorContains(b, err, "FOREIGN KEY")
			assert.ErrorContains(b, err, b.db.Path())
		}
		assert.Empty(b, b.settings())
		require.NoError(b, b.db.Update(b.Context(), set("next")), "the store goes on")
		assert.Equal(b, []string{"next"}, b.settings())
	})
}

func TestUpdateWhoseContextEndedIsNotRun(t *testing.T) {
	inBatch(t, func(b *batch) {
		ctx, cancel := context.WithCancel(b.Context())
		gone, stays := b.queue(ctx, set("gone")), b.queue(b.Context(), set("stays"))
		cancel()
		assert.ErrorIs(b, <-gone[0], context.Canceled, "it does not wait for the writer")
		close(b.release)
		require.NoError(b, <-stays[0])
		assert.Equal(b, []string{"stays"}, b.settings())
	})
}

func TestUpdateThatWasBegunTellsItsTrueOutcome(t *testing.T) {
	f := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, f.db.Update(ctx, func(tx *Tx) error {
		cancel()
		return tx.SetSetting("k", "v")
	}))
	assert.EqualValues(t, 1, f.number(`SELECT count(*) FROM setting`))
}

func TestUpdateHasOneTimestamp(t *testing.T) {
	inBatch(t, func(b *batch) {
		var times []time.Time
		note := func(tx *Tx) error {
			times = append(times, tx.Now)
			return nil
		}
		outcomes := b.queue(b.Context(), note, note)
		close(b.release)
		for _, outcome := range outcomes {
			require.NoError(b, <-outcome)
		}
		assert.Equal(b, []time.Time{noon, noon}, times)
		assert.Equal(b, 2, b.transactions, "the clock is asked once a transaction")
	})
}

func TestUpdateWhileClosingTellsTheTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "zensync.db")
		db, err := Open(t.Context(), path)
		require.NoError(t, err)
		release, begun := make(chan struct{}), make(chan error, 1)
		go func() {
			begun <- db.Update(t.Context(), func(tx *Tx) error {
				<-release
				return tx.SetSetting("begun", "v")
			})
		}()
		synctest.Wait()
		queued := make(chan error, 1)
		go func() { queued <- db.Update(t.Context(), set("queued")) }()
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- db.Close() }()
		synctest.Wait()
		assert.ErrorIs(t, db.Update(t.Context(), set("late")), ErrClosed)
		close(release)
		require.NoError(t, <-begun, "Close waits for what was begun")
		require.NoError(t, <-closed)

		want := []string{"begun"}
		if err := <-queued; err == nil {
			want = append(want, "queued")
		} else {
			require.ErrorIs(t, err, ErrClosed)
		}
		db, err = Open(t.Context(), path)
		require.NoError(t, err)
		b := &batch{T: t, db: db}
		assert.Equal(t, want, b.settings())
		require.NoError(t, db.Close())
	})
}

func TestUpdateOfManyCallersIsDurable(t *testing.T) {
	f := setup(t)
	var wg sync.WaitGroup
	for caller := range 64 {
		wg.Go(func() {
			for n := range 10 {
				assert.NoError(t, f.db.Update(t.Context(), set(fmt.Sprintf("%d-%d", caller, n))))
			}
		})
	}
	wg.Wait()
	f.reopen()
	assert.EqualValues(t, 640, f.number(`SELECT count(*) FROM setting`))
}

func TestE5_BatchGivesUpInTimeThoughItWasBegun(t *testing.T) {
	inBatch(t, func(b *batch) {
		close(b.release)
		ctx, stop := context.WithTimeout(b.Context(), time.Second)
		defer stop()
		end, ended := make(chan struct{}), make(chan struct{})
		err := b.db.Batch(ctx, func(tx *Tx) error {
			defer close(ended)
			<-end
			return tx.SetSetting("begun", "in time")
		})
		assert.ErrorIs(b, err, context.DeadlineExceeded, "E5: nobody waits longer than Okta does")
		close(end)
		<-ended
		require.NoError(b, b.db.Update(b.Context(), func(tx *Tx) error {
			value, err := tx.Setting("begun")
			assert.Equal(b, "in time", value, "and what was begun may be committed")
			return err
		}))
	})
}
