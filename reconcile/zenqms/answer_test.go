package zenqms_test

import (
	"context"
	"encoding/base64"
	"errors"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

func create(t *testing.T, client *zenqms.Client) *zenqms.Error {
	t.Helper()
	_, err := client.Create(t.Context(), ada)
	require.Error(t, err)
	return asError(t, err)
}

func TestRefusal_CarriesZenQMSsWords(t *testing.T) {
	field := func(f, m string) zenqms.FieldError { return zenqms.FieldError{Field: f, Message: m} }
	for name, c := range map[string]struct {
		status  int
		body    string
		message string
		fields  []zenqms.FieldError
	}{
		"conflict":        {409, `{"message": "ada@example.com is taken"}`, "ada@example.com is taken", nil},
		"fields":          {422, `{"message": "Invalid", "errors": [{"field": "title", "message": "is required"}, {"field": "email", "message": "is odd"}]}`, "Invalid", []zenqms.FieldError{field("title", "is required"), field("email", "is odd")}},
		"error":           {400, `{"error": "bad"}`, "bad", nil},
		"nested error":    {400, `{"error": {"message": "bad", "code": 7}}`, "bad", nil},
		"problem details": {400, `{"title": "Bad Request", "detail": "the email is odd"}`, "the email is odd", nil},
		"fields by name":  {422, `{"errors": {"title": ["is required", "is short"], "email": "is odd"}}`, "", []zenqms.FieldError{field("email", "is odd"), field("title", "is required, is short")}},
		"texts":           {422, `{"errors": ["title is required"]}`, "", []zenqms.FieldError{field("", "title is required")}},
		"odd kinds":       {422, `{"message": 7, "errors": [7, {"field": 7, "message": null}]}`, "", []zenqms.FieldError{{}, {}}},
		"no words":        {500, `{}`, "", nil},
		"nothing":         {500, ``, "", nil},
		"a page":          {502, `<html><h1>Bad Gateway</h1></html>`, "not JSON but application/json", nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := create(t, onServer(t, saysJSON(c.status, c.body)).client)
			assert.Equal(t, c.status, e.Status)
			assert.Equal(t, c.message, e.Message)
			assert.Equal(t, c.fields, e.Fields)
		})
	}
}

func TestRefusal_ReadsAsASentence(t *testing.T) {
	for _, c := range []struct {
		status           int
		media, body, say string
	}{
		{422, "application/json", `{"message": "Invalid", "errors": [{"field": "title", "message": "is required"}]}`, "zenqms: create user: 422 unprocessable entity: Invalid; title: is required"},
		{422, "application/json", `{"errors": ["title is required"]}`, "zenqms: create user: 422 unprocessable entity: title is required"},
		{502, "text/html", `<html>`, "zenqms: create user: 502 bad gateway: not JSON but text/html"},
		{503, "text/plain; charset=utf-8", "no healthy\nupstream", "zenqms: create user: 503 service unavailable: not JSON but text/plain: no healthy upstream"},
		{500, "", ``, "zenqms: create user: 500 internal server error"},
		{599, "application/json", `{}`, "zenqms: create user: 599"},
		{403, "application/json", `{"message": "No"}`, "zenqms: create user: 403 forbidden: No (the API key may not do this: the role of the person who made it needs the right, and the key must not be limited)"},
	} {
		assert.EqualError(t, create(t, onServer(t, says(c.status, c.media, c.body)).client), c.say)
	}
}

func TestRefusal_WordsAreBoundedAndClean(t *testing.T) {
	long := strings.Repeat("é", 10_000)
	fields := strings.Repeat(`{"field": "`+long+`", "message": "`+long+`"},`, 50)
	s := onServer(t, saysJSON(422, `{"message": "a\u0000b\u001b[31mc\r\nd\u202ee\u200bf `+long+`", "errors": [`+strings.TrimSuffix(fields, ",")+`]}`))
	e := create(t, s.client)
	assert.True(t, strings.HasPrefix(e.Message, "a b [31mc d e f é"), e.Message)
	assert.Len(t, []rune(e.Message), 500)
	assert.Len(t, e.Fields, 20)
	assert.Less(t, len([]rune(e.Error())), 10_000)
	assert.False(t, strings.ContainsFunc(e.Error(), unicode.IsControl))
}

