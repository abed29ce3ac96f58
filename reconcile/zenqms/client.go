package zenqms

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Defaults of Config.
const (
	DefaultAuthHeader           = "Authorization"
	DefaultAuthPrefix           = "Bearer "
	DefaultMaxRequestsPerSecond = 10 // ZenQMS states no limit; this is ours
	DefaultTimeout              = 30 * time.Second
)

// NoPrefix as Config.AuthPrefix sends the key with nothing before it.
const NoPrefix = "none"

// NoLimit as Config.MaxRequestsPerSecond lifts the limit.
const NoLimit = -1

// Config says which account to talk to and how.
type Config struct {
	// BaseURL is the API's address without /v2, for example
	// https://public-api.zenqms.com. Plain http is accepted for loopback hosts
	// only. A path in front of /v2 is kept.
	BaseURL string
	// APIKey is the token made in ZenQMS under Settings > Account > API
	// Settings. White space around it is dropped.
	APIKey string
	// AuthHeader names the header that carries the key; "" is Authorization.
	AuthHeader string
	// AuthPrefix goes before the key. "" is "Bearer " in the Authorization
	// header and nothing in any other. A prefix that ends in a letter or digit
	// gets a space, since YAML drops the one at the end of a bare word.
	AuthPrefix string
	// MaxRequestsPerSecond paces all calls of the client together; 0 is 10, a
	// negative number (NoLimit) is no limit.
	MaxRequestsPerSecond float64
	// MaxInFlight is how many calls may be under way at once; 0 is no limit.
	MaxInFlight int
	// Transport carries the calls; nil is net/http's own.
	Transport http.RoundTripper
	// Timeout bounds one call, without the wait for its turn; 0 is 30 s.
	Timeout time.Duration
	// Observe, if given, is told of every call that was sent: its method and
	// path without ids, as in "PATCH users/{id}", of which there are few, the
	// status of the answer, 0 for none, and how long it took without the wait
	// for its turn. It is called from many goroutines.
	Observe func(call string, status int, d time.Duration)
}

// Client calls one ZenQMS account. It may be used by many goroutines at once:
// its pace, and the pause that a 429 asks for, hold for all of them together.
type Client struct {
	base       string // without a trailing slash
	authHeader string
	authValue  string
	secrets    *strings.Replacer
	http       *http.Client
	timeout    time.Duration
	observe    func(call string, status int, d time.Duration) // nil: nobody listens
	pace       *pace
	inFlight   chan struct{} // holds a value for each call under way; nil: no limit
	long       chan struct{} // holds a value while an answer that is not short is read
	roleKind   atomic.Int32  // a kind; see role.go
	listed     pageTrail
}

// New checks the configuration. It makes no call; see Ping.
func New(cfg Config) (*Client, error) {
	base, err := baseURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	key := strings.TrimSpace(cfg.APIKey)
	if key == "" {
		return nil, errors.New("zenqms: the API key is empty")
	}
	header := cmp.Or(cfg.AuthHeader, DefaultAuthHeader)
	prefix := authPrefix(header, cfg.AuthPrefix)
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("zenqms: the API key holds white space, a line break or a character beyond ASCII; its file must hold the key alone")
	}
	if strings.ContainsFunc(prefix, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("zenqms: the prefix of the API key holds a character that a header cannot carry")
	}
	if strings.ContainsFunc(header, func(r rune) bool { return !isHeaderChar(r) }) {
		return nil, fmt.Errorf("zenqms: %q cannot name a header", header)
	}
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("zenqms: the timeout %s is negative", cfg.Timeout)
	}
	perSecond := cmp.Or(cfg.MaxRequestsPerSecond, DefaultMaxRequestsPerSecond)
	if math.IsNaN(perSecond) {
		return nil, errors.New("zenqms: the requests per second are not a number")
	}
	timeout := cmp.Or(cfg.Timeout, DefaultTimeout)
	transport := cfg.Transport
	if transport == nil {
		transport = defaultTransport(timeout)
	}
	var inFlight chan struct{}
	if cfg.MaxInFlight > 0 {
		inFlight = make(chan struct{}, cfg.MaxInFlight)
	}
	return &Client{
		base:       base,
		authHeader: header,
		authValue:  prefix + key,
		secrets:    hide(key),
		http:       &http.Client{Transport: transport, CheckRedirect: neverFollow},
		timeout:    timeout,
		observe:    cfg.Observe,
		pace:       newPace(perSecond),
		inFlight:   inFlight,
		long:       make(chan struct{}, 1),
	}, nil
}

// baseURL checks the address and drops its trailing slashes.
func baseURL(raw string) (string, error) {
	if strings.TrimSpace(raw) == "" {
		return "", errors.New("zenqms: the base URL is empty; production is https://public-api.zenqms.com")
	}
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Host == "" {
		// The parser's error repeats its input, which may hold a password.
		return "", errors.New("zenqms: the base URL is not a URL like https://public-api.zenqms.com")
	}
	switch {
	case u.User != nil:
		return "", errors.New("zenqms: the base URL must not hold a user or password; the key has a setting of its own")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("zenqms: the base URL of %s must not have a query or fragment", u.Host)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "", fmt.Errorf("zenqms: the base URL must be https: %s is not this host, and plain http would show the key to the network", u.Host)
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("zenqms: the base URL must begin with https://, not %s://", u.Scheme)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func authPrefix(header, prefix string) string {
	switch {
	case prefix == NoPrefix:
		return ""
	case prefix == "" && strings.EqualFold(header, DefaultAuthHeader):
		return DefaultAuthPrefix
	case prefix == "":
		return ""
	}
	if last := prefix[len(prefix)-1]; isAlphanumeric(rune(last)) {
		return prefix + " "
	}
	return prefix
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

// isHeaderChar tells whether RFC 9110 allows r in a header's name.
func isHeaderChar(r rune) bool {
	return isAlphanumeric(r) || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// defaultTransport keeps enough idle connections for every concurrent call of
// a worker; net/http's own keeps two a host and would dial anew all the time.
//
// Of HTTP/2, where one connection carries all calls, one that is silent is asked
// whether it lives, sooner than a call of this timeout gives up: a call that got
// no answer does not end it, and TCP takes a quarter of an hour to notice that
// the other end is gone.
func defaultTransport(timeout time.Duration) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 32
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: timeout / 2, PingTimeout: timeout / 4}
	return t
}

// neverFollow leaves a redirect unfollowed: it would take the key to an
// address nobody configured, or turn a write into a read.
func neverFollow(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
