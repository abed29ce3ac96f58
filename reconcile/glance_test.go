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
			end, err := tx.LastPlace()
			if err != nil {
				return err
			}
			if err := judgeSights(wk, tx, end, quiet); err != nil {
				return err
			}
			for places := range (bitset{}).gaps(end, scanned) {
				if err := tx.Glances(places, func(g store.Glance) { quiet[g.N] = quiet[g.N] || wk.isQuiet(g) }); err != nil {
					return err
				}
			}
			return nil
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

// judgeSights notes who is quiet as a page of Okta's list is read that shows
// the directory as it is.
func judgeSights(wk *walk, tx *store.Tx, end int64, quiet map[int64]bool) error {
	var people []store.Person
	for n := int64(1); n <= end; n++ {
		st, err := tx.PersonAt(n)
		if err != nil {
			return err
		}
		st.OutOfScope = false // Okta does not tell
		people = append(people, st.Person)
	}
	sights, err := tx.Sights(people)
	for _, g := range sights {
		quiet[g.N] = g.N != 0 && g.Linked && wk.isQuiet(g)
	}
	return err
}
