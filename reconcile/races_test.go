package reconcile

import (
	"pgregory.net/rapid"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

func (h *history) raceOkta(rt *rapid.T) {
	p := h.somebody(rt)
	what := rapid.SampledFrom([]string{"address", "title", "first name", "leaves", "suspended", "active"}).Draw(rt, "what")
	to := rapid.SampledFrom(addresses).Draw(rt, "address")
	h.arm(rapid.IntRange(1, 8).Draw(rt, "at call"), func() {
		u, there := h.org.User(p.id)
		if !there {
			return
		}
		switch what {
		case "address":
			h.org.UpdateProfile(p.id, func(p *oktatest.Profile) { p.Email = to })
		case "title":
			h.org.UpdateProfile(p.id, func(p *oktatest.Profile) { p.Title += "+" })
		case "first name":
			h.org.UpdateProfile(p.id, func(p *oktatest.Profile) { p.FirstName += "+" })
		default:
			status := map[string]string{"leaves": oktatest.Deprovisioned, "suspended": oktatest.Suspended, "active": oktatest.Active}[what]
			if u.Status == status {
				return
			}
			h.org.SetStatus(p.id, status)
		}
		h.moved(p.id, h.org)
		h.raced = true
		h.say("meanwhile %s: %s", p.name, what)
	})
}

func (h *history) raceZenQMS(rt *rapid.T) {
	u := h.someAccount(rt)
	what := rapid.SampledFrom([]string{fieldTitle, fieldFirstName, fieldActive, fieldExternalID, "removed"}).Draw(rt, "what")
	h.arm(rapid.IntRange(1, 8).Draw(rt, "at call"), func() {
		if what == "removed" {
			h.acct.Remove(u.ID)
			h.removed(u.ID)
		} else {
			h.edited(u, what, nil)
			h.acct.Edit(u.ID, func(z *zenqmstest.User) {
				switch what {
				case fieldTitle:
					z.Title += "+"
				case fieldFirstName:
					z.FirstName += "+"
				case fieldActive:
					z.Active = !z.Active
				case fieldExternalID:
					z.ExternalID = ""
				}
			})
		}
		h.raced = true
		h.say("meanwhile account %d by hand: %s", u.ID, what)
	})
}
