package okta

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/okta/okta-sdk-golang/v2/okta"
)

// The scopes that the app has to be granted, spelled as Okta spells them. Okta refuses a token altogether if one of
// them is not.
var scopes = []string{"okta.users.read", "okta.groups.read", "okta.eventHooks.manage"}

// A session is an SDK client and the access token in its keeping.
type session struct {
	client *sdk.Client
	oauth  bool

	// The SDK asks for a token while it builds a request, without regard to the context and once for each goroutine
	// that finds none. So requests are built by whoever has the turn.
	turn     chan struct{}
	failures atomic.Int64 // token calls that failed
	failure  error        // the latest of them; read and written by whoever has the turn
}

// newSession makes one whose token is for some scopes.
func newSession(c Config, t *transport, scopes ...string) (*session, error) {
	// Every option there is, so that none is left to the environment or to a file.
	options := []sdk.ConfigSetter{
		sdk.WithOrgUrl(c.OrgURL),
		sdk.WithHttpClientPtr(&http.Client{Transport: t, Timeout: c.Timeout}), // the SDK's own has no timeout
		sdk.WithConnectionTimeout(seconds(c.Timeout)),
		sdk.WithRequestTimeout(seconds(c.Timeout)),
		sdk.WithCache(false), // on unless told otherwise, and users then stay as they were for 5 minutes
		sdk.WithCacheManager(nil),
		sdk.WithCacheTtl(0),
		sdk.WithCacheTti(0),
		sdk.WithRateLimitMaxRetries(0), // waiting is the caller's affair
		sdk.WithRateLimitMaxBackOff(0),
		sdk.WithProxyHost(""),
		sdk.WithProxyPort(0),
		sdk.WithProxyUsername(""),
		sdk.WithProxyPassword(""),
		sdk.WithUserAgentExtra("zensync"),
		sdk.WithTestingDisableHttpsCheck(true), // orgURL has checked
		sdk.WithClientAssertion(""),
		sdk.WithPrivateKey(""), // a signer instead: this option takes a path as well as a key
		sdk.WithAuthorizationMode("SSWS"),
		sdk.WithToken(c.APIToken),
		sdk.WithClientId(""),
		sdk.WithScopes(nil),
		sdk.WithPrivateKeyId(""),
		sdk.WithPrivateKeySigner(nil),
	}
	if c.oauth() {
		signer, err := sdk.CreateKeySigner(string(c.PrivateKey), c.PrivateKeyID)
		if err != nil {
			return nil, fmt.Errorf("private_key: %w", err)
		}
		options = append(options,
			sdk.WithAuthorizationMode("PrivateKey"),
			sdk.WithClientId(c.ClientID),
			sdk.WithScopes(scopes),
			sdk.WithPrivateKeyId(c.PrivateKeyID),
			sdk.WithPrivateKeySigner(signer),
		)
	}
	// The context that NewClient takes and returns carries the client, and is of no use here.
	_, client, err := sdk.NewClient(context.Background(), options...)
	if err != nil {
		return nil, err
	}
	return &session{client: client, oauth: c.oauth(), turn: make(chan struct{}, 1)}, nil
}

// seconds rounds up: the SDK counts in whole seconds and takes 0 for "for ever".
func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }

// bodies are reused: a walk reads thousands of pages of the same size.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// send makes one attempt, preceded by a token call if there is no token. The SDK is there for the credentials; the
// answer goes past it, as transport says.
func (s *session) send(ctx context.Context, r request) (http.Header, error) {
	executor := s.client.CloneRequestExecutor()
	req, err := s.build(ctx, executor, r)
	if err != nil {
		return nil, err
	}
	body := bodies.Get().(*bytes.Buffer)
	defer func() {
		if body.Cap() <= 4*shortAnswer { // what one long answer took is not kept for the short ones
			bodies.Put(body)
		}
	}()
	body.Reset()
	a := &answer{body: body}
	if _, err := executor.Do(context.WithValue(ctx, answerKey{}, a), req, nil); err != nil {
		return nil, err
	}
	if r.decode == nil {
		return a.header, nil
	}
	if !json.Valid(body.Bytes()) {
		return nil, fmt.Errorf("an answer of %d bytes that is not valid JSON", body.Len())
	}
	if err := r.decode(bytes.TrimSpace(body.Bytes())); err != nil {
		return nil, err
	}
	return a.header, nil
}

// build makes a request that carries credentials. Whoever waited while a token call failed is told of that failure
// instead of adding one of his own.
func (s *session) build(ctx context.Context, executor *sdk.RequestExecutor, r request) (*http.Request, error) {
	if !s.oauth {
		return executor.NewRequest(r.method, r.target(), r.body)
	}
	failures := s.failures.Load()
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, tokenError(ctx.Err())
	}
	if s.failures.Load() != failures {
		err := s.failure
		<-s.turn
		return nil, err
	}
	type result struct {
		req *http.Request
		err error
	}
	built := make(chan result, 1)
	go func() { // goes on without us if ctx ends: the token will serve the next call
		req, err := executor.NewRequest(r.method, r.target(), r.body)
		if err != nil {
			err = tokenError(err)
			s.failure = err
			s.failures.Add(1)
		}
		<-s.turn
		built <- result{req, err}
	}()
	select {
	case b := <-built:
		return b.req, b.err
	case <-ctx.Done():
		return nil, tokenError(ctx.Err())
	}
}
