package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Archiving is what old rows of the log are to be moved out of the store by.
type Archiving struct {
	Before   time.Time // rows recorded before it go
	File     string    // where to; it must not be there, unless an archiving that was broken off made it
	Actor    string
	Reason   string
	Progress ReadProgress // may be nil
}

// Segment is a part of the log that stands in a file.
type Segment struct {
	First  int64 // its first row; 0: there is none
	Head   Head  // its last
	File   string
	SHA256 string // of the file, in hex
}

// Keys of the changes of an archive's row. The table's triggers know the last.
const (
	archiveFirst = "first"
	archiveLast  = "last"
	archiveHash  = "hash"
	archiveFile  = "file"
	archiveSum   = "sha256"
)

const (
	// archiveFolders is what folders are called in which a segment is written.
	archiveFolders = ".zensync-archive-*"
	// archivedRows is how many rows are deleted in one transaction: a few
	// milliseconds, for which the relay may have to wait.
	archivedRows = 500
)

// ArchivePart is held by whoever moves rows of the log out of the store.
const ArchivePart Part = "archive"

// Archive moves the log's rows from before a time into a file. It cuts only
// between attempts. The file is written, proved row by row and on disk before a
// row of the log says who moved what where, and rows are deleted only after
// that, a few at a time. Killed at any moment, nothing is lost, and to do it
// again goes on. Where nothing is as old, the Segment is zero.
func (db *DB) Archive(ctx context.Context, a Archiving) (s Segment, err error) {
	lock, err := db.TryLock(ArchivePart, "archive")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	left, err := db.deleteArchived(ctx) // by one that was broken off
	if err != nil {
		return s, err
	}
	if left > 0 {
		if s, err = db.lastSegment(ctx); err != nil || s.File == a.File {
			return s, err // it was this one
		}
	}
	if s, err = db.writeSegment(ctx, a); err != nil || s.First == 0 {
		return s, err
	}
	if err := db.Update(ctx, func(tx *Tx) error { return tx.noteArchived(a, s) }); err != nil {
		return s, err
	}
	_, err = db.deleteArchived(context.WithoutCancel(ctx))
	return s, err
}

func (db *DB) lastSegment(ctx context.Context) (s Segment, err error) {
	err = db.View(ctx, func(tx *Tx) error {
		s, err = tx.Archived()
		return err
	})
	return s, err
}

// Archived is the last segment that left the store, zero when none did.
func (tx *Tx) Archived() (s Segment, err error) {
	_, err = tx.find(`
		SELECT changes ->> '$.first.new', changes ->> '$.last.new', changes ->> '$.hash.new', changes ->> '$.file.new', changes ->> '$.sha256.new'
		FROM log WHERE action = 'archive' AND outcome = 'ok' ORDER BY seq DESC LIMIT 1`, nil, &s.First, &s.Head.Seq, &s.Head.Hash, &s.File, &s.SHA256)
	if err != nil {
		return s, fmt.Errorf("log: look for what was archived: %w", err)
	}
	return s, nil
}

// LogBegins is when the first row of the log was written that was not archived,
// zero of an empty log.
func (tx *Tx) LogBegins() (at time.Time, err error) {
	gone, err := tx.Archived()
	if err == nil {
		_, err = tx.find(`SELECT time FROM log WHERE seq > ? ORDER BY seq LIMIT 1`, []any{gone.Head.Seq}, timeOf{&at})
	}
	return at, err
}

// cutBefore is the segment of what is older than a time and still here.
func (tx *Tx) cutBefore(before time.Time) (s Segment, err error) {
	gone, err := tx.Archived()
	if err != nil {
		return s, err
	}
	head, err := tx.LogHead()
	if err != nil {
		return s, err
	}
	last, young := head.Seq, int64(0)
	if found, err := tx.find(`SELECT seq FROM log WHERE seq > ? AND time >= ? ORDER BY seq LIMIT 1`, []any{gone.Head.Seq, FormatTime(before)}, &young); err != nil {
		return s, err
	} else if found {
		last = young - 1
	}
	for split := true; split; { // an attempt that goes on behind the cut stays whole
		var begun int64
		if err := tx.row(`SELECT coalesce(min(attempt), 0) FROM log WHERE seq > ?`, last).Scan(&begun); err != nil {
			return s, err
		}
		if split = begun > 0 && begun <= last; split {
			last = begun - 1
		}
	}
	if last <= gone.Head.Seq {
		return s, nil
	}
	s.First, s.Head.Seq = gone.Head.Seq+1, last
	return s, tx.row(`SELECT hash FROM log WHERE seq = ?`, last).Scan(&s.Head.Hash)
}

