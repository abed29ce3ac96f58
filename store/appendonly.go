package store

import (
	"errors"
	"fmt"
)

// CheckAppendOnly asks the store to change, to delete and to replace the last
// row of its log, which it has to refuse. An error says what it would have let
// happen; the caller's transaction then has to be undone, as DB.Update does. It
// needs a log with a row.
func (tx *Tx) CheckAppendOnly() error {
	head, err := tx.LogHead()
	if err != nil {
		return err
	}
	if head.Seq == 0 {
		return errors.New("log: it is empty, so it cannot be told whether its rows can be changed")
	}
	for what, statement := range map[string]string{
		"changed":  `UPDATE log SET error = 'tampered' WHERE seq = ?`,
		"deleted":  `DELETE FROM log WHERE seq = ?`,
		"replaced": `INSERT OR REPLACE INTO log SELECT * FROM log WHERE seq = ?`,
	} {
		if tx.run(statement, head.Seq) == nil {
			return fmt.Errorf("log: row %d could be %s: its triggers are gone", head.Seq, what)
		}
	}
	return nil
}
