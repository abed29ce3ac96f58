// Package page is what a worker shows to those who look after it: whether it is
// well (/healthz, /readyz) and how it stands in figures (/metrics, for
// Prometheus).
//
// It only shows. There is no request by which anything could be changed, it
// asks for no password, and nothing on it names a person; whatever is added has
// to hold to the first. It can neither stop nor slow down the worker beside it:
// what it reads is bounded in time and in rows, and a failure of its own is
// logged and goes no further.
//
// What the store says is of both services. What is counted, calls and outcomes
// of events, is of this process since its start.
package page

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// Page is the page of one worker. It is safe for concurrent use.
type Page struct {
	db      *store.DB
	log     *slog.Logger
	serves  func() bool
	metrics *metrics
	glass   glass

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
}

// Build is what this program is.
type Build struct{ Version, Commit, Go string }

// New makes a page about a store. serves tells whether a worker is up to stay,
// not just a command that does its work.
func New(db *store.DB, serves func() bool, build Build, log *slog.Logger) *Page {
	p := &Page{db: db, log: log, serves: serves, born: time.Now()}
	p.glass.read = p.read
	p.metrics = newMetrics(p, build)
	return p
}

// Show makes the page tell of a worker, in place of the one before.
func (p *Page) Show(s Subject) { p.subject.Store(&s) }

// Beat is a sign of life of the worker.
func (p *Page) Beat() { p.beat.Store(int64(time.Since(p.born))) }

// Calls is who a client of a side, okta or zenqms, tells of its calls.
func (p *Page) Calls(side string) func(call string, status int, d time.Duration) {
	return func(call string, status int, d time.Duration) { p.metrics.call(side, call, status, d) }
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
	return readOnly(mux)
}

// readOnly lets nothing through but what asks to be shown something, and tells
// browsers to make nothing else of the answer.
func readOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "this page only shows: GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		h.ServeHTTP(w, r)
	})
}