// writeSegment has what is to go in the file, whole and on disk.
func (db *DB) writeSegment(ctx context.Context, a Archiving) (s Segment, err error) {
	work, err := scratchBeside(a.File, archiveFolders)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, work.remove()) }()
	made := a.File
	err = db.View(ctx, func(tx *Tx) error {
		gone, err := tx.Archived()
		if err != nil {
			return err
		}
		if exists(a.File) {
			s, err = tx.segmentIn(a.File, gone.Head)
			return err
		}
		made = work.file("segment")
		if s, err = tx.cutBefore(a.Before); err != nil || s.First == 0 {
			return err
		}
		return tx.fillSegment(made, s, gone.Head, a.Progress)
	})
	if err != nil || s.First == 0 {
		return s, err
	}
	s.File = a.File
	if s.SHA256, err = sumFile(made); err != nil {
		return s, err
	}
	if made == a.File {
		return s, syncFile(a.File)
	}
	return s, settleAs(made, a.File, false)
}

// fillSegment writes a segment and proves what was written.
func (tx *Tx) fillSegment(name string, s Segment, before Head, progress ReadProgress) error {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := tx.exportRows(file, s.First, s.Head.Seq, progress); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	proof, err := CheckExport(file, before, progress)
	if err != nil {
		return fmt.Errorf("log: what was to be archived is not as it was written, and stays: %w", err)
	}
	if proof != (Proof{First: s.First, Head: s.Head, Whole: true}) {
		return fmt.Errorf("log: %s was to hold rows %d to %d, and holds %d to %d", name, s.First, s.Head.Seq, proof.First, proof.Head.Seq)
	}
	return nil
}

// segmentIn is the segment in a file that an archiving made which was broken
// off. Any other file is taken.
func (tx *Tx) segmentIn(name string, before Head) (s Segment, err error) {
	file, err := os.Open(name)
	if err != nil {
		return s, err
	}
	defer file.Close()
	proof, err := CheckExport(file, before, nil)
	if err != nil || !proof.Whole || proof.First != before.Seq+1 {
		return s, taken(name)
	}
	var hash string
	if found, err := tx.find(`SELECT hash FROM log WHERE seq = ?`, []any{proof.Head.Seq}, &hash); err != nil || !found || hash != proof.Head.Hash {
		return s, errors.Join(err, taken(name))
	}
	return Segment{First: proof.First, Head: proof.Head}, nil
}

// noteArchived writes the row that lets a segment go, and keeps what reports of
// the present ask of it.
func (tx *Tx) noteArchived(a Archiving, s Segment) error {
	if err := tx.run(`
		INSERT INTO granted (okta_id, role, since)
		SELECT log.okta_id, given.value, max(log.time)
		FROM log JOIN link ON link.okta_id = log.okta_id, json_each(log.changes, '$.roles.new') AS given
		WHERE log.seq <= ? AND log.action = 'add_role' AND log.outcome = 'ok'
		GROUP BY log.okta_id, given.value
		ON CONFLICT (okta_id, role) DO UPDATE SET since = max(since, excluded.since)`, s.Head.Seq); err != nil {
		return fmt.Errorf("log: keep since when roles are held: %w", err)
	}
	changes := map[string]Change{archiveFirst: {New: s.First}, archiveLast: {New: s.Head.Seq}, archiveHash: {New: s.Head.Hash},
		archiveFile: {New: s.File}, archiveSum: {New: s.SHA256}}
	if a.Reason != "" {
		changes["reason"] = Change{New: a.Reason}
	}
	return tx.AppendLog(LogRow{Origin: "operator", Actor: a.Actor, Action: ActArchive, Outcome: OutcomeOK, Changes: changes})
}

// deleteArchived deletes the rows that stand in a segment, a few at a time: all
// at once would keep the relay from answering Okta.
func (db *DB) deleteArchived(ctx context.Context) (deleted int64, err error) {
	for more := true; more; {
		if err := db.Update(ctx, func(tx *Tx) error {
			gone, err := tx.Archived()
			if err != nil {
				return err
			}
			n, err := tx.count(`DELETE FROM log WHERE seq IN (SELECT seq FROM log WHERE seq <= ? ORDER BY seq LIMIT ?)`, gone.Head.Seq, archivedRows)
			deleted, more = deleted+n, n > 0
			return err
		}); err != nil {
			return deleted, fmt.Errorf("log: delete what was archived: %w", err)
		}
	}
	return deleted, nil
}

func sumFile(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}
