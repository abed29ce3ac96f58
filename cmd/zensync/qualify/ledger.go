package qualify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// ledger stands between this program and ZenQMS: it writes down every call
// that is to change something, and, for a ZenQMS that is not a fake, lets none
// through that concerns an account this qualification has not made itself. It
// is safe for concurrent use.
type ledger struct {
	next   http.RoundTripper
	strict bool   // nothing but our own accounts may be written to
	prefix string // with which every address of ours begins

	ours   *belongings
	refuse atomic.Bool // nothing goes through: ZenQMS is out of reach

	mu     sync.Mutex
	writes []write
	reads  int
}

// belongings are the ids of the accounts that this qualification has made. They
// are safe for concurrent use.
type belongings struct {
	strange atomic.Int64 // calls that concerned somebody else's account

	mu  sync.Mutex
	ids map[string]bool
}

func (b *belongings) add(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids[id] = true
}

func (b *belongings) has(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ids[id]
}

func (b *belongings) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.ids))
}

// write is one call that was to change something.
type write struct {
	method, id, rest string // rest is what stands behind the id in the path
	body             map[string]any
	status           int
}

const usersPath = "/v2/users"

func (l *ledger) RoundTrip(r *http.Request) (*http.Response, error) {
	_, path, found := strings.Cut(r.URL.Path, usersPath)
	search := strings.HasSuffix(r.URL.Path, "/search")
	if search || r.Method == http.MethodGet {
		l.mu.Lock()
		l.reads++
		l.mu.Unlock()
		return l.next.RoundTrip(r)
	}
	w := write{method: r.Method}
	if w.id, w.rest, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/"); !found {
		w.rest = r.URL.Path
	}
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(text))
		_ = json.Unmarshal(text, &w.body) // what is no object has no fields
	}
	if err := l.check(w); err != nil {
		return nil, err
	}
	if l.refuse.Load() {
		return nil, errors.New("the qualification cuts the connection")
	}
	answer, err := l.next.RoundTrip(r)
	if err != nil {
		l.note(w)
		return answer, err
	}
	w.status = answer.StatusCode
	if w.method == http.MethodPost && w.id == "" && answer.StatusCode < 300 {
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		answer.Body = io.NopCloser(bytes.NewReader(text))
		if err != nil {
			return answer, err
		}
		var made struct {
			ID any `json:"id"`
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber() // ids are opaque text
		_ = decoder.Decode(&made)
		l.ours.add(fmt.Sprint(made.ID))
	}
	l.note(w)
	return answer, nil
}

// check refuses what would touch somebody else's account.
func (l *ledger) check(w write) error {
	if !l.strict {
		return nil
	}
	address, given := w.body["email"].(string)
	switch {
	case w.id == "" && w.method == http.MethodPost && strings.HasPrefix(address, l.prefix):
		return nil
	case w.id != "" && l.ours.has(w.id) && (!given || strings.HasPrefix(address, l.prefix)):
		return nil
	}
	l.ours.strange.Add(1)
	return fmt.Errorf("the qualification lets nothing be written to an account that it has not made: %s %s", w.method, w.id)
}

func (l *ledger) note(w write) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes = append(l.writes, w)
}

// taken gives what was noted since the last time.
func (l *ledger) taken() (writes []write, reads int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	writes, reads = l.writes, l.reads
	l.writes, l.reads = nil, 0
	return writes, reads
}

// way is the way to a sandbox for addresses with a prefix.
func (b *Sandbox) way(next http.RoundTripper, prefix string) *ledger {
	return &ledger{next: next, strict: true, prefix: prefix, ours: b.ours}
}
