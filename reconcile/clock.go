package reconcile

import (
	"time"

	"github.com/zensync/zensync/store"
)

// farthest is further ahead than anything is ever put off: an hour where a
// server asks for it (rule E4). A later time was written while the clock was
// ahead, as after a start without a network, and it has been set back since.
const farthest = time.Hour + 10*time.Minute

// clockWasAhead tells whether such a time stands in the way.
func clockWasAhead(tx *store.Tx) (bool, error) { return tx.Ahead(tx.Now.Add(farthest)) }

// recall takes such times back: nobody is to wait for a clock to come round
// again. What it puts forward does no harm when it is done too soon.
func (w *Worker) recall(tx *store.Tx) error {
	ahead, err := clockWasAhead(tx)
	if err != nil || !ahead {
		return err
	}
	w.Log.Warn("the clock was set back; what waited for a time that was not to come for long is done now")
	return tx.Recall(tx.Now.Add(farthest))
}
