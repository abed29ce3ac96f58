package zenqms

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
)

// mostPages is what no list of ZenQMS's has: ten million accounts at 100 a page, and a
// million at ten. At ten calls a second they take three hours.
const mostPages = 100_000

// row is what a search lists.
type row interface{ rowID() string }

func (w wireUser) rowID() string { return w.ID.text }
func (w wireRole) rowID() string { return w.ID.text }

// search asks for one page. A page without a list, or with a row that is not
// whole, is an answer that could not be read.
func search[W row](ctx context.Context, c *Client, op, path string, q wireQuery) (wirePage[W], error) {
	var w wirePage[W]
	if err := c.call(ctx, request{op: op, method: methodSearch, path: path, body: q}, &w); err != nil {
		return wirePage[W]{}, err
	}
	if !w.Data.given {
		return wirePage[W]{}, &Error{Op: op, Message: "the answer has no list named data"}
	}
	for _, r := range w.Data.list {
		if r.rowID() == "" {
			return wirePage[W]{}, &Error{Op: op, Message: "a row in the answer has no id"}
		}
		if u, ok := any(r).(wireUser); ok && !u.whole() {
			// Reading it as inactive would let a leaver keep his account.
			return wirePage[W]{}, &Error{Op: op, Message: "user " + c.words(u.ID.text, maxFieldMessage) + " in the answer has no is_active"}
		}
	}
	return w, nil
}

// scan asks for page after page of a search and hands each row to fn, until
// fn returns false or the rows end.
func scan[W row](ctx context.Context, c *Client, op, path string, q wireQuery, fn func(W) bool) error {
	var trail pageTrail
	q.PageSize = pageSize
	for q.Page = 1; ; q.Page++ {
		w, err := search[W](ctx, c, op, path, q)
		if err != nil {
			return err
		}
		repeated, more, err := follow(op, &trail, q.Page, w)
		if repeated || err != nil {
			return err
		}
		for _, r := range w.Data.list {
			if !fn(r) {
				return nil
			}
		}
		if !more {
			return nil
		}
	}
}

// follow tells whether a page is its predecessor over again, and whether
// another must be asked for. A short page ends the rows only if the total
// agrees with what was seen and ZenQMS says how long its pages are; whatever
// is in doubt costs one more call, which finds an empty page. Pages that go
// round in circles, and more of them than there can be, are an error.
func follow[W row](op string, trail *pageTrail, page int, w wirePage[W]) (repeated, more bool, err error) {
	ids := make([]string, 0, len(w.Data.list))
	for _, r := range w.Data.list {
		ids = append(ids, r.rowID())
	}
	repeated, circles, seen := trail.step(page, ids)
	if page >= mostPages && !repeated && len(ids) > 0 {
		return false, false, &Error{Op: op, Message: fmt.Sprintf("page %d is not the last: the list would never end", page)}
	}
	if circles {
		return false, false, &Error{Op: op, Message: fmt.Sprintf("page %d has the rows of a page before it: the list would never end", page)}
	}
	if repeated || len(ids) == 0 {
		return repeated, false, nil
	}
	size, sizeStated := w.PageSize.count()
	total, totalStated := w.Total.count()
	if !sizeStated || !totalStated || len(ids) >= min(size, pageSize) {
		return false, true, nil
	}
	return false, seen < total, nil
}

// count reads a number of rows.
func (o opaque) count() (n int, stated bool) {
	n, err := strconv.Atoi(o.text)
	return n, err == nil && n >= 0
}

// pageTrail remembers the page read last, and one before it that is chosen anew
// at pages 1, 2, 4, 8... to notice that the pages go round in circles (Brent's
// algorithm). Readers that share one disturb each other's memory, at the cost
// of a call more before an end is noticed.
type pageTrail struct {
	mu     sync.Mutex
	page   int
	before int // rows on the pages before it
	ids    []string
	mark   int      // the page chosen
	marked []string // its rows
}

// step notes a page and tells whether it holds the same rows as the page
// before it, whether those of another one before it, and how many rows were
// seen up to its end.
func (t *pageTrail) step(page int, ids []string) (repeated, circles bool, seen int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.before // the same page again
	switch page {
	case 1:
		before = 0
	case t.page + 1:
		before = t.before + len(t.ids)
		repeated = len(ids) > 0 && slices.Equal(ids, t.ids)
	case t.page:
	default:
		before = (page - 1) * pageSize
	}
	t.page, t.before, t.ids = page, before, ids
	circles = !repeated && len(ids) > 0 && page > t.mark && slices.Equal(ids, t.marked)
	if page == 1 || page >= 2*t.mark {
		t.mark, t.marked = page, ids
	}
	return repeated, circles, before + len(ids)
}
