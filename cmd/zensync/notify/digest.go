package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// mostListed is how many a digest lists of each kind: it is read on a phone,
// and the reports have the rest.
const mostListed = 20

// causeDigest is under which the store keeps when the digest was last sent.
const causeDigest = "digest"

// digest is how an installation stands: what needs a person, and the head of
// the log, which kept elsewhere shows whether its tail was cut (rule A1).
func digest(tx *store.Tx) (Message, error) {
	var b strings.Builder
	stage, err := reconcile.StageOf(tx)
	if err != nil {
		return Message{}, err
	}
	links, err := tx.LinkCount()
	if err != nil {
		return Message{}, err
	}
	fmt.Fprintf(&b, "State: %s since %s. Linked accounts: %d active, %d inactive.\n",
		stage.Life, stage.Since.Format(time.RFC3339), links.Active, links.Inactive)
	if err := writeWalk(&b, tx); err != nil {
		return Message{}, err
	}
	skips, err := tx.SkipCount()
	if err != nil {
		return Message{}, err
	}
	queue, err := tx.Queue()
	if err != nil {
		return Message{}, err
	}
	skipped := int64(0)
	for _, n := range skips {
		skipped += n
	}
	for _, kind := range []struct {
		title, report string
		count         int64
		columns       []string
	}{
		{"Skipped", "skipped", skipped, []string{"okta_id", "login", "reason"}},
		{"Held by the brake", "held", queue.Held, []string{"id", "okta_id", "action", "reason"}},
		{"Given up", "dead", queue.Dead, []string{"id", "okta_id", "error"}},
	} {
		fmt.Fprintf(&b, "%s: %d\n", kind.title, kind.count)
		if kind.count == 0 {
			continue
		}
		if err := writeRows(&b, tx, kind.report, kind.columns); err != nil {
			return Message{}, err
		}
		if kind.count > mostListed {
			fmt.Fprintf(&b, "- and %d more: zensync report %s\n", kind.count-mostListed, kind.report)
		}
	}
	head, err := tx.LogHead()
	if err != nil {
		return Message{}, err
	}
	fmt.Fprintf(&b, "Log head: %d:%s", head.Seq, head.Hash)
	return Message{Title: "digest", Text: b.String()}, nil
}

func writeWalk(b *strings.Builder, tx *store.Tx) error {
	walks, err := tx.EndedWalks(1, store.RunDone, store.RunFailed)
	if err != nil || len(walks) == 0 {
		return err
	}
	w := walks[0]
	fmt.Fprintf(b, "Last comparison: run %d (%s), %s at %s, %d users seen.\n", w.ID, w.Kind, w.State, w.Finished.Format(time.RFC3339), w.Users)
	if w.Error != "" {
		fmt.Fprintf(b, "It says: %s\n", shorten(clean(w.Error), mostWords))
	}
	return nil
}

// writeRows lists the first rows of a report, some columns of each.
func writeRows(b *strings.Builder, tx *store.Tx, name string, wanted []string) error {
	report, err := store.ReportByName(name)
	if err != nil {
		return err
	}
	columns, rows, err := tx.Report(report, store.ReportArgs{Limit: mostListed})
	if err != nil {
		return err
	}
	for _, row := range rows {
		var cells []string
		for _, column := range wanted {
			i := slices.Index(columns, column)
			if i < 0 {
				return fmt.Errorf("report %s has no column %s", name, column)
			}
			if row[i] != nil {
				cells = append(cells, shorten(clean(fmt.Sprint(row[i])), mostWords))
			}
		}
		fmt.Fprintf(b, "- %s\n", strings.Join(cells, ", "))
	}
	return nil
}
