package store

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
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
func BenchmarkAddEvent(b *testing.B) {
	db := benchDB(b)
	var n atomic.Uint64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			mixed := i * 0x9e3779b97f4a7c15 // odd, so that no two are alike
			e := Event{UUID: fmt.Sprintf("%016x-%019d", mixed, i), Type: UserUpdateProfile, Published: db.Now(), Actor: "admin@example.com",
				Users: []string{fmt.Sprintf("00u%017d", mixed%10_000)}}
			if err := db.Batch(context.Background(), func(tx *Tx) error { return tx.AddEvent(e) }); err != nil {
				b.Error(err)
			}
		}
	})
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
