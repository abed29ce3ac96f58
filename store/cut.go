package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// cut is what a restore of an older copy did to the log: what was written
// after the copy was made is in the store that was kept, and the log went on
// from the copy's end.
type cut struct {
	row        int64  // of the restore
	time       string // when
	actor      string
	file, kept string
	from, to   Head // the end of the copy, and that of the log that was replaced
}

// Keys of the changes of a restore's row.
const (
	restoreFile = "file" // which file was restored
	restoreKept = "kept" // where the store that was replaced is kept
	restoreHead = "head" // the end of the log before, and that of the file
)

// RestoreChanges are the changes that the log's row of a restore bears.
func RestoreChanges(r Restoration, from string) map[string]Change {
	changes := map[string]Change{restoreFile: {New: from}, restoreHead: {New: r.Copy.Head.String()}}
	if r.Head.Seq > 0 {
		changes[restoreHead] = Change{Old: r.Head.String(), New: r.Copy.Head.String()}
	}
	if r.Kept != "" {
		changes[restoreKept] = Change{New: r.Kept}
	}
	return changes
}

// String is an end as people note it: SEQ:HASH.
func (h Head) String() string { return strconv.FormatInt(h.Seq, 10) + ":" + h.Hash }

// ParseHead is the inverse of String; false for any other text.
func ParseHead(text string) (h Head, ok bool) {
	seq, hash, found := strings.Cut(text, ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	return Head{Seq: n, Hash: hash}, found && err == nil && n > 0 && hash != ""
}

// restoreMark stands in the canonical form of every row of a restore, and
// seldom in another.
var restoreMark = []byte(`,"` + string(ActRestore) + `",`)

// noteCut keeps in mind a row, just proved, of a restore that cut off the end
// that was noted before.
func (c *chain) noteCut(seq int64, values []byte) {
	if c.earlier.Seq == 0 || !bytes.Contains(values, restoreMark) {
		return
	}
	var row []any
	var changes map[string]Change
	if json.Unmarshal(append(append([]byte("["), values...), ']'), &row) != nil || len(row) != len(exportKeys)-1 ||
		row[9] != string(ActRestore) || json.Unmarshal([]byte(text(row[11])), &changes) != nil {
		return
	}
	made := cut{row: seq, time: text(row[2]), actor: text(row[6]), file: text(changes[restoreFile].New), kept: text(changes[restoreKept].New)}
	made.from, _ = ParseHead(text(changes[restoreHead].New))
	made.to, _ = ParseHead(text(changes[restoreHead].Old))
	if made.from.Seq < c.earlier.Seq && (c.earlier.Seq <= made.to.Seq || made.to.Seq == 0) {
		c.cut = &made
	}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// explain adds to an error about the end that was noted what a restore has to
// do with it.
func (c *chain) explain(err error) error {
	if c.cut == nil {
		return err
	}
	over := fmt.Sprintf("one that ended at row %d, which is kept in %s", c.cut.to.Seq, c.cut.kept)
	switch {
	case c.cut.kept == "":
		over = "none"
	case c.cut.to.Seq == 0:
		over = "one that could not be read, which is kept in " + c.cut.kept
	}
	return fmt.Errorf("%w. Row %d says why: at %s %s restored %s, whose log ended at row %d, over %s",
		err, c.cut.row, c.cut.time, c.cut.actor, c.cut.file, c.cut.from.Seq, over)
}
