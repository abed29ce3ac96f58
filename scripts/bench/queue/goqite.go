package queue

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"time"

	"maragu.dev/goqite"
	"maragu.dev/goqite/jobs"
)

// goqiteSchema is schema_sqlite.sql of goqite 0.4.0, which it does not embed.
const goqiteSchema = `
create table goqite (
  id text primary key default ('m_' || lower(hex(randomblob(16)))),
  created text not null default (strftime('%Y-%m-%dT%H:%M:%fZ')),
  updated text not null default (strftime('%Y-%m-%dT%H:%M:%fZ')),
  queue text not null,
  body blob not null,
  timeout text not null default (strftime('%Y-%m-%dT%H:%M:%fZ')),
  received integer not null default 0,
  priority integer not null default 0
) strict;

create trigger goqite_updated_timestamp after update on goqite begin
  update goqite set updated = strftime('%Y-%m-%dT%H:%M:%fZ') where id = old.id;
end;

create index goqite_queue_priority_created_idx on goqite (queue, priority desc, created);`

type goqiteQueue struct {
	pool
	queue *goqite.Queue
}

func openGoqite(ctx context.Context, folder string) (Queue, error) {
	p, err := openPool(filepath.Join(folder, "goqite.db"), `SELECT count(*) FROM goqite`)
	if err != nil {
		return nil, err
	}
	if _, err := p.ExecContext(ctx, goqiteSchema); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	// A job that takes longer than Timeout would be received again.
	return &goqiteQueue{p, goqite.New(goqite.NewOpts{DB: p.DB, Name: "jobs", Timeout: time.Minute})}, nil
}

func (q *goqiteQueue) Enqueue(ctx context.Context, id string) error {
	_, err := jobs.Create(ctx, q.queue, "sync", goqite.Message{Body: []byte(id)})
	return err
}

func (q *goqiteQueue) Fill(ctx context.Context, n int) error {
	return q.inTx(ctx, func(tx *sql.Tx) error {
		for i := range n {
			if _, err := jobs.CreateTx(ctx, tx, q.queue, "sync", goqite.Message{Body: []byte(userID(int64(i)))}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p pool) inTx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := p.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Drain is tuned: 100 jobs at once, and the shortest poll that makes sense. By
// default it would do 20 jobs a second.
func (q *goqiteQueue) Drain(ctx context.Context, n int) error {
	done := newTally()
	done.want.Store(int64(n))
	runner := jobs.NewRunner(jobs.NewRunnerOpts{Limit: 100, PollInterval: time.Millisecond, Extend: time.Minute, Queue: q.queue})
	runner.Register("sync", func(context.Context, []byte) error {
		done.add()
		return nil
	})
	run, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		runner.Start(run)
	}()
	err := done.wait(ctx)
	if err == nil {
		err = q.empty(ctx)
	}
	stop()
	<-stopped
	return err
}
