// Package crowd is an Okta org of as many people as one likes. Nobody takes
// memory: each is written from his number, as Okta writes users, so that the
// org costs little beside whoever reads it.
package crowd

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/zensync/zensync/store"
)

const (
	// pageMost is the most users Okta puts on a page.
	pageMost = 200
	// idDigits fill up an id behind "00u". Okta's ids grow with time, and its
	// lists come in their order.
	idDigits = 17
)

// begin is when everybody was made.
var begin = time.Date(2026, 4, 21, 5, 33, 55, 0, time.UTC)

// Org serves GET /users and GET /users/{id} for people 0 to n-1.
type Org struct {
	n   int
	mux *http.ServeMux

	mu    sync.RWMutex
	moves map[int]int // how often somebody was changed
}

// New makes an org of n people, all of them active.
func New(n int) *Org {
	o := &Org{n: n, mux: http.NewServeMux(), moves: map[int]int{}}
	o.mux.HandleFunc("GET /api/v1/users", o.list)
	o.mux.HandleFunc("GET /api/v1/users/{id}", o.user)
	return o
}

// ServeHTTP answers as Okta does.
func (o *Org) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.mux.ServeHTTP(w, r) }

// Change gives somebody another title.
func (o *Org) Change(i int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.moves[i]++
}

func (o *Org) moved(i int) int {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.moves[i]
}

// ID is a person's id.
func ID(i int) string { return fmt.Sprintf("00u%0*d", idDigits, i) }

// Person is somebody as the directory has him.
func (o *Org) Person(i int) store.Person {
	times := o.moved(i)
	return store.Person{
		OktaID: ID(i), Created: begin, Updated: begin.Add(time.Duration(times) * time.Second), Status: "ACTIVE",
		Login: fmt.Sprintf("p%d@example.com", i), Email: fmt.Sprintf("p%d@example.com", i),
		FirstName: "Erika " + strconv.Itoa(i), LastName: "Muster", Title: "Analyst " + strconv.Itoa(times),
	}
}

func (o *Org) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || limit < 1 {
		limit = pageMost
	}
	from, _ := strconv.Atoi(q.Get("after")) // absent on the first page
	to := min(from+min(limit, pageMost), o.n)
	if q.Get("filter") != "" { // nobody is DEPROVISIONED
		from, to = o.n, o.n
	}
	body := make([]byte, 0, 2+(to-from)*userSize)
	body = append(body, '[')
	for i := from; i < to; i++ {
		if i > from {
			body = append(body, ',')
		}
		body = o.appendUser(body, i)
	}
	if to < o.n {
		w.Header().Add("Link", fmt.Sprintf(`<http://%s/api/v1/users?after=%d&limit=%d>; rel="next"`, r.Host, to, limit))
	}
	answer(w, append(body, ']'))
}

func (o *Org) user(w http.ResponseWriter, r *http.Request) {
	i, err := strconv.Atoi(strings.TrimPrefix(r.PathValue("id"), "00u"))
	if err != nil || i < 0 || i >= o.n {
		http.Error(w, `{"errorCode":"E0000007","errorSummary":"Not found"}`, http.StatusNotFound)
		return
	}
	answer(w, o.appendUser(nil, i))
}

func answer(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // whoever reads it finds out
}

// userSize is about what a user takes, in bytes.
const userSize = 1600

// appendUser writes somebody with what Okta sends beside what was asked for:
// three quarters are links.
func (o *Org) appendUser(b []byte, i int) []byte {
	p := o.Person(i)
	const layout = "2006-01-02T15:04:05.000Z"
	created, updated := p.Created.Format(layout), p.Updated.Format(layout)
	b = append(b, `{"id":"`...)
	b = append(b, p.OktaID...)
	b = append(b, `","status":"ACTIVE","created":"`...)
	b = append(b, created...)
	b = append(b, `","activated":"`...)
	b = append(b, created...)
	b = append(b, `","statusChanged":"`...)
	b = append(b, created...)
	b = append(b, `","lastLogin":null,"lastUpdated":"`...)
	b = append(b, updated...)
	b = append(b, `","passwordChanged":null,"realmId":"guonkwfhlqM6PFD8m1d7","type":{"id":"otynkw1sdzpoFCZMq1d7"},"profile":{"firstName":"`...)
	b = append(b, p.FirstName...)
	b = append(b, `","lastName":"Muster","mobilePhone":null,"secondEmail":null,"department":"Quality","costCenter":17,"title":"`...)
	b = append(b, p.Title...)
	b = append(b, `","login":"`...)
	b = append(b, p.Login...)
	b = append(b, `","email":"`...)
	b = append(b, p.Email...)
	b = append(b, `"},"credentials":{"provider":{"type":"OKTA","name":"OKTA"}},"_links":{`...)
	for _, verb := range verbs {
		b = append(b, verb.before...)
		b = append(b, p.OktaID...)
		b = append(b, verb.after...)
	}
	return append(b, `"schema":{"href":"https://example.okta.com/api/v1/meta/schemas/user/oscnkw1sdzpoFCZMq1d7"},`+
		`"type":{"href":"https://example.okta.com/api/v1/meta/types/user/otynkw1sdzpoFCZMq1d7"}}}`...)
}

// verbs are the links of a user that hold his id.
var verbs = func() (all []struct{ before, after string }) {
	for _, name := range []string{"suspend", "resetPassword", "reactivate", "resetFactors", "deactivate"} {
		all = append(all, struct{ before, after string }{
			`"` + name + `":{"href":"https://example.okta.com/api/v1/users/`, `/lifecycle/` + name + `","method":"POST"},`,
		})
	}
	return append(all, struct{ before, after string }{`"self":{"href":"https://example.okta.com/api/v1/users/`, `"},`})
}()
