package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// logColumns are the columns of the log in the order of the canonical form,
// which the table's comment describes, and the hash behind them.
const logColumns = `seq, attempt, time, origin, run, event, actor, okta_id, zenqms_id, action, outcome, changes, error, hash`

// chain follows the log from row to row, and fails at the first that does not
// follow. The zero value is one that begins with row 1.
type chain struct {
	head    Head // the last row seen
	earlier Head // an end that was noted before, and has to be met; zero: none
	cut     *cut // the last restore of an older copy after which earlier cannot be met
	form    []byte
}

// next takes the row that should follow: its number, the values of its
// canonical form, and the hash it bears.
func (c *chain) next(seq int64, values []byte, hash string) error {
	switch {
	case seq < 1:
		return fmt.Errorf("row %d was not written by zensync, which counts from 1", seq)
	case seq != c.head.Seq+1:
		return fmt.Errorf("row %d is missing", c.head.Seq+1)
	}
	c.form = appendForm(c.form[:0], c.head.Hash, values)
	if hash != sum(c.form) {
		return fmt.Errorf("row %d is not as it was written", seq)
	}
	c.noteCut(seq, values)
	return c.take(seq, hash)
}

// take makes a row the head, and holds it against the one that was noted.
func (c *chain) take(seq int64, hash string) error {
	c.head = Head{Seq: seq, Hash: hash}
	if seq == c.earlier.Seq && hash != c.earlier.Hash {
		return c.explain(fmt.Errorf("row %d is not the one that was noted: the log was written anew", seq))
	}
	return nil
}

// end is called after the last row.
func (c *chain) end() error {
	if c.head.Seq < c.earlier.Seq {
		return c.explain(fmt.Errorf("it ends at row %d, and row %d was noted: its tail was cut", c.head.Seq, c.earlier.Seq))
	}
	return nil
}

// progressEvery is how many rows are read between two calls of a progress.
const progressEvery = 10_000

// CheckLog reads the whole chain and returns its end, or an error that names
// the first row that is not as it was written. Where rows were archived, it
// begins behind the last of them, whose hash the archive's own row has. The
// chain has to contain
// earlier, an end that was noted before; a zero one is not looked for.
// progress is told now and then how many rows of how many were read; it may
// be nil.
func (tx *Tx) CheckLog(earlier Head, progress ReadProgress) (Head, error) {
	last, err := tx.LogHead()
	if err != nil {
		return Head{}, err
	}
	gone, err := tx.Archived()
	if err != nil {
		return Head{}, err
	}
	if last.Seq == 0 {
		if version, err := tx.Setting(VersionSeen); err != nil {
			return Head{}, err
		} else if version != "" { // whoever works first notes it with a row of the log
			return Head{}, errors.New("log: row 1 is missing: it is empty, and this store was worked with: somebody has deleted all of it")
		}
	}
	c := chain{earlier: earlier}
	if gone.Head.Seq > 0 {
		if earlier.Seq > 0 && earlier.Seq < gone.Head.Seq {
			return last, fmt.Errorf("log: row %d, which was noted, is archived: `zensync verify --head` with the file that has it shows whether it is as noted (rows %d to %d are in %s)",
				earlier.Seq, gone.First, gone.Head.Seq, gone.File)
		}
		if err := c.take(gone.Head.Seq, gone.Head.Hash); err != nil {
			return last, fmt.Errorf("log: %w", err)
		}
	}
	var values []byte
	err = tx.eachLogRow(math.MinInt64, func(seq int64, fields []any, hash string) error {
		if seq >= 1 && seq <= gone.Head.Seq { // it stands in the file, and is about to be deleted here
			return nil
		}
		if values, err = appendValues(values[:0], fields); err != nil {
			return fmt.Errorf("row %d is not as it was written: %w", seq, err)
		}
		if progress != nil && seq%progressEvery == 0 {
			progress(seq, last.Seq)
		}
		return c.next(seq, values, hash)
	})
	if err == nil {
		err = c.end()
	}
	if err != nil {
		err = fmt.Errorf("log: %w", err)
	}
	return c.head, err
}

// eachLogRow calls fn with every row from a number on, in their order. fields
// are the columns but the hash; fn must not keep them.
func (tx *Tx) eachLogRow(from int64, fn func(seq int64, fields []any, hash string) error) error {
	rows, err := tx.query(`SELECT `+logColumns+` FROM log WHERE seq >= ? ORDER BY seq`, from)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	var hash string
	fields := make([]any, len(names)-1)
	dest := make([]any, 0, len(names))
	for i := range fields {
		dest = append(dest, &fields[i])
	}
	dest = append(dest, &hash)
	for seq := int64(0); rows.Next(); {
		if err := rows.Scan(dest...); err != nil {
			return fmt.Errorf("row after %d: %w", seq, err)
		}
		seq = fields[0].(int64) // the table's key
		if err := fn(seq, fields, hash); err != nil {
			return err
		}
	}
	return rows.Err()
}

// chainHash is the hash of a row with these values that follows the row with
// the hash before.
func chainHash(before string, values []byte) string { return sum(appendForm(nil, before, values)) }

func sum(form []byte) string {
	digest := sha256.Sum256(form)
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], digest[:])
	return string(text[:])
}

// appendForm appends a row's canonical form.
func appendForm(b []byte, before string, values []byte) []byte {
	b = append(b, `["`...)
	b = append(b, before...)
	b = append(b, `",`...)
	b = append(b, values...)
	return append(b, ']')
}

// appendValues appends the values of a row as they stand in its canonical
// form, with commas between.
func appendValues(b []byte, fields []any) (_ []byte, err error) {
	for i, field := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, field); err != nil {
			return b, err
		}
	}
	return b, nil
}

func appendValue(b []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(b, "null"...), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case string:
		if !utf8.ValidString(v) {
			return b, fmt.Errorf("%q is not UTF-8", v)
		}
		return appendString(b, v), nil
	}
	return b, fmt.Errorf("%T is neither text nor a number", value)
}

// appendString appends a text as JSON. There is more than one way to write a
// text as JSON; this one is what the table's comment says.
func appendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i, r := range s {
		var escape string
		switch {
		case r == '"':
			escape = `\"`
		case r == '\\':
			escape = `\\`
		case r == '\b':
			escape = `\b`
		case r == '\t':
			escape = `\t`
		case r == '\n':
			escape = `\n`
		case r == '\f':
			escape = `\f`
		case r == '\r':
			escape = `\r`
		case r == '\u2028':
			escape = `\u2028`
		case r == '\u2029':
			escape = `\u2029`
		case r < ' ':
			escape = `\u00` + string([]byte{digits[r>>4], digits[r&0xf]})
		default:
			continue
		}
		b = append(b, s[from:i]...)
		b = append(b, escape...)
		from = i + utf8.RuneLen(r)
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}
