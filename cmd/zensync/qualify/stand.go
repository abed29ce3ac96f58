package qualify

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/relay"
	"github.com/zensync/zensync/store"
)

// Setting is what a case wants to be different from the defaults.
type Setting struct {
	policy   reconcile.Policy
	limit    reconcile.Limit // of every kind; zero: none is reached
	groups   []string        // of sync.groups; each is made in Okta
	roles    []reconcile.RolePair
	batch    int // users a page; 0: 100
	schedule string
	faulty   bool // calls that fail are part of the case
	app      bool // Okta knows this program as a service app; else by an API token
	okta     oktatest.Options
	zenqms   zenqmstest.Options
}

// patience is how long anything that is waited for may take. It takes
// milliseconds on a machine that is not overloaded.
const patience = 15 * time.Second

// sandboxPatience is the same where each call waits for its turn, and all
// accounts of a sandbox are read.
const sandboxPatience = 5 * time.Minute

// stand is a whole installation for one case: an org, a ZenQMS, a store in a
// temporary folder, a relay on loopback and a worker, each the product's own.
type stand struct {
	ctx     context.Context
	setting Setting
	options Options
	folder  string
	ahead   atomic.Int64              // nanoseconds by which this installation's clock is ahead
	still   atomic.Pointer[time.Time] // what it shows while it stands still

	org      *oktatest.Org
	oktaURL  string
	toOkta   *doorway
	account  *zenqmstest.Account // nil: ZenQMS is not a fake
	toZenQMS zenqms.Config
	ledger   *ledger        // what the program writes there
	admin    *zenqms.Client // an administrator's hand there
	hookURL  string
	secret   string
	relay    *relay.Relay
	db       *store.DB
	worker   *reconcile.Worker
	endWork  func() error      // nil: no worker is up
	prefix   string            // of addresses
	names    map[string]string // of Okta users and ZenQMS accounts, by id
	ids      map[string]string // Okta ids by name
	accounts map[string]string // ZenQMS ids by name
	groupIDs map[string]string
	roleIDs  map[string]string
	key      []byte       // of the service app
	beats    atomic.Int64 // turns of the worker's dispatcher
	epoch    int64        // of claims made by hand
	made     atomic.Int64 // events
	closers  []func() error
}

// stopped ends a case that cannot be gone on with.
type stopped struct{ why string }

// must ends the case when something could not be carried out at all.
func (s *stand) must(err error) {
	if err != nil {
		panic(stopped{err.Error()})
	}
}

// clock is that of the whole installation: the real one, and what pass added.
func (s *stand) clock() time.Time {
	if still := s.still.Load(); still != nil {
		return *still
	}
	return time.Now().Add(time.Duration(s.ahead.Load()))
}

// stopClock lets no time go by but by pass, for what has to be looked at before
// the next second is over, however slow the machine is. It lasts for the case.
func (s *stand) stopClock() {
	now := s.clock()
	s.still.Store(&now)
}

// pass lets time go by.
func (s *stand) pass(d time.Duration) {
	if still := s.still.Load(); still != nil {
		now := still.Add(d)
		s.still.Store(&now)
	}
	s.ahead.Add(int64(d))
	s.db.Nudge()
}

// doorway leads to the org; a case may put something in the way.
type doorway struct {
	next   http.Handler
	detour atomic.Pointer[func(http.Handler, http.ResponseWriter, *http.Request)]
}

func (d *doorway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if detour := d.detour.Load(); detour != nil {
		(*detour)(d.next, w, r)
		return
	}
	d.next.ServeHTTP(w, r)
}

const (
	oktaToken  = "qualification-okta"
	hookSecret = "qualification-hook"
)

// setUp builds the installation of a case, not deployed. What was built before
// an error is for takeDown.
// name tells it from others in the addresses of a sandbox.
func setUp(ctx context.Context, o Options, setting Setting, name string) (*stand, error) {
	s := &stand{ctx: ctx, setting: setting, options: o, secret: hookSecret,
		names: map[string]string{}, ids: map[string]string{}, accounts: map[string]string{}, groupIDs: map[string]string{}, roleIDs: map[string]string{}}
	if o.Sandbox != nil {
		s.prefix = o.Sandbox.Prefix() + name + "-"
		setting.okta.FirstID = randomID() // an account of an earlier run must not be taken for one of this
	}
	var err error
	if s.folder, err = os.MkdirTemp("", "zensync-qualify-"); err != nil {
		return s, err
	}
	s.closers = append(s.closers, func() error { return os.RemoveAll(s.folder) })
	setting.okta.Now, setting.okta.AllowHTTPHooks = s.clock, true
	s.setting.okta = setting.okta
	if setting.app {
		if err := s.makeKey(); err != nil {
			return s, err
		}
	} else {
		s.setting.okta.Token = oktaToken
	}
	s.org = oktatest.New(s.setting.okta)
	s.toOkta = &doorway{next: s.org}
	if s.oktaURL, err = s.listen(s.toOkta); err != nil {
		return s, err
	}
	if err := s.reachZenQMS(); err != nil {
		return s, err
	}
	for _, name := range setting.groups {
		s.groupIDs[name] = s.org.AddGroup(name)
	}
	for _, p := range setting.roles {
		if s.groupIDs[p.Group] == "" {
			s.groupIDs[p.Group] = s.org.AddGroup(p.Group)
		}
	}
	s.org.DropAll()
	if err := s.openStore(filepath.Join(s.folder, "zensync.db")); err != nil {
		return s, err
	}
	if err := s.openRelay(); err != nil {
		return s, err
	}
	return s, s.makeWorker()
}

// reachZenQMS makes the way to ZenQMS, for the program and for an
// administrator's hand.
func (s *stand) reachZenQMS() error {
	s.toZenQMS = zenqms.Config{APIKey: zenqmstest.DefaultToken, MaxRequestsPerSecond: zenqms.NoLimit}
	ours := &belongings{ids: map[string]bool{}}
	if box := s.options.Sandbox; box != nil {
		s.toZenQMS, ours = box.ZenQMS, box.ours
	} else {
		s.setting.zenqms.Now = s.clock
		s.account = zenqmstest.New(s.setting.zenqms)
		var err error
		if s.toZenQMS.BaseURL, err = s.listen(s.account); err != nil {
			return err
		}
	}
	// Its own: the next case may be given the port of one that has ended.
	transport := http.DefaultTransport.(*http.Transport).Clone()
	s.closers = append(s.closers, func() error {
		transport.CloseIdleConnections()
		return nil
	})
	way := func() *ledger { return &ledger{next: transport, ours: ours} }
	if s.options.Sandbox != nil {
		way = func() *ledger { return s.options.Sandbox.way(transport, s.prefix) }
	}
	s.ledger = way()
	cfg := s.toZenQMS
	cfg.Transport = way()
	var err error
	s.admin, err = zenqms.New(cfg)
	return err
}

// listen serves a fake on a free port of loopback.
func (s *stand) listen(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: patience}
	go server.Serve(l) // ends with Close; a failure shows in whoever calls
	s.closers = append(s.closers, server.Close)
	return "http://" + l.Addr().String(), nil
}

// randomID is where a fake org begins to count, so that no two have the same
// ids.
func randomID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return binary.BigEndian.Uint64(b[:]) >> 16
}
