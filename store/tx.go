package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// timeLayout is how every time is stored: UTC, milliseconds, fixed width, so
// that text order is time order.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Tx is one transaction. It lives only inside the closure it was given to.
type Tx struct {
	Now time.Time // the one timestamp of everything in this transaction

	ctx     context.Context
	session *session
	wakes   bool // the worker is nudged after the commit
}

// Nudge has the worker nudged once this is committed (see DB.Nudge): once for
// all closures that share the transaction.
func (tx *Tx) Nudge() { tx.wakes = true }

func (tx *Tx) exec(query string, args ...any) (sql.Result, error) {
	stmt, err := tx.session.stmt(query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(tx.ctx, args...)
}

func (tx *Tx) query(query string, args ...any) (*sql.Rows, error) {
	stmt, err := tx.session.stmt(query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(tx.ctx, args...)
}

// run is exec for statements whose result does not matter.
func (tx *Tx) run(query string, args ...any) error {
	_, err := tx.exec(query, args...)
	return err
}

// insert adds a row and returns its id; added is false when a conflict left it
// out. Where RETURNING would do the same, SQLite journals the statement and
// makes a table for the answer, which costs as much as the insertion.
func (tx *Tx) insert(query string, args ...any) (id int64, added bool, err error) {
	result, err := tx.exec(query, args...)
	if err != nil {
		return 0, false, err
	}
	n, err := result.RowsAffected()
	if err != nil || n == 0 {
		return 0, false, err
	}
	id, err = result.LastInsertId()
	return id, true, err
}

// row is query for a single row; its error shows in Scan.
func (tx *Tx) row(query string, args ...any) scanner {
	stmt, err := tx.session.stmt(query)
	if err != nil {
		return failed{err}
	}
	return stmt.QueryRowContext(tx.ctx, args...)
}

// failed is a row that could not be asked for.
type failed struct{ err error }

func (f failed) Scan(...any) error { return f.err }

// find is row for what may be absent: it scans the first row into dest and
// tells whether there was one.
func (tx *Tx) find(query string, args []any, dest ...any) (bool, error) {
	err := tx.row(query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// collect runs a query and gathers what scan makes of each row.
func collect[T any](tx *Tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, rows.Err()
}

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// first scans the only row of a query, or returns false.
func first[T any](tx *Tx, scan func(scanner) (T, error), query string, args ...any) (T, bool, error) {
	item, err := scan(tx.row(query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		var none T
		return none, false, nil
	}
	return item, err == nil, err
}

// FormatTime is a time as the store keeps it.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// timeArg is a time as a statement's argument: NULL for the zero time.
func timeArg(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return FormatTime(t)
}

// textArg is a text as a statement's argument: NULL for the empty one.
func textArg(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// idArg is a row id as a statement's argument: NULL for 0.
func idArg(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// timeOf scans a stored time; NULL is the zero time.
type timeOf struct{ t *time.Time }

func (d timeOf) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d.t = time.Time{}
		return nil
	case string:
		t, err := time.Parse(timeLayout, v)
		*d.t = t
		return err
	default:
		return fmt.Errorf("a time is stored as %T", src)
	}
}

// textOf scans a text; NULL is the empty one.
type textOf struct{ s *string }

func (d textOf) Scan(src any) error {
	var n sql.NullString
	err := n.Scan(src)
	*d.s = n.String
	return err
}

// idOf scans a row id; NULL is 0.
type idOf struct{ id *int64 }

func (d idOf) Scan(src any) error {
	var n sql.NullInt64
	err := n.Scan(src)
	*d.id = n.Int64
	return err
}

// jsonOf scans JSON text into what it points to; NULL leaves it alone.
type jsonOf struct{ dest any }

func (d jsonOf) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		if src == nil {
			return nil
		}
		return fmt.Errorf("JSON is stored as %T", src)
	}
	if text == "[]" { // an empty list is read as none
		return nil
	}
	return json.Unmarshal([]byte(text), d.dest)
}

// jsonArg is a list as a statement's argument: JSON, [] for none.
func jsonArg[T any](list []T) (string, error) {
	if len(list) == 0 {
		return "[]", nil
	}
	text, err := json.Marshal(list)
	return string(text), err
}

// Address is an e-mail address as addresses are compared: trimmed, in lower
// case. No letter beyond ASCII becomes one of ASCII, as Unicode's Kelvin sign
// would become a k: the account of kate@example.com is not for whoever can write
// her name with another letter.
func Address(email string) string {
	return strings.Map(func(r rune) rune {
		if lower := unicode.ToLower(r); r < utf8.RuneSelf || lower >= utf8.RuneSelf {
			return lower
		}
		return r
	}, strings.TrimSpace(email))
}

// placeholders is "?, ?, ?" for n arguments.
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }
