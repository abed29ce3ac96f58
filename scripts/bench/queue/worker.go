package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// workerQueue is the outbox drained by zensync's own worker, between
// imitations of Okta and ZenQMS in the same process: every job reads its user
// from Okta, decides, and records that nothing has to be done.
type workerQueue struct {
	*zensyncQueue
	org    *oktatest.Org
	worker *reconcile.Worker
}

func openWorker(ctx context.Context, folder string) (Queue, error) {
	opened, err := openZensync(ctx, folder)
	if err != nil {
		return nil, err
	}
	q := &workerQueue{zensyncQueue: opened.(*zensyncQueue), org: oktatest.New(oktatest.Options{Token: "token"})}
	if err := q.employ(ctx); err != nil {
		return nil, errors.Join(err, q.Close())
	}
	return q, nil
}

// employ makes the worker of a store that is deployed.
func (q *workerQueue) employ(ctx context.Context) error {
	account := zenqmstest.New(zenqmstest.Options{NoJournal: true})
	oktaClient, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token", Transport: q.org.Transport()})
	if err != nil {
		return err
	}
	zenqmsClient, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: zenqms.NoLimit, Transport: account.Transport()})
	if err != nil {
		return err
	}
	q.worker = &reconcile.Worker{DB: q.db, Okta: oktaClient, ZenQMS: zenqmsClient, Concurrency: concurrency,
		MaxAttempts: 12, BatchSize: 100, Log: slog.New(slog.DiscardHandler)}
	return q.db.Update(ctx, func(tx *store.Tx) error { return tx.SetSetting(store.LifeState, string(reconcile.Active)) })
}

// Fill links n users and asks for a look at each of them.
func (q *workerQueue) Fill(ctx context.Context, n int) error {
	for i := range n {
		q.org.Seed(oktatest.Profile{Email: fmt.Sprintf("p%d@example.com", i), FirstName: "P", LastName: fmt.Sprint(i)}, oktatest.Active)
	}
	var run int64
	if err := q.db.Update(ctx, func(tx *store.Tx) (err error) {
		run, err = tx.WantRun(store.InitialRun, "", tx.Now)
		return err
	}); err != nil {
		return err
	}
	if err := q.worker.Attend(ctx, "bench", reconcile.RunOver(run, nil)); err != nil {
		return err
	}
	return q.db.Update(ctx, func(tx *store.Tx) error {
		for _, u := range q.org.Users() {
			if err := promise(tx, u.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// Drain lets the worker work until the queue is empty.
func (q *workerQueue) Drain(ctx context.Context, _ int) error {
	return q.worker.Attend(ctx, "bench", func(tx *store.Tx) (bool, error) {
		queue, err := tx.Queue()
		return queue.Ready+queue.Waiting == 0, err
	})
}
