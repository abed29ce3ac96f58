package queue

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/mikestefanello/backlite"
)

// backliteTask is the job.
type backliteTask struct{ ID string }

func (backliteTask) Config() backlite.QueueConfig {
	return backlite.QueueConfig{Name: "sync", MaxAttempts: 3, Timeout: time.Minute}
}

type backliteQueue struct {
	pool
	client *backlite.Client
	done   *tally
}

// openBacklite is tuned: 100 workers. With fewer it sleeps 100 ms whenever all
// of them are busy.
func openBacklite(_ context.Context, folder string) (Queue, error) {
	p, err := openPool(filepath.Join(folder, "backlite.db"), `SELECT count(*) FROM backlite_tasks`)
	if err != nil {
		return nil, err
	}
	q := &backliteQueue{pool: p, done: newTally()}
	q.client, err = backlite.NewClient(backlite.ClientConfig{DB: p.DB, NumWorkers: 100, ReleaseAfter: time.Hour})
	if err == nil {
		err = q.client.Install()
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	q.client.Register(backlite.NewQueue(func(context.Context, backliteTask) error {
		q.done.add()
		return nil
	}))
	return q, nil
}

func (q *backliteQueue) Enqueue(ctx context.Context, id string) error {
	_, err := q.client.Add(backliteTask{id}).Ctx(ctx).Save()
	return err
}

func (q *backliteQueue) Fill(ctx context.Context, n int) error {
	tasks := make([]backlite.Task, n)
	for i := range tasks {
		tasks[i] = backliteTask{userID(int64(i))}
	}
	_, err := q.client.Add(tasks...).Ctx(ctx).Save()
	return err
}

func (q *backliteQueue) Drain(ctx context.Context, n int) error {
	q.done.want.Store(int64(n))
	q.client.Start(ctx)
	err := q.done.wait(ctx)
	if err == nil {
		err = q.empty(ctx)
	}
	if !q.client.Stop(ctx) {
		err = errors.Join(err, errors.New("its workers did not stop"))
	}
	return err
}
