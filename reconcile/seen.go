package reconcile

import (
	"context"
	"iter"
	"math/bits"
	"time"

	"github.com/zensync/zensync/store"
)

// bitset remembers places in the directory, one bit each: a million users are
// 128 KiB.
type bitset []uint64

// add notes a place and tells whether it was new.
func (b *bitset) add(n int64) bool {
	word, bit := int(n>>6), uint64(1)<<(n&63)
	for len(*b) <= word {
		*b = append(*b, 0)
	}
	fresh := (*b)[word]&bit == 0
	(*b)[word] |= bit
	return fresh
}

func (b bitset) has(n int64) bool {
	word := int(n >> 6)
	return n > 0 && word < len(b) && b[word]&(1<<(n&63)) != 0
}

func (b bitset) remove(n int64) {
	if word := int(n >> 6); word < len(b) {
		b[word] &^= 1 << (n & 63)
	}
}

func (b bitset) count() (n int64) {
	for _, word := range b {
		n += int64(bits.OnesCount64(word))
	}
	return n
}

// gaps gives the places from 1 to end that are not in the set, in order, up to
// size of them at once.
func (b bitset) gaps(end int64, size int) iter.Seq[[]int64] {
	return func(yield func([]int64) bool) {
		var places []int64
		for n := int64(1); n <= end; n++ {
			if word := int(n >> 6); n&63 == 0 && word < len(b) && b[word] == ^uint64(0) {
				n += 63 // all of these are in it
				continue
			}
			if b.has(n) {
				continue
			}
			if places = append(places, n); len(places) == size {
				if !yield(places) {
					return
				}
				places = nil
			}
		}
		if len(places) > 0 {
			yield(places)
		}
	}
}

// tellEvery is how often the count of users read is written down for whoever
// watches the run.
const tellEvery = time.Second

// tally counts the users a walk has read. To write the count down for each
// page would be most of what a quiet walk writes.
type tally struct {
	walk *walk
	n    int64 // not written down yet
	last time.Time
}

func (t *tally) add(ctx context.Context, n int64) error {
	t.n += n
	if now := t.walk.DB.Now(); t.last.IsZero() || now.Sub(t.last) >= tellEvery {
		t.last = now
		return t.flush(ctx)
	}
	return nil
}

func (t *tally) flush(ctx context.Context) error {
	if t.n == 0 {
		return nil
	}
	n := t.n
	t.n = 0
	return t.walk.DB.Update(ctx, func(tx *store.Tx) error { return tx.CountRun(t.walk.run.ID, n, 0, 0) })
}
