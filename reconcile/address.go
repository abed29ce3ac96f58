package reconcile

import "sync"

// addressLocks keep syncs that touch the same address apart (rule E3): two
// users who want one account are decided one after the other.
type addressLocks struct {
	mu     sync.Mutex
	freed  *sync.Cond
	locked map[string]bool
}

func newAddressLocks() *addressLocks {
	l := &addressLocks{locked: map[string]bool{}}
	l.freed = sync.NewCond(&l.mu)
	return l
}

// lock waits until all of the addresses are free and takes them at once, so
// that two holders never wait for each other. It returns the release. Empty
// addresses are passed over.
func (l *addressLocks) lock(addresses ...string) (unlock func()) {
	wanted := map[string]bool{}
	for _, a := range addresses {
		if a != "" {
			wanted[a] = true
		}
	}
	l.mu.Lock()
	for l.anyLocked(wanted) {
		l.freed.Wait()
	}
	for a := range wanted {
		l.locked[a] = true
	}
	l.mu.Unlock()
	return func() {
		l.mu.Lock()
		for a := range wanted {
			delete(l.locked, a)
		}
		l.mu.Unlock()
		l.freed.Broadcast()
	}
}

func (l *addressLocks) anyLocked(wanted map[string]bool) bool {
	for a := range wanted {
		if l.locked[a] {
			return true
		}
	}
	return false
}
