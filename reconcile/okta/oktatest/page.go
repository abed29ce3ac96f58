package oktatest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// The largest pages, which are also what is given when no limit is asked for.
const (
	usersPage   = 200    // GET /users
	membersPage = 1000   // GET /groups/{id}/users
	groupsPage  = 10_000 // GET /groups
	findPage    = 10     // GET /users?q=, which is not paged
)

// paging is where a page starts and how long it is.
type paging struct{ from, limit int }

// paging reads limit and after; a limit above size is clamped.
func (o *Org) paging(q url.Values, size int) (paging, *apiError) {
	if o.opts.PageSizeMax > 0 {
		size = min(size, o.opts.PageSizeMax)
	}
	p := paging{limit: size}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return p, errInvalid("limit", "The limit "+strconv.Quote(s)+" is not a number above 0.")
		}
		p.limit = min(n, size)
	}
	if s := q.Get("after"); s != "" {
		from, ok := parseCursor(s)
		if !ok {
			return p, errInvalid("after", "The cursor was not issued by this list.")
		}
		p.from = from
	}
	return p, nil
}

// A cursor is the place of the next record in a list that never moves its
// records, in a form that does not invite clients to count on.
const cursorKind = "at:"

func cursor(at int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorKind + strconv.Itoa(at)))
}

func parseCursor(s string) (int, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return 0, false
	}
	digits, ok := strings.CutPrefix(string(raw), cursorKind)
	at, err := strconv.Atoi(digits)
	return at, ok && err == nil && at >= 0
}

// take returns the records of one page and the place of the next page's first
// record, 0 if there is none. Records that are not kept do not count.
func take[T any](list []T, p paging, keep func(T) bool) (page []T, next int) {
	for i := min(p.from, len(list)); i < len(list); i++ {
		if !keep(list[i]) {
			continue
		}
		if len(page) == p.limit {
			return page, i
		}
		page = append(page, list[i])
	}
	return page, 0
}

// link adds the Link headers, one line each as Okta does: a client that joins
// or splits them must show it here.
func (o *Org) link(w http.ResponseWriter, r *http.Request, p paging, next int) {
	base := o.base(r) + r.URL.EscapedPath()
	self := base
	if r.URL.RawQuery != "" {
		self += "?" + r.URL.RawQuery
	}
	w.Header().Add("Link", "<"+self+`>; rel="self"`)
	if next == 0 {
		return
	}
	q := r.URL.Query()
	q.Set("after", cursor(next))
	q.Set("limit", strconv.Itoa(p.limit))
	w.Header().Add("Link", "<"+base+"?"+q.Encode()+`>; rel="next"`)
}
