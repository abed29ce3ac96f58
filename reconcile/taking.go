package reconcile

import "errors"

// errNotTaken says that an attempt was begun for a claim that did not come
// about.
var errNotTaken = errors.New("the claim could not be stored")

// taking is a claim on its way to the disk. What an attempt does first, asking
// Okta for the user, need not wait for that: whatever the claim is about was
// accepted before Okta is asked, and what comes later makes a promise of its
// own. Nothing is written, to the store or to ZenQMS, before the claim is
// durable; of one that fails nothing is left.
//
// A nil taking is a claim that is durable already.
type taking struct {
	over    chan struct{} // closed by end
	durable bool
}

func newTaking() *taking { return &taking{over: make(chan struct{})} }

// end says how it went. It has to be called, once.
func (t *taking) end(durable bool) {
	t.durable = durable
	close(t.over)
}

// came waits until it is known whether the claim is durable, and tells.
func (t *taking) came() bool {
	if t == nil {
		return true
	}
	<-t.over
	return t.durable
}
