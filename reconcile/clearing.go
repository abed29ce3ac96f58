package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

const (
	// clearingBatch is how many links are read from the store at once.
	clearingBatch = 100
	// tooManyRequests is how often one account is tried again when ZenQMS
	// answers 429.
	tooManyRequests = 10
)

// linked is an account whose external_id is to be cleared.
type linked struct {
	oktaID    string
	takenFrom string // another Okta id of ours it may still carry, "" for none
	zenqmsID  string
	email     string
}

// owns tells whether an external_id is one this link gave the account.
func (l linked) owns(externalID string) bool {
	return externalID != "" && (externalID == l.oktaID || externalID == l.takenFrom)
}

// clearing takes the external_id from one account after the other. Each is
// done for good before the next of the same goroutine begins, so that it may
// be broken off anywhere.
type clearing struct {
	*Unlink
	run      int64
	progress func(done, total int64) // may be nil
	total    int64

	mu     sync.Mutex
	done   int64
	failed int64
	inARow int   // how many in a row ZenQMS did not answer
	fatal  error // what fails for all
}

// all clears every link, and then what a survey of ZenQMS found. To end it
// early, ctx is ended: calls under way may still take a moment, so that little
// is half known.
func (c *clearing) all(ctx context.Context, found []Stray) error {
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastCalls, cancel) })()

	if err := c.DB.View(ctx, func(tx *store.Tx) error {
		links, err := tx.LinkCount()
		c.total += links.Active + links.Inactive
		return err
	}); err != nil {
		return err
	}
	for after := ""; ; {
		var batch []linked
		if err := c.DB.View(ctx, func(tx *store.Tx) error {
			links, err := tx.LinksAfter(after, clearingBatch)
			for _, l := range links {
				after = l.OktaID
				batch = append(batch, linked{oktaID: l.OktaID, takenFrom: l.TakenFrom, zenqmsID: l.ZenQMSID, email: l.Email})
			}
			return err
		}); err != nil {
			return err
		}
		if len(batch) == 0 {
			break
		}
		if err := c.batch(ctx, calls, batch); err != nil {
			return err
		}
	}
	strays := make([]linked, len(found))
	for i, s := range found {
		strays[i] = linked{oktaID: s.OktaID, zenqmsID: s.ZenQMSID, email: s.Email}
	}
	return c.batch(ctx, calls, strays)
}

// batch clears some accounts, several at once.
func (c *clearing) batch(ctx, calls context.Context, batch []linked) error {
	var group errgroup.Group
	group.SetLimit(max(1, c.Concurrency))
	for _, l := range batch {
		group.Go(func() error {
			if ctx.Err() != nil || c.stopped() != nil {
				return nil
			}
			return c.one(calls, l)
		})
	}
	if err := errors.Join(group.Wait(), c.stopped()); err != nil {
		return err
	}
	return ctx.Err()
}

func (c *clearing) stopped() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fatal
}

// one clears one account and records what came of it. Its error is the
// store's.
func (c *clearing) one(ctx context.Context, l linked) error {
	old, why, err := c.clear(ctx, l)
	for range tooManyRequests { // the client waits as long as was asked for
		if err == nil || judge(err) != retryAfter {
			break
		}
		old, why, err = c.clear(ctx, l)
	}
	if cutOff(err) {
		return nil // nothing is known; the next to run looks again
	}
	if fatal := c.weigh(ctx, err); fatal != nil {
		c.mu.Lock()
		c.fatal = fatal
		c.mu.Unlock()
		return nil
	}
	outcome := store.OutcomeOK
	switch {
	case err != nil:
		outcome, why = store.OutcomeFailed, err.Error()
	case old == "":
		outcome = store.OutcomeUnchanged
	}
	if err := c.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return c.record(tx, l, outcome, old, why) }); err != nil {
		return fmt.Errorf("record the unlinking of %s: %w", l.oktaID, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done++; err != nil {
		c.failed++
	}
	if c.progress != nil {
		c.progress(c.done, c.total)
	}
	return nil
}

// clear sets an account's external_id to null if it is the link's own. old is
// what was cleared, "" when there was nothing to, and then why says so.
func (c *clearing) clear(ctx context.Context, l linked) (old, why string, err error) {
	account, err := c.ZenQMS.ByID(ctx, l.zenqmsID)
	switch {
	case zenqms.IsNotFound(err):
		return "", "ZenQMS has no such user any more", nil
	case err != nil:
		return "", "", err
	case account.ExternalID == "":
		return "", "the account carries no external_id any more", nil
	case !l.owns(account.ExternalID):
		return "", fmt.Sprintf("the account carries another external_id, %s, which is left alone", account.ExternalID), nil
	}
	none := ""
	after, err := c.ZenQMS.Update(ctx, l.zenqmsID, zenqms.Patch{ExternalID: &none})
	switch {
	case zenqms.IsNotFound(err):
		return "", "ZenQMS has no such user any more", nil
	case err != nil:
		return "", "", err
	case after.ExternalID != "":
		return "", "", errors.New("ZenQMS took the call, and the account still carries its external_id")
	}
	return account.ExternalID, "", nil
}

// weigh tells whether an error concerns all accounts: a refused credential, or
// a ZenQMS that does not answer. The others are the account's own.
func (c *clearing) weigh(ctx context.Context, err error) error {
	c.mu.Lock()
	if err != nil && judge(err) == retryLater {
		c.inARow++
	} else {
		c.inARow = 0
	}
	outage := c.inARow >= outageAfter
	c.mu.Unlock()
	switch {
	case err == nil:
		return nil
	case judge(err) == credential, outage:
		return err
	case judge(err) == forbidden:
		if probe := c.ZenQMS.Ping(ctx); judge(probe) == credential || judge(probe) == forbidden {
			return err
		}
	}
	return nil
}

// record writes down one outcome, with the end of the link, in one
// transaction. After a failure the link stays, to be tried again.
func (c *clearing) record(tx *store.Tx, l linked, outcome store.Outcome, old, why string) error {
	row := store.LogRow{Origin: "unlink", Run: c.run, Actor: c.Actor, OktaID: l.oktaID, ZenQMSID: l.zenqmsID,
		Action: store.ActUnlink, Outcome: outcome, Error: why}
	if outcome == store.OutcomeOK {
		row.Changes = map[string]store.Change{fieldExternalID: {Old: old, New: nil}}
	}
	if err := tx.AppendLog(row); err != nil {
		return err
	}
	if err := tx.PutUnlinked(store.Unlinked{Run: c.run, OktaID: l.oktaID, ZenQMSID: l.zenqmsID, Email: l.email,
		Outcome: outcome, Error: why}); err != nil || outcome == store.OutcomeFailed {
		return err
	}
	link, found, err := tx.Link(l.oktaID)
	if err != nil || !found || link.ZenQMSID != l.zenqmsID {
		return err
	}
	return tx.DropLink(l.oktaID)
}
