package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Progress of reading is told by functions of this form: how many rows were
// read, of how many; a total of 0 is not known.
type ReadProgress func(done, total int64)

// exportKeys are the keys of an exported row up to hash, each with what stands
// before its value.
var exportKeys = func() [][]byte {
	names := strings.Split(logColumns, ", ")
	keys := make([][]byte, len(names))
	for i, name := range names {
		keys[i] = []byte(`,"` + name + `":`)
	}
	keys[0][0] = '{'
	return keys
}()

// ExportLog writes the rows behind seq that were not archived, a JSON object a
// line, and returns the last. It reads and writes row by row, and does not check the chain:
// CheckExport does.
func (tx *Tx) ExportLog(to io.Writer, seq int64, progress ReadProgress) (Head, error) {
	last, err := tx.LogHead()
	if err != nil {
		return last, err
	}
	if seq > last.Seq {
		return last, fmt.Errorf("log: it ends at row %d, so there is none behind %d", last.Seq, seq)
	}
	gone, err := tx.Archived()
	if err != nil {
		return last, err
	}
	return last, tx.exportRows(to, max(seq, gone.Head.Seq)+1, last.Seq, progress)
}

// LogBefore is the end of the log's part that was written before a time: what is
// behind it is an export --after its number. some is false where there is no row
// since then.
func (tx *Tx) LogBefore(at time.Time) (before Head, some bool, err error) {
	var first int64
	if err := tx.row(`SELECT coalesce(min(seq), 0) FROM log INDEXED BY log_time WHERE time >= ?`, FormatTime(at)).Scan(&first); err != nil || first == 0 {
		return before, false, err
	}
	gone, err := tx.Archived()
	if err != nil || gone.Head.Seq >= first-1 {
		return gone.Head, true, err
	}
	_, err = tx.find(`SELECT seq, hash FROM log WHERE seq = ?`, []any{first - 1}, &before.Seq, &before.Hash)
	return before, true, err
}

