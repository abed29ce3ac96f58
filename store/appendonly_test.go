package store

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestA1_LogThatCouldBeChangedIsFound(t *testing.T) {
	f := setup(t)
	assert.ErrorContains(t, f.db.Update(t.Context(), (*Tx).CheckAppendOnly), "it is empty", "A1: nothing is proved by an empty log")
	f.append(LogRow{Origin: "operator", Action: ActDeploy, Outcome: OutcomeOK})
	f.do((*Tx).CheckAppendOnly)
	before := f.head()
	for _, trigger := range []string{"log_no_update", "log_no_delete", "log_no_replace"} {
		t.Run(trigger, func(t *testing.T) {
			err := f.db.Update(t.Context(), func(tx *Tx) error {
				if err := tx.run("DROP TRIGGER " + trigger); err != nil {
					return err
				}
				return tx.CheckAppendOnly()
			})
			assert.ErrorContains(t, err, "its triggers are gone", "A1: without %s the log is not append-only", trigger)
			assert.Equal(t, before, f.head(), "A1: the attempt is undone")
			f.do((*Tx).CheckAppendOnly)
		})
	}
}
