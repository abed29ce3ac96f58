package zenqmstest

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds a request's body.
const maxBody = 1 << 20

// ServeHTTP answers one call of the API.
func (a *Account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rep, err := a.answer(r)
	if err != nil {
		panic(http.ErrAbortHandler) // breaks the connection without an answer
	}
	for name, values := range rep.header {
		w.Header()[name] = values
	}
	w.WriteHeader(rep.status)
	_, _ = w.Write(rep.body) // a client that has gone is its own affair
}

// Transport carries calls to the account without a network. It starts no
// goroutine, so it may be used inside a synctest bubble.
func (a *Account) Transport() http.RoundTripper { return transport{a} }

type transport struct{ account *Account }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	rep, err := t.account.answer(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status:     strconv.Itoa(rep.status) + " " + http.StatusText(rep.status),
		StatusCode: rep.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        rep.header,
		Body:          io.NopCloser(bytes.NewReader(rep.body)),
		ContentLength: int64(len(rep.body)),
		Request:       r,
	}, nil
}

// answer does one call, with whatever is set to go wrong, and journals it. An
// error is a connection that broke.
func (a *Account) answer(r *http.Request) (reply, error) {
	var raw []byte
	if r.Body != nil {
		var err error
		if raw, err = io.ReadAll(io.LimitReader(r.Body, maxBody+1)); err != nil {
			return reply{}, err
		}
	}
	body, _ := decodeObject(raw)
	call := Call{At: a.opts.Now(), Method: r.Method, Path: r.URL.Path, Body: body}

	fault, delay := a.strike(r.Method, r.URL.Path, raw)
	if err := pass(r.Context(), delay); err != nil {
		a.note(call)
		return reply{}, err
	}
	if fault.Drop {
		a.note(call)
		return reply{}, errDropped
	}
	rep := a.faulty(fault, func() reply { return a.act(r, raw) })
	call.Status, call.Lost = rep.status, fault.DropAfter
	a.note(call)
	if fault.DropAfter {
		return reply{}, errDropped
	}
	return rep, nil
}

// faulty acts, unless the fault answers in its place, and spoils the answer.
func (a *Account) faulty(fault Fault, act func() reply) reply {
	var rep reply
	if fault.Status != 0 {
		rep = refuse(fault.Status, fault.Message, fault.Fields...)
	} else {
		rep = act()
	}
	if fault.Body != "" {
		rep.body = []byte(fault.Body)
		rep.header.Set("Content-Type", "text/html; charset=utf-8")
	}
	if fault.RetryAfter > 0 {
		seconds := (fault.RetryAfter + time.Second - 1) / time.Second
		rep.header.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	for name, values := range fault.Header {
		rep.header[http.CanonicalHeaderKey(name)] = values
	}
	return rep
}

// act checks what holds for every call and hands it to its endpoint.
func (a *Account) act(r *http.Request, raw []byte) reply {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Header.Get(a.opts.AuthHeader) != a.opts.AuthPrefix+a.token {
		return refuse(http.StatusUnauthorized, "The API token is missing or not valid.")
	}
	if !a.admit() {
		rep := refuse(http.StatusTooManyRequests, "Too many requests.")
		rep.header.Set("Retry-After", "1")
		return rep
	}
	method, endpoint := a.route(r.URL.Path)
	if endpoint == nil {
		return refuse(http.StatusNotFound, "There is nothing at this address.")
	}
	if r.Method != method {
		rep := refuse(http.StatusMethodNotAllowed, "Only "+method+" is allowed here.")
		rep.header.Set("Allow", method)
		return rep
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "The content type must be application/json.")
	}
	if len(raw) > maxBody {
		return refuse(http.StatusRequestEntityTooLarge, "The request is too large.")
	}
	body, ok := decodeObject(raw)
	if !ok {
		return refuse(http.StatusBadRequest, "The request must be one JSON object.")
	}
	return endpoint(&form{body: body})
}

// admit counts a call against the rate of the second it falls in.
func (a *Account) admit() bool {
	if a.opts.RatePerSecond <= 0 {
		return true
	}
	if second := a.opts.Now().Unix(); second != a.second {
		a.second, a.answered = second, 0
	}
	a.answered++
	return a.answered <= a.opts.RatePerSecond
}

// route finds the one method and the endpoint of a path; nil is none.
func (a *Account) route(path string) (method string, endpoint func(*form) reply) {
	switch path {
	case "/v2/users":
		return http.MethodPost, a.create
	case "/v2/users/search":
		return http.MethodPost, a.searchUsers
	case "/v2/roles/search":
		return http.MethodPost, a.searchRoles
	}
	rest, ok := strings.CutPrefix(path, "/v2/users/")
	if !ok {
		return "", nil
	}
	id, action, _ := strings.Cut(rest, "/")
	on := func(do func(*User, *form) reply) func(*form) reply {
		return func(f *form) reply {
			u := a.userAt(id)
			if u == nil {
				return refuse(http.StatusNotFound, "There is no user with this id.")
			}
			return do(u, f)
		}
	}
	switch action {
	case "":
		if id == "" || id != rest {
			return "", nil // no id, or a trailing slash
		}
		return http.MethodPatch, on(a.update)
	case "roles/add":
		return http.MethodPost, on(a.addRoles)
	case "roles/remove":
		return http.MethodDelete, on(a.removeRoles)
	}
	return "", nil
}

// userAt finds the user that a path or filter names, nil if there is none.
func (a *Account) userAt(id string) *User {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != id {
		return nil
	}
	return a.byID[n]
}
