package reconcile

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/zensync/zensync/reconcile/okta"
)

// mostBarren is how many pages in a row may bring nobody who is new to the
// reading. Okta may give empty pages with a next link, as for people whom our
// admin role does not see, but at 100 users a page these would be ten million.
// At the rate that Okta allows they take some hours.
const mostBarren = 100_000

// round notices that a list never ends though each of its pages has a link of
// its own, as where something in between answers every question for a page by
// itself: the client knows links alone, and a walk that never ends is the last
// one there is. Its errors are Okta's.
//
// To see soon that a list goes round in circles it compares with one earlier page,
// which is chosen anew after 1, 2, 4, 8... of them (Brent's algorithm). Pages of
// nobody say nothing there.
type round struct {
	barren int       // pages in a row that brought nobody new
	most   int       // of them
	mark   [2]string // the first and the last on the earlier page
	steps  int       // since it was chosen
	span   int       // it is chosen anew after so many
}

// newRound is for one list, from its first page on; most 0 is mostBarren.
func newRound(most int) round { return round{most: cmp.Or(most, mostBarren)} }

// next takes a page that was read.
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

// kept takes how many of a page's users were on no page of the list before it.
func (r *round) kept(fresh int64) error {
	if r.barren++; fresh > 0 {
		r.barren = 0
	}
	if r.barren >= r.most {
		return &okta.Error{Op: "read a list", Err: fmt.Errorf("%d pages one after the other brought nobody new: the list would never end", r.barren)}
	}
	return nil
}
