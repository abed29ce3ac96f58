package store

import "fmt"

// CheckDurable asks the connection whether what it commits is on disk by then:
// it has to write ahead and to flush at every commit. Asking for it is not
// enough: where a file system cannot have a write-ahead log, or a pragma has a
// typing error, SQLite goes on without a word. Open has checked the connection
// that Update uses.
func (tx *Tx) CheckDurable() error {
	const full = 2 // https://www.sqlite.org/pragma.html#pragma_synchronous
	var journal string
	var synchronous int
	if err := tx.row(`PRAGMA journal_mode`).Scan(&journal); err != nil {
		return err
	}
	if err := tx.row(`PRAGMA synchronous`).Scan(&synchronous); err != nil {
		return err
	}
	if journal != "wal" || synchronous != full {
		return fmt.Errorf("a commit would not be durable: journal_mode is %s and synchronous is %d, not wal and %d (the store has to be on a local disk)",
			journal, synchronous, full)
	}
	return nil
}
