package reconcile

import (
	"errors"

	"github.com/zensync/zensync/reconcile/okta"
)

// round notices that a list goes round in circles though each of its pages has a
// link of its own, as where something in between answers every question for a
// page with the same one: the client knows links alone, and a walk that never
// ends is the last one there is. It compares with one earlier page, which is
// chosen anew after 1, 2, 4, 8... of them (Brent's algorithm). Pages of nobody say
// nothing.
type round struct {
	mark  [2]string // the first and the last on the earlier page
	steps int       // since it was chosen
	span  int       // it is chosen anew after so many
}

// next takes a page. Its error is Okta's.
func (r *round) next(page []okta.User) error {
	if len(page) == 0 {
		return nil
	}
	ends := [2]string{page[0].ID, page[len(page)-1].ID}
	if r.span > 0 && ends == r.mark {
		return &okta.Error{Op: "read a list", Err: errors.New("a page has the same users as one that came before, and a link of its own: the list would never end")}
	}
	if r.steps++; r.steps >= r.span {
		r.mark, r.steps, r.span = ends, 0, max(1, 2*r.span)
	}
	return nil
}
