package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// callers is how many use the store at the same time in the benchmarks.
const callers = 64

func benchDB(b *testing.B) *DB {
	b.Helper()
	db, err := Open(context.Background(), filepath.Join(b.TempDir(), "zensync.db"))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
	return db
}

// What the relay does with a delivery: about one of 10,000 users, with a uuid
// that is as random as Okta's.
func BenchmarkReceive(b *testing.B) {
	db := benchDB(b)
	var n atomic.Uint64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			receive(b, db, n.Add(1))
		}
	})
}

// receive stores one delivery, the i-th.
func receive(b *testing.B, db *DB, i uint64) {
	mixed := i * 0x9e3779b97f4a7c15 // odd, so that no two are alike
	delivery, err := Pack([]Event{{UUID: fmt.Sprintf("%016x-%019d", mixed, i), Type: UserUpdateProfile, Published: db.Now(), Actor: "admin@example.com",
		Users: []string{fmt.Sprintf("00u%017d", mixed%10_000)}}})
	if err == nil {
		err = db.Batch(context.Background(), func(tx *Tx) error { return tx.Receive(delivery) })
	}
	if err != nil {
		b.Error(err)
	}
}

// What it then takes to make events and promises of them. The time is that of
// one delivery of a long inbox.
func BenchmarkSort(b *testing.B) {
	db := benchDB(b)
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for i := caller; i < b.N; i += callers {
				receive(b, db, uint64(i))
			}
		})
	}
	all.Wait()
	b.ResetTimer()
	require.NoError(b, db.Sort(context.Background()))
}

func BenchmarkEnqueue(b *testing.B) {
	db := benchDB(b)
	var n atomic.Uint64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p := Promise{OktaID: fmt.Sprintf("00u%017d", n.Add(1)), Origin: FromHook, Priority: HookPriority}
			err := db.Update(context.Background(), func(tx *Tx) error {
				_, err := tx.Enqueue(p)
				return err
			})
			if err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkNudge(b *testing.B) {
	db := benchDB(b)
	_, stop, err := db.Nudges()
	require.NoError(b, err)
	defer stop()
	for b.Loop() {
		db.Nudge()
	}
}

// What it takes to look where the files are, before and after each commit, beside
// a commit, which has both in it: 19 µs of 140 µs where the disk takes a tenth of
// a millisecond for a flush, 2 % where it takes one. A commit of a busy relay
// serves thirty deliveries.
func BenchmarkPlace(b *testing.B) {
	db := benchDB(b)
	write := func() error {
		return db.Update(context.Background(), func(tx *Tx) error { return tx.SetSetting("written", FormatTime(tx.Now)) })
	}
	require.NoError(b, write())
	b.Run("look", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, errors.Join(db.place.stays(), db.place.stays()))
		}
	})
	b.Run("commit", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, write())
		}
	})
}