// exportRows writes the rows from one to another. Where some are missing it
// writes those there are, and fails.
func (tx *Tx) exportRows(to io.Writer, first, last int64, progress ReadProgress) error {
	out := bufio.NewWriterSize(to, 1<<16)
	var line []byte
	missing := max(0, last-first+1)
	err := tx.eachLogRow(first, func(seq int64, fields []any, hash string) (err error) {
		if seq > last {
			return errEnough
		}
		missing--
		line = line[:0]
		for i, field := range append(fields, hash) {
			line = append(line, exportKeys[i]...)
			if line, err = appendValue(line, field); err != nil {
				return fmt.Errorf("row %d: %w; `zensync verify` says whether the log is as it was written", seq, err)
			}
		}
		if progress != nil && seq%progressEvery == 0 {
			progress(seq, last)
		}
		_, err = out.Write(append(line, '}', '\n'))
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err == nil && missing != 0 {
		err = fmt.Errorf("of the rows from %d to %d, %d are missing: somebody has deleted them; `zensync verify` names the first", first, last, missing)
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	return nil
}

// errEnough ends a reading that has come to its last row.
var errEnough = errors.New("that is the last row")

// Proof is what the check of an exported log has shown: that each row from
// First to Head follows from the one before. Nothing is known of rows before
// First.
type Proof struct {
	First int64 // 0: there is no row
	Head  Head
	// Whole says that First itself is as it was written, too. Of a part of a
	// log, whose first row follows from one that is not there, that shows only
	// with the hash of the row before it.
	Whole bool
}

// longestLine bounds a line of an exported log, in bytes: an error repeats
// what ZenQMS said, and is far shorter.
const longestLine = 16 << 20

// CheckExport reads what ExportLog wrote, and returns what that proves, or an
// error that names the first row that is not as it was written. The rows have
// to contain earlier, an end that was noted before, or follow from it; a zero
// one is not looked for.
func CheckExport(from io.Reader, earlier Head, progress ReadProgress) (Proof, error) {
	e := NewExportCheck(earlier)
	if err := e.Read(from, progress); err != nil {
		return e.proof, err
	}
	return e.End()
}

// ExportCheck is CheckExport for a log in more than one file: each goes on
// where the one before has ended.
type ExportCheck struct {
	c     chain
	proof Proof
	rows  int64
}

// NewExportCheck begins one.
func NewExportCheck(earlier Head) *ExportCheck { return &ExportCheck{c: chain{earlier: earlier}} }

// Read checks the next file.
func (e *ExportCheck) Read(from io.Reader, progress ReadProgress) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, 1<<16), longestLine)
	var row exportedRow
	for n := int64(1); lines.Scan(); n++ {
		err := row.read(lines.Bytes())
		switch {
		case err != nil:
			return fmt.Errorf("line %d, where row %d should stand: %w", n, e.c.head.Seq+1, err)
		case e.rows == 0:
			e.proof, err = e.c.begin(row)
		default:
			err = e.c.next(row.seq, row.values, row.hash)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if e.rows++; progress != nil && e.rows%progressEvery == 0 {
			progress(e.rows, 0)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("row after %d: %w", e.c.head.Seq, err)
	}
	return nil
}

// End is called after the last file, and returns what all of them prove.
func (e *ExportCheck) End() (Proof, error) {
	if err := e.c.end(); err != nil {
		return e.proof, err
	}
	e.proof.Head = e.c.head
	return e.proof, nil
}

// begin takes the first row of an exported log, which may be any.
func (c *chain) begin(row exportedRow) (Proof, error) {
	before := row.seq - 1
	proof := Proof{First: row.seq, Whole: before == 0 || before == c.earlier.Seq}
	switch {
	case !proof.Whole && c.earlier.Seq != 0 && c.earlier.Seq < before:
		return proof, fmt.Errorf("the file begins with row %d, so that it does not show whether row %d is the one that was noted", row.seq, c.earlier.Seq)
	case !proof.Whole:
		return proof, c.take(row.seq, row.hash)
	case before == c.earlier.Seq:
		c.head = c.earlier
	}
	return proof, c.next(row.seq, row.values, row.hash)
}

// exportedRow is a line of an exported log, taken apart.
type exportedRow struct {
	seq    int64
	values []byte // as in the canonical form
	hash   string
}

// errRewritten is about a line that another program wrote.
var errRewritten = errors.New("it is not in the form that `zensync export` writes: the file was cut, or another program has rewritten it")

// read takes a line apart. Values are not decoded: they have the form over
// which the hash was reckoned, and in any other they do not agree with it. But
// where one ends must be beyond doubt.
func (r *exportedRow) read(line []byte) (err error) {
	r.values = r.values[:0]
	for i, key := range exportKeys {
		rest, found := bytes.CutPrefix(line, key)
		end := valueEnd(rest)
		if !found || end == 0 {
			return errRewritten
		}
		value := rest[:end]
		line = rest[end:]
		switch {
		case i == 0:
			if r.seq, err = strconv.ParseInt(string(value), 10, 64); err != nil || r.seq < 1 {
				return errRewritten
			}
		case i == len(exportKeys)-1:
			r.hash = string(bytes.Trim(value, `"`))
			if value[0] != '"' || string(line) != "}" {
				return errRewritten
			}
			return nil
		default:
			r.values = append(r.values, ',')
		}
		r.values = append(r.values, value...)
	}
	return errRewritten
}

// valueEnd is the length of the string, whole number or null at the start of
// text, 0 when there is none.
func valueEnd(text []byte) int {
	switch {
	case len(text) == 0:
		return 0
	case bytes.HasPrefix(text, []byte("null")):
		return len("null")
	case text[0] != '"':
		n := 0
		for n < len(text) && (text[n] == '-' || text[n] >= '0' && text[n] <= '9') {
			n++
		}
		return n
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}
