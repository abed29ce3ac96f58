package oktatest

import (
	"net/http"
	"path"
	"strings"
)

// access is what a route asks of its caller.
type access string

const (
	open       access = "" // no credential
	usersRead  access = "okta.users.read"
	groupsRead access = "okta.groups.read"
	hooksRead  access = "okta.eventHooks.read"
	hooksWrite access = "okta.eventHooks.manage"
)

type route struct {
	method, path string
	// bucket names the rate limit that the route shares with others, after
	// the groups Okta last published.
	bucket string
	access access
	serve  func(w http.ResponseWriter, r *http.Request)
}

func (o *Org) routeTable() []route {
	return []route{
		{"POST", "/oauth2/v1/token", "token", open, o.issueToken},
		{"GET", "/api/v1/users", "users", usersRead, o.listUsers},
		{"GET", "/api/v1/users/{id}", "user", usersRead, o.getUser},
		{"GET", "/api/v1/users/{id}/groups", "other", usersRead, o.listUserGroups},
		{"GET", "/api/v1/groups", "groups", groupsRead, o.listGroups},
		{"GET", "/api/v1/groups/{id}", "group", groupsRead, o.getGroup},
		{"GET", "/api/v1/groups/{id}/users", "other", groupsRead, o.listMembers},
		{"GET", "/api/v1/eventHooks", "other", hooksRead, o.listHooks},
		{"POST", "/api/v1/eventHooks", "other", hooksWrite, o.createHook},
		{"GET", "/api/v1/eventHooks/{id}", "other", hooksRead, o.getHook},
		{"PUT", "/api/v1/eventHooks/{id}", "other", hooksWrite, o.replaceHook},
		{"DELETE", "/api/v1/eventHooks/{id}", "other", hooksWrite, o.deleteHook},
		{"POST", "/api/v1/eventHooks/{id}/lifecycle/activate", "other", hooksWrite, o.activateHook},
		{"POST", "/api/v1/eventHooks/{id}/lifecycle/deactivate", "other", hooksWrite, o.deactivateHook},
		{"POST", "/api/v1/eventHooks/{id}/lifecycle/verify", "other", hooksWrite, o.verifyHook},
	}
}

func (o *Org) routes() *http.ServeMux {
	mux := http.NewServeMux()
	paths := map[string]bool{}
	for _, rt := range o.routeTable() {
		mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) {
			if !o.limiter.allow(w.Header(), rt.bucket, o.now()) {
				writeError(w, errTooMany)
				return
			}
			if err := o.authorize(r, rt.access); err != nil {
				writeError(w, err)
				return
			}
			rt.serve(w, r)
		})
		if !paths[rt.path] {
			paths[rt.path] = true
			mux.HandleFunc(rt.path, func(w http.ResponseWriter, _ *http.Request) { writeError(w, errMethod) })
		}
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { writeError(w, errNoPath) })
	return mux
}

// ServeHTTP answers as Okta's management API and org authorization server.
func (o *Org) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The answer is made whole before a byte is sent: a client that is slow to
	// read it must not hold the org's lock.
	answer := &recorder{header: w.Header()}
	call := Call{Time: o.now(), Method: r.Method, Path: r.URL.Path, Route: o.route(r), Query: r.URL.RawQuery}
	// Deferred: a cut connection leaves by a panic and belongs in the journal.
	defer func() {
		call.Status = answer.status
		o.journal.add(call)
	}()

	h := answer.Header()
	h.Set("Date", call.Time.Format(http.TimeFormat))
	h.Set("X-Okta-Request-Id", newUUID())
	o.limiter.announce(h, call.Time)

	fault, faulty := o.faults.take(call.Route, r)
	switch {
	case faulty && fault.answer(answer, r, call.Time):
	case clean(r):
		o.mux.ServeHTTP(answer, r)
	default:
		writeError(answer, errNoPath)
	}
	w.WriteHeader(answer.status)
	body := answer.body.Bytes()
	if fault.CutAfter > 0 && fault.CutAfter < len(body) {
		write(w, body[:fault.CutAfter])
		// What is still buffered would be thrown away with the connection.
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	if len(body) > 0 {
		write(w, body)
	}
}

// clean reports whether ServeMux would take the path as it is. It would
// redirect any other to a clean one, and so hide a client that joins its URLs
// badly or leaves an id empty.
func clean(r *http.Request) bool { return path.Clean(r.URL.Path) == r.URL.Path }

// route returns the template of the request's path, or "".
func (o *Org) route(r *http.Request) string {
	if !clean(r) {
		return ""
	}
	_, pattern := o.mux.Handler(r)
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	if pattern == "/" {
		return ""
	}
	return pattern
}

// base is the org's address as the caller sees it.
func (o *Org) base(r *http.Request) string {
	if o.opts.BaseURL != "" {
		return o.opts.BaseURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
