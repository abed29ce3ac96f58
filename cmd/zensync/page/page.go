// Package page is what a worker shows to those who look after it: a page for
// browsers (/, with /explain about one person), whether it is well (/healthz,
// /readyz) and how it stands in figures (/metrics, for Prometheus).
//
// It only shows. There is no request by which anything could be changed, and it
// has the store for reading alone. It asks for no password, so it answers to
// names of this host alone, and no other site can make a browser ask what costs
// calls. The page for browsers names people; health and metrics name nobody.
//
// It can neither stop nor slow down the worker beside it: what it reads is
// bounded in time and in rows, and a failure of its own is logged and goes no
// further.
//
// What the store says is of both services. What is counted, calls and outcomes
// of events, is of this process since its start.
package page

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// Page is the page of one worker. It is safe for concurrent use.
type Page struct {
	db      *store.Reader
	log     *slog.Logger
	serves  func() bool
	build   Build
	name    string
	metrics *metrics
	glass   *glass[standing]
	sheet   *glass[sheet]
	album   *glass[album]
	tally   *glass[tally]
	turns   *turns
	seen    map[string]*atomic.Int64 // by side: when it last answered well, in nanoseconds since born; 0: not yet

	subject atomic.Pointer[Subject]
	beat    atomic.Int64 // the worker's last sign of life, in nanoseconds since born
	born    time.Time
}

// Subject is what the page shows besides the store.
type Subject struct {
	Worker *reconcile.Worker
	// Pace is how many calls a second ZenQMS is sent at most, and how much
	// longer it has asked to be left alone.
	Pace func() (perSecond float64, pause time.Duration)
	// Explain tells how one user stands, as `zensync explain` does, with the
	// latest rows of the log about him. ErrUnclear says that the question is.
	Explain func(ctx context.Context, who string) (Explained, error)
}

// Explained is what there is to tell of one user.
type Explained struct {
	About []output.Pair
	Log   output.Table
}

// ErrUnclear is wrapped by errors of Explain when who is asked for is nobody, or
// several.
var ErrUnclear = errors.New("nobody, or several")

// Build is what this program is, and how its commands are typed here.
type Build struct{ Version, Commit, Go, Command string }

// New makes a page about a store. serves tells whether a worker is up to stay,
// not just a command that does its work; name is what worker.listen calls this
// host.
func New(db *store.DB, serves func() bool, build Build, name string, log *slog.Logger) *Page {
	p := &Page{db: db.Reader(), log: log, serves: serves, build: build, name: name, turns: newTurns(),
		seen: map[string]*atomic.Int64{"okta": {}, "zenqms": {}}, born: time.Now()}
	p.glass, p.sheet, p.album, p.tally = p.newGlass(), p.newSheet(), p.newAlbum(), p.newTally()
	p.metrics = newMetrics(p, build)
	return p
}

// Show makes the page tell of a worker, in place of the one before.
func (p *Page) Show(s Subject) { p.subject.Store(&s) }

// Beat is a sign of life of the worker.
func (p *Page) Beat() { p.beat.Store(int64(time.Since(p.born))) }

// Calls is who a client of a side, okta or zenqms, tells of its calls.
func (p *Page) Calls(side string) func(call string, status int, d time.Duration) {
	return func(call string, status int, d time.Duration) {
		p.metrics.call(side, call, status, d)
		if seen := p.seen[side]; seen != nil && status >= 200 && status < 300 {
			seen.Store(int64(time.Since(p.born)))
		}
	}
}

// Kept is who a worker tells of the events it is done with.
func (p *Page) Kept(k reconcile.Kept) { p.metrics.kept(k) }

// Handler answers requests. Whatever is shown to people goes here as well.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", p.health)
	mux.HandleFunc("/readyz", p.readiness)
	metrics := p.metrics.handler(p.log)
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) {
		p.glass.look() // first, for a reading counts events as well
		metrics.ServeHTTP(w, r)
	})
	p.handleFront(mux)
	return readOnly(p.known(mux))
}
