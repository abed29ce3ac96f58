package oktatest

import (
	"net/http"
	"strings"
	"time"
)

func (g *group) textOf(attr string) string {
	switch attr {
	case "id":
		return g.ID
	case "type":
		return g.Type
	case "profile.name":
		return g.Name
	}
	return ""
}

func (g *group) timeOf(attr string) time.Time {
	switch attr {
	case "created":
		return g.Created
	case "lastUpdated":
		return g.LastUpdated
	case "lastMembershipUpdated":
		return g.LastMembershipUpdated
	}
	return time.Time{}
}

type groupObject struct {
	ID                    string         `json:"id"`
	Created               string         `json:"created"`
	LastUpdated           string         `json:"lastUpdated"`
	LastMembershipUpdated string         `json:"lastMembershipUpdated"`
	ObjectClass           []string       `json:"objectClass"`
	Type                  string         `json:"type"`
	Profile               map[string]any `json:"profile"`
	Links                 object         `json:"_links"`
}

func (g *group) object(base string) groupObject {
	self := base + "/api/v1/groups/" + g.ID
	return groupObject{
		ID: g.ID, Type: g.Type, ObjectClass: []string{"okta:user_group"},
		Created:               g.Created.Format(timeLayout),
		LastUpdated:           g.LastUpdated.Format(timeLayout),
		LastMembershipUpdated: g.LastMembershipUpdated.Format(timeLayout),
		Profile:               object{"name": g.Name, "description": nil},
		Links:                 object{"self": object{"href": self}, "users": object{"href": self + "/users"}, "apps": object{"href": self + "/apps"}},
	}
}

func (o *Org) writeGroups(w http.ResponseWriter, r *http.Request, groups []*group) {
	objects := make([]groupObject, len(groups))
	for i, g := range groups {
		objects[i] = g.object(o.base(r))
	}
	writeJSON(w, http.StatusOK, objects)
}

// listGroups serves GET /groups: all, or those that filter, search or q (the
// beginning of the name, whatever the case) select.
func (o *Org) listGroups(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p, fail := o.paging(q, groupsPage)
	if fail != nil {
		writeError(w, fail)
		return
	}
	expression, vocab := q.Get("search"), groupSearch
	if expression == "" {
		expression, vocab = q.Get("filter"), groupFilter
	}
	keep := func(*group) bool { return true }
	if expression != "" {
		e, err := parseExpr(expression, vocab, o.opts.FilterIgnoresCase)
		if err != nil {
			writeError(w, errSearch(err.Error()))
			return
		}
		keep = func(g *group) bool { return e.match(g) }
	}
	prefix := strings.ToLower(q.Get("q"))

	o.mu.RLock()
	defer o.mu.RUnlock()
	page, next := take(o.groups, p, func(g *group) bool {
		return g != nil && strings.HasPrefix(strings.ToLower(g.Name), prefix) && keep(g)
	})
	o.link(w, r, p, next)
	o.writeGroups(w, r, page)
}

func (o *Org) getGroup(w http.ResponseWriter, r *http.Request) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	g := o.groupByID[r.PathValue("id")]
	if g == nil {
		writeError(w, errNotFound(r.PathValue("id"), "UserGroup"))
		return
	}
	writeJSON(w, http.StatusOK, g.object(o.base(r)))
}

func (o *Org) listMembers(w http.ResponseWriter, r *http.Request) {
	p, fail := o.paging(r.URL.Query(), membersPage)
	if fail != nil {
		writeError(w, fail)
		return
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	g := o.groupByID[r.PathValue("id")]
	if g == nil {
		writeError(w, errNotFound(r.PathValue("id"), "UserGroup"))
		return
	}
	hits, next := o.takeHits(o.membersOf(g), p, false, func(h hit) bool {
		return !o.opts.OmitDeprovisionedMembers || h.state.status != Deprovisioned
	})
	o.link(w, r, p, next)
	o.writeHits(w, r, hits)
}
