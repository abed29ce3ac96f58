// Package oktaspec checks HTTP exchanges with Okta's management API against
// the OpenAPI document that Okta ships inside its Go SDK: what a client asks
// and what a fake answers are both held to it, so that they cannot agree on an
// API that is not Okta's.
//
// It is for tests alone. It checks form (paths, parameters, schemas, statuses),
// not behaviour, and knows nothing of the token endpoint, which the document
// leaves out. Where the document is wrong about Okta, amendments.go says so.
package oktaspec

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// FaultHeader marks an answer that a fake spoilt on purpose; its form is not
// checked. The value is that of oktatest.FaultHeader.
const FaultHeader = "X-Oktatest-Fault"

const (
	sdkModule = "github.com/okta/okta-sdk-golang/v2"
	sdkFile   = ".generator/okta-management-APIs-oasv3-noEnums-inheritance.yaml"
	tokenPath = "/oauth2/v1/token"
)

type spec struct {
	doc    *openapi3.T
	router routers.Router
}

// load reads the document once per test binary; it takes about a second.
var load = sync.OnceValues(func() (*spec, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", sdkModule).Output()
	if err != nil {
		return nil, fmt.Errorf("find the Okta SDK's folder: %w", err)
	}
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromFile(filepath.Join(strings.TrimSpace(string(dir)), sdkFile))
	if err != nil {
		return nil, fmt.Errorf("load Okta's OpenAPI document: %w", err)
	}
	for _, a := range amendments {
		if err := a.apply(doc); err != nil {
			return nil, fmt.Errorf("amend Okta's OpenAPI document (%s): %w", a.why, err)
		}
	}
	// The document's server is a template of Okta's domain; fakes have others.
	doc.Servers = nil
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("route Okta's OpenAPI document: %w", err)
	}
	return &spec{doc, router}, nil
})

func must(t testing.TB) *spec {
	t.Helper()
	s, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Wrap returns a handler that serves with h and fails the test for every
// request or answer that Okta's document does not allow: a path, method, query
// parameter or status it does not know, a body that breaks its schema.
func Wrap(t testing.TB, h http.Handler) http.Handler {
	t.Helper()
	return &checked{t, must(t), h}
}

type checked struct {
	t    testing.TB
	spec *spec
	next http.Handler
}

func (c *checked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == tokenPath {
		c.next.ServeHTTP(w, r)
		return
	}
	input, err := c.spec.request(r)
	if err != nil {
		c.t.Errorf("request %s %s: %v", r.Method, r.URL.RequestURI(), err)
	}

	rec := httptest.NewRecorder()
	defer func() {
		if v := recover(); v != nil {
			// A connection cut on purpose: what was flushed still goes out.
			if rec.Flushed {
				send(w, rec)
				if f, ok := w.(http.Flusher); ok {
					f.Flush()
				}
			}
			panic(v)
		}
	}()
	c.next.ServeHTTP(rec, r)
	if input != nil && rec.Header().Get(FaultHeader) == "" {
		if err := response(r.Context(), input, rec); err != nil {
			c.t.Errorf("answer %d to %s %s: %v", rec.Code, r.Method, r.URL.RequestURI(), err)
		}
	}
	send(w, rec)
}

func send(w http.ResponseWriter, rec *httptest.ResponseRecorder) {
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(rec.Code)
	if rec.Body.Len() > 0 {
		// A client that hung up is no concern of the check.
		_, _ = w.Write(rec.Body.Bytes())
	}
}

// request checks a request and leaves its body to be read again. The input is
// nil if the document does not know the path.
func (s *spec) request(r *http.Request) (*openapi3filter.RequestValidationInput, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	defer func() { r.Body = io.NopCloser(bytes.NewReader(body)) }()
	r.Body = io.NopCloser(bytes.NewReader(body))

	route, params, err := s.router.FindRoute(r)
	if err != nil {
		return nil, err
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
			IncludeResponseStatus: true, SkipSettingDefaults: true,
			RejectWhenRequestBodyNotSpecified: true,
		},
	}
	for name := range r.URL.Query() {
		if route.Operation.Parameters.GetByInAndName("query", name) == nil &&
			route.PathItem.Parameters.GetByInAndName("query", name) == nil {
			return input, fmt.Errorf("query parameter %q is not documented", name)
		}
	}
	return input, openapi3filter.ValidateRequest(r.Context(), input)
}

func response(ctx context.Context, input *openapi3filter.RequestValidationInput, rec *httptest.ResponseRecorder) error {
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: rec.Code, Header: rec.Header(), Options: input.Options,
	}
	out.SetBodyBytes(rec.Body.Bytes())
	return openapi3filter.ValidateResponse(ctx, out)
}

// Schema fails the test if a JSON value breaks a schema of the document, such
// as "LogEvent".
func Schema(t testing.TB, name string, value []byte) {
	t.Helper()
	s := must(t)
	ref := s.doc.Components.Schemas[name]
	if ref == nil {
		t.Fatalf("Okta's document has no schema %s", name)
	}
	var v any
	if err := json.Unmarshal(value, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := ref.Value.VisitJSON(v, openapi3.VisitAsResponse()); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}