// 404 speaks of a user only where the call is about one and the answer is the
// API's. A wrong base URL must not read as an account without users.
func TestL5_OnlyTheAPIsOwn404IsAVerdict(t *testing.T) {
	update := func(c *zenqms.Client) error {
		_, err := c.Update(t.Context(), "7", zenqms.Patch{Active: new(false)})
		return err
	}
	roles := func(c *zenqms.Client) error { _, err := c.AddRoles(t.Context(), "7", []string{"x"}); return err }
	byID := func(c *zenqms.Client) error { _, err := c.ByID(t.Context(), "7"); return err }
	list := func(c *zenqms.Client) error { _, err := c.List(t.Context(), 1); return err }
	add := func(c *zenqms.Client) error { _, err := c.Create(t.Context(), ada); return err }
	for name, c := range map[string]struct {
		call        func(*zenqms.Client) error
		media, body string
		notFound    bool
	}{
		"update, the API":     {update, "application/json", `{"message": "no such user"}`, true},
		"update, no words":    {update, "", "", true},
		"update, a page":      {update, "text/html", "<html>", false},
		"update, plain text":  {update, "text/plain", "404 page not found", false},
		"add roles, the API":  {roles, "application/json", `{"message": "no such user"}`, true},
		"search by id":        {byID, "application/json", `{"message": "no such route"}`, false},
		"search by id, empty": {byID, "", "", false},
		"list":                {list, "application/json", `{}`, false},
		"create":              {add, "application/json", `{}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.call(onServer(t, says(http.StatusNotFound, c.media, c.body)).client)
			assert.Equal(t, c.notFound, zenqms.IsNotFound(err), "%v", err)
			if !c.notFound {
				assert.Zero(t, asError(t, err).Status)
				assert.ErrorContains(t, err, "check the base URL")
			}
		})
	}
	assert.False(t, zenqms.IsNotFound(nil))
	assert.False(t, zenqms.IsNotFound(errors.New("404")))
}

// Whatever a server echoes, and however it spells it, the key is in no error.
func TestKey_IsInNoError(t *testing.T) {
	quoted := `k3y-0f-th3-t3st+\/\u0026acc0unt`
	for name, handle := range map[string]http.HandlerFunc{
		"message":      saysJSON(401, `{"message": "bad token Bearer `+key+`"}`),
		"escaped JSON": saysJSON(401, `{"message": "bad token `+quoted+`"}`),
		"field":        saysJSON(422, `{"errors": [{"field": "`+key+`", "message": "`+key+`"}]}`),
		"field name":   saysJSON(422, `{"errors": {"`+key+`": ["`+key+`"]}}`),
		"query":        saysJSON(401, `{"message": "`+url.QueryEscape(key)+`"}`),
		"path":         saysJSON(401, `{"message": "`+url.PathEscape(key)+`"}`),
		"html":         saysJSON(401, `{"message": "`+html.EscapeString(key)+`"}`),
		"plain text":   says(500, "text/plain", strings.Repeat("x", 190)+key),
		"2xx text":     says(200, "text/plain", "token "+key),
		"content type": says(500, "text/"+url.PathEscape(key), "x"),
		"an id":        saysJSON(200, `{"id": "`+key+`", "is_active": true}`),
		"a wrong kind": saysJSON(200, `{"id": {"`+key+`": 1}}`),
		"redirect": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://"+url.PathEscape(key)+".example.com/"+key)
			w.WriteHeader(http.StatusFound)
		},
		"odd redirect": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Location"] = []string{"http://[" + key}
			w.WriteHeader(http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := onServer(t, handle)
			_, err := s.client.Update(t.Context(), "1", zenqms.Patch{Title: new("T")})
			require.Error(t, err)
			e := asError(t, err)
			shown := err.Error() + e.Message
			for _, f := range e.Fields {
				shown += f.Field + f.Message
			}
			for inner := e.Err; inner != nil; inner = errors.Unwrap(inner) {
				shown += inner.Error()
			}
			for _, spelling := range []string{key, quoted, url.QueryEscape(key), url.PathEscape(key), html.EscapeString(key), base64.StdEncoding.EncodeToString([]byte(key))} {
				assert.NotContains(t, shown, spelling)
			}
		})
	}
}

func TestKey_FromATransportError(t *testing.T) {
	client := newClient(t, zenqms.Config{BaseURL: "https://zenqms.test", Transport: failing{errors.New("proxy refused Bearer " + key)}})
	err := client.Ping(t.Context())
	assert.EqualError(t, err, "zenqms: check the API key: proxy refused Bearer [API key]")
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestRedirect_IsNeverFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		reached := 0
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
		s := onServer(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/v2/users", status)
		})
		e := create(t, s.client)
		elsewhere.Close()
		assert.Equal(t, status, e.Status)
		assert.Contains(t, e.Message, strings.TrimPrefix(elsewhere.URL, "http://"), "the reader must learn where to")
		assert.Zero(t, reached, "neither the key nor the user's data may go there")
		assert.Len(t, s.seen(), 1)
	}
}

func TestAnswer_TooLongIsCutOff(t *testing.T) {
	var sent int
	s := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"data": [], "x": "`)
		chunk := strings.Repeat("x", 1<<20)
		for range 256 {
			n, err := io.WriteString(w, chunk)
			sent += n
			if err != nil {
				return
			}
		}
	})
	_, err := s.client.List(t.Context(), 1)
	assert.Zero(t, asError(t, err).Status)
	assert.ErrorContains(t, err, "longer than 8 MiB")
}

