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
	whats := []string{fieldTitle, fieldFirstName, fieldActive, fieldExternalID, "removed"}
	if len(h.duties) > 0 && !h.duties[0].vanished {
		whats = append(whats, h.duties[0].field())
	}
	what := rapid.SampledFrom(whats).Draw(rt, "what")
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
				default:
					toggle(h.duties[0].Role)(z)
				}
			})
		}
		h.raced = true
		h.say("meanwhile account %d by hand: %s", u.ID, what)
	})
}

// raceGroups lets somebody join or leave a group during a call to come.
func (h *history) raceGroups(rt *rapid.T) {
	p, c := h.somebody(rt), h.someCircle(rt)
	h.arm(rapid.IntRange(1, 10).Draw(rt, "at call"), func() {
		if _, there := h.org.User(p.id); !there || c.deleted {
			return
		}
		if h.within(c, p) {
			h.regroup(func() { h.org.RemoveMember(c.id, p.id) })
		} else {
			h.regroup(func() { h.org.AddMember(c.id, p.id) })
		}
		h.raced = true
		h.say("meanwhile %s is in %s: %v", p.name, c.name, h.within(c, p))
	})
}
