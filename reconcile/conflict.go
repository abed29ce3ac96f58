package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// longestCycle bounds how far a chain of wanted addresses is followed. People
// swap in twos and threes.
const longestCycle = 10

// nameConflict says whose account is in the way of an address, and whether
// the users concerned want each other's (rule L4): that cycle no order of
// updates can open, so a person has to.
func (w *Worker) nameConflict(ctx context.Context, a *attempt, reason *Reason, holder zenqms.User) error {
	reason.Code = store.SkipConflict
	return w.DB.View(ctx, func(tx *store.Tx) error {
		owner, err := ownerOf(tx, holder)
		if err != nil {
			return err
		}
		if owner == "" {
			reason.Text = fmt.Sprintf("ZenQMS user %s, who is linked to nobody, has the new address; give that account another one in ZenQMS, or deactivate and rename it", holder.ID)
			return nil
		}
		st, err := tx.Standing(owner)
		if err != nil {
			return err
		}
		if st.N != 0 && w.Policy.Meaning(st.Status) == Gone {
			reason.Text = fmt.Sprintf("ZenQMS user %s (Okta user %s), who has left, has the new address and keeps it; give that account another one in ZenQMS", holder.ID, owner)
			return nil
		}
		cycle, err := w.cycleOf(tx, a, owner)
		if err != nil {
			return err
		}
		if cycle == nil {
			reason.Text = fmt.Sprintf("ZenQMS user %s (Okta user %s) has the new address; it goes through when that one has another", holder.ID, owner)
			return nil
		}
		a.cycle = cycle
		reason.Text = cycleText(cycle)
		return nil
	})
}

// cycleText is the reason of everybody in a cycle.
func cycleText(cycle []string) string {
	return fmt.Sprintf("Okta users %s want each other's address; change one of the ZenQMS users to a spare address by hand, and the others and then he go through",
		strings.Join(cycle, ", "))
}

// ownerOf is the Okta user an account belongs to, "" for nobody.
func ownerOf(tx *store.Tx, u zenqms.User) (string, error) {
	if u.ExternalID != "" {
		return u.ExternalID, nil
	}
	link, _, err := tx.LinkOf(u.ID)
	return link.OktaID, err
}

// cycleOf follows who has the address whom wants: from the owner of the
// account in this user's way onwards. It returns the users' ids when the
// chain comes back to this one, nil when it does not.
func (w *Worker) cycleOf(tx *store.Tx, a *attempt, owner string) ([]string, error) {
	cycle := []string{a.claim.OktaID}
	for range longestCycle {
		if owner == a.claim.OktaID {
			return cycle, nil
		}
		if owner == "" || slices.Contains(cycle, owner) {
			return nil, nil
		}
		cycle = append(cycle, owner)
		st, err := tx.Standing(owner)
		if err != nil {
			return nil, err
		}
		wanted := store.Address(st.Email)
		if st.Link == nil || wanted == "" || wanted == store.Address(st.Link.Email) || st.OutOfScope || w.Policy.Meaning(st.Status) != Live {
			return nil, nil // he is content with what he has, or his account is left alone
		}
		if owner, err = holderInStore(tx, wanted); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// holderInStore is the linked Okta user whose account has an address, as far
// as the store knows, "" for nobody.
func holderInStore(tx *store.Tx, address string) (string, error) {
	link, _, err := tx.LinkAt(address)
	return link.OktaID, err
}
