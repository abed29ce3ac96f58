package reconcile

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/zensync/zensync/reconcile/zenqms"
)

// pagesAhead is how many pages of ZenQMS's list are asked for at the same time:
// an initial sync makes no other call until it has read them all. It is half of
// zenqms.concurrency unless told otherwise, so that hooks find room beside it.
const pagesAhead = 4

// readPage is a page on its way.
type readPage struct {
	listed zenqms.Listed
	asked  time.Time // when ZenQMS was asked for it
	err    error
}

// eachAccountPage reads the list of all accounts and tells keep of each page,
// in their order. asked is a time before the page was read, and after the call
// began. A page beyond those that the total speaks of is asked for only where
// the one before it calls for it.
func eachAccountPage(ctx context.Context, from accounts, now func() time.Time, keep func(users []zenqms.User, asked time.Time) error) error {
	var readers errgroup.Group
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		_ = readers.Wait() // none has an error: what they read no longer matters
	}()
	var ahead []chan readPage // those under way, in their order
	next, last := 1, 1        // the page to ask for next, and the last one that there is by all that is known
	for number := 1; ; number++ {
		for len(ahead) == 0 || len(ahead) < pagesAhead && next <= last {
			page, to := next, make(chan readPage, 1)
			readers.Go(func() error {
				to <- fetchPage(ctx, from, now, page)
				return nil
			})
			ahead, next = append(ahead, to), next+1
		}
		read := <-ahead[0]
		ahead = ahead[1:]
		page, err := zenqms.Page{}, read.err
		if err == nil {
			page, err = from.Follow(read.listed)
		}
		if err != nil {
			return fmt.Errorf("read the users of ZenQMS, page %d: %w", number, err)
		}
		if err := keep(page.Users, read.asked); err != nil || !page.More {
			return err
		}
		if number == 1 {
			last = (page.Total + len(page.Users) - 1) / len(page.Users) // a page that is not the last is not empty
		}
	}
}

func fetchPage(ctx context.Context, from accounts, now func() time.Time, page int) (r readPage) {
	r.listed, r.err = patiently(ctx, func(ctx context.Context) (zenqms.Listed, error) {
		r.asked = now()
		return from.Fetch(ctx, page)
	})
	return r
}
