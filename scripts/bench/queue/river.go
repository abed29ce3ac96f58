package queue

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

// riverArgs is the job.
type riverArgs struct {
	ID string `json:"id"`
}

func (riverArgs) Kind() string { return "sync" }

type riverWorker struct {
	river.WorkerDefaults[riverArgs]
	done *tally
}

func (w *riverWorker) Work(context.Context, *river.Job[riverArgs]) error {
	w.done.add()
	return nil
}

type riverQueue struct {
	pool
	client *river.Client[*sql.Tx]
	done   *tally
}

// openRiver is tuned: 100 workers, and pauses as short as make sense. By
// default it fetches 100 jobs every 100 ms.
func openRiver(ctx context.Context, folder string) (_ Queue, err error) {
	p, err := openPool(filepath.Join(folder, "river.db"), `SELECT count(*) FROM river_job WHERE state <> 'completed'`)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	driver, silent := riversqlite.New(p.DB), slog.New(slog.DiscardHandler)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: silent})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	q := &riverQueue{pool: p, done: newTally()}
	workers := river.NewWorkers()
	river.AddWorker(workers, &riverWorker{done: q.done})
	q.client, err = river.NewClient(driver, &river.Config{
		Queues:        map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 100}},
		FetchCooldown: time.Millisecond, FetchPollInterval: 5 * time.Millisecond,
		Workers: workers, Logger: silent,
	})
	return q, err
}

func (q *riverQueue) Enqueue(ctx context.Context, id string) error {
	_, err := q.client.Insert(ctx, riverArgs{id}, nil)
	return err
}

func (q *riverQueue) Fill(ctx context.Context, n int) error {
	params := make([]river.InsertManyParams, n)
	for i := range params {
		params[i] = river.InsertManyParams{Args: riverArgs{userID(int64(i))}}
	}
	_, err := q.client.InsertManyFast(ctx, params)
	return err
}

func (q *riverQueue) Drain(ctx context.Context, n int) error {
	q.done.want.Store(int64(n))
	if err := q.client.Start(ctx); err != nil {
		return err
	}
	err := q.done.wait(ctx)
	if err == nil {
		err = q.empty(ctx)
	}
	return errors.Join(err, q.client.Stop(ctx))
}
