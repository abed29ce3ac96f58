package store

import (
	"errors"
	"fmt"
)

// ErrSuperseded is what CheckEpoch returns.
var ErrSuperseded = errors.New("another worker has taken over while this one was at work: the lock file of the worker, beside the database, was removed or replaced; leave it where it is, and one worker running")

// StartEpoch begins the reign of a new worker: what an earlier one left
// running is open again. The caller holds the worker's lock.
func (tx *Tx) StartEpoch() (int64, error) {
	var epoch int64
	if err := tx.row(`
		INSERT INTO setting (key, value, changed) VALUES ('worker_epoch', '1', ?)
		ON CONFLICT (key) DO UPDATE SET value = value + 1, changed = excluded.changed
		RETURNING CAST(value AS INTEGER)`, FormatTime(tx.Now)).Scan(&epoch); err != nil {
		return 0, fmt.Errorf("begin as the worker: %w", err)
	}
	if err := tx.run(`UPDATE outbox INDEXED BY outbox_running SET state = 'open', due = min(due, ?) WHERE state = 'running'`, FormatTime(tx.Now)); err != nil {
		return 0, fmt.Errorf("take over what an earlier worker left: %w", err)
	}
	return epoch, nil
}

// CheckEpoch is an error once another worker reigns. The lock leaves that to who
// removes its file, as one may who takes it for one that a dead worker has left.
func (tx *Tx) CheckEpoch(epoch int64) error {
	var now int64
	if err := tx.row(`SELECT CAST(value AS INTEGER) FROM setting WHERE key = 'worker_epoch'`).Scan(&now); err != nil || now == epoch {
		return err
	}
	return ErrSuperseded
}
