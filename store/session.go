package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// session is one connection and the statements it has prepared. Parsing SQL is
// a third of what a small transaction costs (BenchmarkInitialSync), and the
// program has only some dozens of statements.
//
// It runs one transaction at a time and is not safe for concurrent use.
type session struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

// newSession takes a connection out of the pool for good.
func newSession(ctx context.Context, pool *sql.DB) (*session, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, prepared: map[string]*sql.Stmt{}}, nil
}

// stmt returns a statement, prepared once.
func (s *session) stmt(query string) (*sql.Stmt, error) {
	if stmt, ok := s.prepared[query]; ok {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(context.Background(), query)
	if err == nil {
		s.prepared[query] = stmt
	}
	return stmt, err
}

// do runs a statement that belongs to no transaction of the caller's: begin,
// commit and the like. It is not to be cancelled half-way.
func (s *session) do(query string) error {
	stmt, err := s.stmt(query)
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(context.Background())
	return err
}

func (s *session) close() error {
	var errs []error
	for _, stmt := range s.prepared {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, s.conn.Close())...)
}

// readerSessions is how many transactions may read at the same time: as many
// as syncs of a usual worker, for each reads a moment and then waits for the
// network.
const readerSessions = 8

// readers are the sessions that read, opened as they are first needed. The one
// used last is used next: it has the pages that everybody reads in its cache,
// and while one after the other reads, there is one cache and not eight.
type readers struct {
	pool *sql.DB
	free chan struct{} // as many as may still be taken

	mu   sync.Mutex
	idle []*session
}

func newReaders(pool *sql.DB) *readers {
	r := &readers{pool: pool, free: make(chan struct{}, readerSessions)}
	for range readerSessions {
		r.free <- struct{}{}
	}
	return r
}

// take waits for a free session.
func (r *readers) take(ctx context.Context) (*session, error) {
	select {
	case _, open := <-r.free:
		if !open {
			return nil, ErrClosed
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s := r.pop(); s != nil {
		return s, nil
	}
	s, err := newSession(context.WithoutCancel(ctx), r.pool)
	if err != nil {
		r.free <- struct{}{}
	}
	return s, err
}

// pop is the session that was given back last, nil when none is open and idle.
func (r *readers) pop() *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.idle) - 1
	if last < 0 {
		return nil
	}
	s := r.idle[last]
	r.idle = r.idle[:last]
	return s
}

// give returns a session; one whose transaction could not be ended is closed.
func (r *readers) give(s *session, ended bool) {
	if ended {
		r.mu.Lock()
		r.idle = append(r.idle, s)
		r.mu.Unlock()
	} else {
		_ = s.close() // it is of no use any more
	}
	r.free <- struct{}{}
}

// close waits for the sessions in use and closes all.
func (r *readers) close() error {
	for range readerSessions {
		<-r.free
	}
	close(r.free)
	var errs []error
	for s := r.pop(); s != nil; s = r.pop() {
		errs = append(errs, s.close())
	}
	return errors.Join(append(errs, r.pool.Close())...)
}
