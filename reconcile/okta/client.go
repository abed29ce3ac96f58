// Package okta reads the users and groups of one Okta org and looks after the org's event hooks. It holds all that
// this program knows of Okta: endpoints, credentials, paging, rate-limit headers, error shapes, and the habits of
// the Okta SDK, of which it is the only importer.
//
// It decides nothing: which statuses mean "active", which users matter and when to try again is the caller's
// affair. It writes nothing to Okta but event hooks, keeps no state beyond the access token and the rate limits
// last seen, and retries nothing, with one exception: an access token that Okta no longer accepts is replaced once,
// and the call repeated. It waits, before a call, only for its share of a rate limit (Config.RateShare).
package okta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"
)

// DefaultTimeout bounds one HTTP attempt where Config does not. Okta ends a list that takes it too long with a 500
// of its own well before that.
const DefaultTimeout = 30 * time.Second

// callAttempts is how many HTTP attempts one call may take at most: a token, the call, a new token, the call again.
const callAttempts = 4

// idleConnections is kept above the number of users synced at the same time (8 unless told otherwise), so that no
// connection is dialled anew for want of a place to keep it. net/http keeps 2.
const idleConnections = 32

// Config says which org to talk to and as whom. Either the three fields of the service app are set or APIToken.
type Config struct {
	OrgURL       string            // https://example.okta.com, no path; http for loopback hosts only
	ClientID     string            // of an app of the kind "API Services" with private_key_jwt and without DPoP
	PrivateKey   []byte            // PEM text, PKCS#1 or PKCS#8, RSA
	PrivateKeyID string            // the key's "kid" among the app's public keys
	APIToken     string            // an SSWS token, instead of the service app
	Transport    http.RoundTripper // nil: a clone of http.DefaultTransport
	Timeout      time.Duration     // of one HTTP attempt, body included; 0: DefaultTimeout
	RateShare    float64           // how much of each of Okta's rate limits is used, above 0 to 1; 0 is 1: no restraint
	// Observe, if given, is told of every HTTP attempt: its method and endpoint, as in "GET users/{id}", of which there
	// are few, the status of the answer, 0 for none, and how long it took. It is called from many goroutines.
	Observe func(call string, status int, d time.Duration)
}

// Client talks to one Okta org. It may be used from many goroutines.
//
// Every call ends: on its context, or four times Config.Timeout after it was begun. Before that it may wait for our
// share of the rate limit, some minutes in a busy org. What comes of a call that was made is an *Error; what was
// refused beforehand, such as an id that cannot be one (ErrID) or an *ErrShare, is not.
//
// In a testing/synctest bubble use a client that was made outside of it and has an APIToken. In New, and whenever an
// access token has to be replaced, the SDK starts a goroutine that ends only when it is collected as garbage; and
// whoever waits for another's token call does not count as waiting there.
type Client struct {
	config    Config
	transport *transport

	mu      sync.Mutex
	session *session // replaced when Okta stops accepting its token
}

// New makes a client without calling Okta. Its errors name the setting that is wrong, and never a secret. No
// environment variable and no ~/.okta/okta.yaml has a say: whatever the SDK would read there is overridden. (The SDK
// looks at them nevertheless, and prints "error parsing" to stdout when an OKTA_CLIENT_* variable is not of its type.)
func New(config Config) (*Client, error) {
	org, err := orgURL(config.OrgURL)
	if err != nil {
		return nil, fmt.Errorf("okta: org_url: %w", err)
	}
	config.OrgURL = org
	if err := config.checkCredentials(); err != nil {
		return nil, fmt.Errorf("okta: %w", err)
	}
	if config.oauth() {
		if config.PrivateKey, err = pkcs1(config.PrivateKey); err != nil {
			return nil, fmt.Errorf("okta: private_key: %w", err)
		}
	}
	switch {
	case config.Timeout < 0:
		return nil, fmt.Errorf("okta: timeout: %s is negative", config.Timeout)
	case config.Timeout == 0:
		config.Timeout = DefaultTimeout
	}
	if config.RateShare == 0 {
		config.RateShare = 1
	}
	if !(config.RateShare > 0 && config.RateShare <= 1) {
		return nil, fmt.Errorf("okta: rate_share: %v is not above 0 and at most 1", config.RateShare)
	}
	if config.Transport == nil {
		config.Transport = defaultTransport(config.Timeout)
	}
	c := &Client{config: config, transport: &transport{base: config.Transport, observe: config.Observe,
		budget: budget{share: config.RateShare}, long: make(chan struct{}, 1)}}
	if c.session, err = newSession(config, c.transport, scopes...); err != nil {
		return nil, fmt.Errorf("okta: %w", err)
	}
	return c, nil
}

// defaultTransport is net/http's own for calls that may take so long. Of HTTP/2, where one connection carries all calls,
// one that is silent is asked whether it lives, sooner than a call gives up: a call that got no answer does not end it,
// and TCP takes a quarter of an hour to notice that the other end is gone.
func defaultTransport(timeout time.Duration) http.RoundTripper {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // somebody's own
	}
	transport = transport.Clone()
	transport.MaxIdleConnsPerHost = idleConnections
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: timeout / 2, PingTimeout: timeout / 4}
	return transport
}

func (c Config) oauth() bool { return c.APIToken == "" }

