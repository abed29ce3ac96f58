package oktatest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// hit is a user in the state that a query sees.
type hit struct {
	user  *user
	state *state
}

func (h hit) textOf(attr string) string {
	p := &h.state.profile
	switch attr {
	case "id":
		return h.user.id
	case "status":
		return h.state.status
	case "profile.login":
		return p.Login
	case "profile.email":
		return p.Email
	case "profile.firstName":
		return p.FirstName
	case "profile.lastName":
		return p.LastName
	case "profile.title":
		return p.Title
	}
	return ""
}

func (h hit) timeOf(attr string) time.Time {
	switch attr {
	case "created":
		return h.user.created
	case "activated":
		return h.state.activated
	case "statusChanged":
		return h.state.statusChanged
	case "lastUpdated":
		return h.state.lastUpdated
	}
	return time.Time{}
}

// seen returns the user as a query that lags sees him; ok is false if it does
// not see him at all.
func (u *user) seen(asOf time.Time) (h hit, ok bool) {
	if u.since.After(asOf) || !u.deletedAt.IsZero() && !u.deletedAt.After(asOf) {
		return hit{}, false
	}
	for i := range u.past {
		if u.past[i].until.After(asOf) {
			return hit{u, &u.past[i].state}, true
		}
	}
	return hit{u, &u.state}, true
}

// listUsers serves GET /users: the plain list without DEPROVISIONED users, or
// those that filter, search or q select.
func (o *Org) listUsers(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("sortBy") != "" || q.Get("sortOrder") != "" {
		writeError(w, errSearch("This org does not sort."))
		return
	}
	expression, vocab := q.Get("search"), userSearch
	if expression == "" {
		expression, vocab = q.Get("filter"), userFilter
	}
	size := usersPage
	if q.Get("q") != "" {
		size = findPage
	}
	p, fail := o.paging(q, size)
	if fail != nil {
		writeError(w, fail)
		return
	}

	o.mu.RLock()
	defer o.mu.RUnlock()
	keep := func(h hit) bool { return h.state.status != Deprovisioned }
	list := o.users
	lagging := false
	switch {
	case q.Get("q") != "":
		list, lagging = o.searched(), true
		keep = func(h hit) bool { return h.state.status != Deprovisioned && h.found(q.Get("q")) }
	case expression != "":
		e, err := parseExpr(expression, vocab, o.opts.FilterIgnoresCase)
		if err != nil {
			writeError(w, errSearch(err.Error()))
			return
		}
		list, lagging = o.candidates(e), true
		keep = func(h hit) bool { return e.match(h) }
	}
	hits, next := o.takeHits(list, p, lagging, keep)
	if q.Get("q") != "" {
		next = 0
	}
	o.link(w, r, p, next)
	o.writeHits(w, r, hits)
}

// searched is all that a query may see; a lagging one still sees the deleted.
func (o *Org) searched() []*user {
	if len(o.deleted) == 0 {
		return o.users
	}
	return slices.Concat(o.users, o.deleted)
}

// candidates narrows the users by an index where the expression allows it.
func (o *Org) candidates(e expr) []*user {
	if o.opts.SearchLag == 0 && e.op == "eq" {
		one := func(u *user) []*user {
			if u == nil {
				return nil
			}
			return []*user{u}
		}
		switch e.attr {
		case "id":
			return one(o.byID[e.text])
		case "profile.login":
			return one(o.byLogin[strings.ToLower(e.text)])
		case "profile.email":
			return o.byEmail[strings.ToLower(e.text)]
		}
	}
	return o.searched()
}

// takeHits is take for users and gaps; lagging applies Options.SearchLag.
func (o *Org) takeHits(list []*user, p paging, lagging bool, keep func(hit) bool) (hits []hit, next int) {
	asOf := o.now()
	if lagging {
		asOf = asOf.Add(-o.opts.SearchLag)
	}
	see := func(u *user) (hit, bool) {
		if u == nil {
			return hit{}, false
		}
		if !lagging {
			return hit{u, &u.state}, true
		}
		return u.seen(asOf)
	}
	page, next := take(list, p, func(u *user) bool {
		h, ok := see(u)
		return ok && keep(h)
	})
	for _, u := range page {
		h, _ := see(u)
		hits = append(hits, h)
	}
	return hits, next
}

// found reports whether q finds the user: by the beginning of a name or of the
// email, whatever the case.
func (h hit) found(q string) bool {
	for _, s := range []string{h.state.profile.FirstName, h.state.profile.LastName, h.state.profile.Email} {
		if strings.HasPrefix(strings.ToLower(s), strings.ToLower(q)) {
			return true
		}
	}
	return false
}

func (o *Org) writeHits(w http.ResponseWriter, r *http.Request, hits []hit) {
	base, om := o.base(r), omissions(r)
	body := make([]byte, 0, 2+len(hits)*700) // a user takes about 600 bytes
	body = append(body, '[')
	for i, h := range hits {
		if i > 0 {
			body = append(body, ',')
		}
		body = o.appendUser(body, h.user, h.state, base, om)
	}
	writeBody(w, http.StatusOK, append(body, ']'))
}

// lookup finds a user as {id} in a path does: by id, by login, or "me", who is
// the administrator whose API token is used. A service app is nobody.
func (o *Org) lookup(r *http.Request) *user {
	key := r.PathValue("id")
	if key == "me" {
		if strings.HasPrefix(r.Header.Get("Authorization"), "SSWS ") {
			return o.byID[o.actor.ID]
		}
		return nil
	}
	if u := o.byID[key]; u != nil {
		return u
	}
	return o.byLogin[strings.ToLower(key)]
}

func (o *Org) getUser(w http.ResponseWriter, r *http.Request) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	u := o.lookup(r)
	if u == nil {
		writeError(w, errNotFound(r.PathValue("id"), "User"))
		return
	}
	writeBody(w, http.StatusOK, o.appendUser(nil, u, &u.state, o.base(r), omissions(r)))
}

func (o *Org) listUserGroups(w http.ResponseWriter, r *http.Request) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	u := o.lookup(r)
	if u == nil {
		writeError(w, errNotFound(r.PathValue("id"), "User"))
		return
	}
	o.writeGroups(w, r, append([]*group{o.groups[0]}, u.groups...))
}