// However many calls are answered without an end, what they hold together is
// bounded; and so is what a list of next to nothing is read into.
func TestAnswer_TooLongTakesLittleMemory(t *testing.T) {
	const calls, whole, bound = 16, 100 << 20, 128 << 20
	var most atomic.Uint64
	block := []byte(strings.Repeat("x", 1<<20))
	s := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data": [], "x": "`)
		for range whole / len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			for before := most.Load(); m.HeapAlloc > before && !most.CompareAndSwap(before, m.HeapAlloc); before = most.Load() {
			}
		}
	})
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			_, err := s.client.List(t.Context(), 1)
			assert.ErrorContains(t, err, "longer than 8 MiB")
		})
	}
	all.Wait()
	t.Logf("at most %d MiB of heap", most.Load()>>20)
	assert.Less(t, most.Load(), uint64(bound), "16 answers of 100 MiB each, of which one at a time is read further than 256 KiB")

	many := strings.Repeat(`{},`, 10_000) + `{}`
	_, err := onServer(t, saysJSON(200, `{"data": [`+many+`]}`)).client.List(t.Context(), 1)
	assert.ErrorContains(t, err, "a list of more than 10000 rows")
	_, err = onServer(t, saysJSON(200, `{"id": 1, "is_active": true, "roles": [`+many+`]}`)).client.Update(t.Context(), "1", zenqms.Patch{Title: new("T")})
	assert.ErrorContains(t, err, "a list of more than 10000 rows")
}

// A refusal is one whatever comes behind it, and is not read to its end.
func TestRefusal_MayBeLong(t *testing.T) {
	for body, words := range map[string]string{
		`{"message": "no"` + strings.Repeat(" ", 60<<10) + `}`: "no",
		"<html>" + strings.Repeat("x", 100<<20):                "not JSON but text/html",
	} {
		e := create(t, onServer(t, says(422, "text/html", body)).client)
		assert.Equal(t, 422, e.Status)
		assert.Equal(t, words, e.Message)
	}
}

func TestNoAnswer(t *testing.T) {
	t.Run("nobody listens", func(t *testing.T) {
		s := httptest.NewServer(nil)
		s.Close()
		e := create(t, newClient(t, zenqms.Config{BaseURL: s.URL}))
		assert.Zero(t, e.Status)
		assert.Contains(t, e.Error(), "connection refused")
		var network net.Error
		assert.ErrorAs(t, e, &network)
	})
	t.Run("the connection breaks", func(t *testing.T) {
		account := zenqmstest.New(zenqmstest.Options{Token: key})
		web := httptest.NewServer(account)
		t.Cleanup(web.Close)
		account.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Drop: true})
		account.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{DropAfter: true})
		client := newClient(t, zenqms.Config{BaseURL: web.URL})
		assert.Zero(t, create(t, client).Status)
		assert.Zero(t, account.Len())
		assert.Zero(t, create(t, client).Status)
		assert.Equal(t, 1, account.Len(), "it happened, and was sent once")
		assert.Len(t, account.Calls(), 2)
	})
	t.Run("it breaks off within the answer", func(t *testing.T) {
		s := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"id": 1`)
		})
		e := create(t, s.client)
		assert.Zero(t, e.Status)
		assert.Contains(t, e.Error(), "HTTP 200, but the answer broke off")
		assert.ErrorIs(t, e, io.ErrUnexpectedEOF)
	})
	t.Run("the caller gives up", func(t *testing.T) {
		_, client := onAccount(t, zenqmstest.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := client.Create(ctx, ada)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, asError(t, err).Status)
	})
}

func TestTimeout_IsOneAttemptsOwn(t *testing.T) {
	arrived := make(chan struct{}, 1)
	s := onServer(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	_, err := newClient(t, zenqms.Config{BaseURL: s.url, Timeout: 50 * time.Millisecond}).Create(t.Context(), ada)
	<-arrived
	assert.Zero(t, asError(t, err).Status)
	assert.EqualError(t, err, "zenqms: create user: no answer within 50ms")
	assert.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's own deadline stands")
}
