package reconcile

import (
	"github.com/zensync/zensync/store"
)

// judgeGlances asks of everybody whether a walk that finds him quiet at a
// glance would find the same on a full look: who is passed over is in no
// report.
func (h *history) judgeGlances() {
	for _, kind := range []store.RunKind{store.ReconcileRun, store.InitialRun} {
		wk := &walk{Worker: h.w, run: store.Run{Kind: kind}}
		quiet := map[int64]bool{}
		h.view(func(tx *store.Tx) (err error) {
			if wk.roles, err = tx.RoleRules(); err != nil {
				return err
			}
			_, err = tx.GlancesAfter(0, 1000, func(g store.Glance) { quiet[g.N] = wk.quiet(g) })
			return err
		})
		h.view(func(tx *store.Tx) error {
			for n, quiet := range quiet {
				st, err := tx.PersonAt(n)
				if err != nil {
					return err
				}
				wants, err := wk.wants(tx, st)
				if err != nil {
					return err
				}
				if quiet && (wants || st.Open || st.Skip != nil) {
					h.Errorf("K1: %s is passed over at a glance, and a %s walk wants him (open %v, skip %v)", h.nameOf(st.OktaID), kind, st.Open, st.Skip)
				}
			}
			return nil
		})
	}
}
