package store

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConnectionThatIsNotDurableIsFound(t *testing.T) {
	for pragma, complaint := range map[string]string{
		"synchronous = NORMAL":  "synchronous is 1",
		"journal_mode = DELETE": "journal_mode is delete",
	} {
		t.Run(pragma, func(t *testing.T) {
			f := setup(t)
			f.do((*Tx).CheckDurable)
			require.NoError(t, f.db.writer.do("PRAGMA "+pragma))
			assert.ErrorContains(t, f.db.Update(t.Context(), (*Tx).CheckDurable), complaint)
		})
	}
}