// checkCredentials wants exactly one kind of them, complete.
func (c Config) checkCredentials() error {
	app := c.ClientID != "" || len(c.PrivateKey) > 0 || c.PrivateKeyID != ""
	switch {
	case c.APIToken != "" && app:
		return errors.New("api_token and client_id with private_key are both set: keep one of the two")
	case c.APIToken != "" && strings.ContainsFunc(c.APIToken, notInToken):
		return errors.New("api_token: it holds a blank or a control character; is it more than the token?")
	case c.APIToken != "":
		return nil
	case !app:
		return errors.New("client_id: no credentials: set client_id, private_key and private_key_id of an API Services app, or api_token")
	case c.ClientID == "":
		return errors.New("client_id: it is not set")
	case len(c.PrivateKey) == 0:
		return errors.New("private_key: it is not set")
	case c.PrivateKeyID == "":
		return errors.New("private_key_id: it is not set; it is the KID beside the public key in the app's settings")
	}
	return nil
}

func notInToken(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// orgURL checks the address of an org and takes a trailing slash off: the SDK would ask for //api/v1.
func orgURL(text string) (string, error) {
	if text == "" {
		return "", errors.New("it is not set; give the org's address, as in https://example.okta.com")
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return "", fmt.Errorf("%q is not an address like https://example.okta.com", withoutPassword(text))
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case u.User != nil:
		return "", fmt.Errorf("%q holds a user name: give the address alone", u.Redacted())
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%q has a path: give the address alone, https://%s", text, u.Host)
	case u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("%q does not start with https://", text)
	case u.Scheme == "http" && !loopback(host):
		return "", fmt.Errorf("%q would send credentials in the clear: use https", text)
	case strings.Contains(host, "-admin.okta"):
		return "", fmt.Errorf("%q is the admin console: leave out -admin", text)
	}
	return u.Scheme + "://" + u.Host, nil
}

// withoutPassword cuts what stands before an @ off text that is no URL, as it may be a password.
func withoutPassword(text string) string { return text[strings.LastIndex(text, "@")+1:] }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// A request is one call of Okta's API.
type request struct {
	op     string // for a person: "list users"
	method string
	path   string // escaped
	params url.Values
	body   any                     // encoded as JSON; nil: none
	decode func(body []byte) error // of an answer that is JSON; nil: it does not matter
}

func (r request) target() string {
	if len(r.params) == 0 {
		return r.path
	}
	return r.path + "?" + r.params.Encode()
}

// into decodes an answer into a struct.
func into(out any) func([]byte) error {
	return func(body []byte) error { return json.Unmarshal(body, out) }
}

// call sends a request once the rate limit has room for it, has the answer decoded, and gives its header. A 401 in the
// name of the service app means that its token was revoked or that keys were changed; since Okta has then not acted on
// the call, it is repeated with a new token, whatever its method.
func (c *Client) call(ctx context.Context, r request) (header http.Header, err error) {
	leave, err := c.transport.budget.enter(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { leave(err == nil || StatusOf(err) > 0) }()
	ctx, cancel := context.WithTimeout(ctx, callAttempts*c.config.Timeout)
	defer cancel()

	s := c.current()
	header, err = s.send(ctx, r)
	if tokenRefused(err) && c.config.oauth() {
		if s, err = c.renew(s); err == nil {
			header, err = s.send(ctx, r)
		}
	}
	if err != nil {
		return nil, asError(r.op, err)
	}
	return header, nil
}

func (c *Client) current() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// renew gives a session that has no token yet, in place of one whose token was refused: the SDK cannot be told to
// drop a token. However many calls were refused at the same time, they get the same new session.
func (c *Client) renew(refused *session) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != refused {
		return c.session, nil
	}
	s, err := newSession(c.config, c.transport, scopes...)
	if err != nil {
		return nil, err
	}
	c.session = s
	return s, nil
}

// Rate is what Okta last said of its rate limit. Its buckets differ by endpoint, so it speaks of the call made last.
// Limit 0: nothing was said yet, or too many calls were under way at the same time.
type Rate struct {
	Limit, Remaining int       // calls in the present window of about a minute
	Reset            time.Time // when the next window begins, by Okta's clock, to the second
}

// Rate gives the rate limit that the latest answer carried.
func (c *Client) Rate() Rate { return c.transport.rate() }

// Rates gives the rate limits that Okta has told of, each as last told, by the endpoint they are counted for, as in
// "users/{id}". Endpoints are few.
func (c *Client) Rates() map[string]Rate { return c.transport.budget.rates() }

// Waiting is how many calls wait at this moment for our share of a rate limit.
func (c *Client) Waiting() int { return c.transport.budget.calls() }

// ErrID is the error of a call that was given something that cannot be an Okta id. Okta is not asked then.
var ErrID = errors.New("not an okta id")

// checkID keeps everything but ids out of paths: Okta reads a login or "me" where an id belongs as a user, too, and
// the SDK does not escape a path.
func checkID(op, id string) error {
	ok := id != "" && id != "me" && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if !ok { // its text stays out of the error, as it may be somebody's login
		return fmt.Errorf("okta: %s: %w: those are letters and digits", op, ErrID)
	}
	return nil
}

// sameID is the check that an answer speaks of what was asked for.
func sameID(op, asked, got string) error {
	if got != asked {
		return &Error{Op: op, Err: fmt.Errorf("asked for id %s, the answer has id %q", asked, got)}
	}
	return nil
}

// apiPath joins path elements behind /api/v1, escaped.
func apiPath(elements ...string) string {
	var b strings.Builder
	b.WriteString("/api/v1")
	for _, e := range elements {
		b.WriteString("/" + url.PathEscape(e))
	}
	return b.String()
}
