package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/relay"
	"github.com/zensync/zensync/store"
)

const (
	floodPeople  = 320
	floodSenders = 16
)

// flood is an org whose people change all the time, with a relay and a worker
// on one store, as two units have them.
type flood struct {
	org     *oktatest.Org
	account *zenqmstest.Account
	relay   string // address
	db      *store.DB
	worker  *reconcile.Worker
	later   atomic.Int64 // how far the store's clock is ahead, nanoseconds

	mu       sync.Mutex
	accepted map[string]bool // uuids of what the relay answered 204
}

func newFlood(t *testing.T) *flood {
	f := &flood{org: oktatest.New(oktatest.Options{Token: "token"}), account: zenqmstest.New(zenqmstest.Options{}), accepted: map[string]bool{}}
	folder := t.TempDir()
	open := func() *store.DB {
		db, err := store.Open(context.Background(), filepath.Join(folder, "zensync.db"))
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, db.Close()) })
		db.Now = func() time.Time { return time.Now().Add(time.Duration(f.later.Load())) }
		return db
	}
	f.db = open()
	require.NoError(t, f.db.Update(t.Context(), func(tx *store.Tx) error {
		return tx.SetSetting(store.LifeState, string(reconcile.Active))
	}))

	secret := filepath.Join(folder, "hook.secret")
	require.NoError(t, os.WriteFile(secret, []byte("flood"), 0o600))
	s, err := relay.OpenSecret(secret, "")
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f.relay = "http://" + listener.Addr().String()
	silent := slog.New(slog.NewTextHandler(io.Discard, nil))
	serving, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	receiver := &relay.Relay{DB: open(), Secret: s, Log: silent}
	go func() { stopped <- relay.Serve(serving, listener, receiver, nil, silent) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-stopped)
	})

	oktaClient, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token", Transport: f.org.Transport()})
	require.NoError(t, err)
	zenqmsClient, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: -1, Transport: f.account.Transport()})
	require.NoError(t, err)
	limit := reconcile.Limit{Max: floodPeople}
	f.worker = &reconcile.Worker{DB: f.db, Okta: oktaClient, ZenQMS: zenqmsClient, Brake: reconcile.Brake{Deactivations: limit, Activations: limit, RoleRemovals: limit},
		Concurrency: 8, MaxAttempts: 12, BatchSize: 100, Log: silent}
	return f
}

// happen makes something happen to a user in Okta, and returns the events of
// it. Every third leaves and comes back, the others change their title only: of
// more than half the brake would hold some.
func (f *flood) happen(who int, ids []string, dice *rand.Rand) []oktatest.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := ids[who]
	if u, _ := f.org.User(id); who%3 == 0 && dice.IntN(3) == 0 {
		status := oktatest.Suspended
		if u.Status == status {
			status = oktatest.Active
		}
		f.org.SetStatus(id, status)
	} else {
		f.org.UpdateProfile(id, func(p *oktatest.Profile) { p.Title = fmt.Sprintf("Title %d", dice.IntN(1000)) })
	}
	events := f.org.Pending()
	f.org.DropAll()
	return events
}

// deliver sends events as Okta does, but as often as it takes, and returns how
// often the relay could not store them.
func (f *flood) deliver(ctx context.Context, client *http.Client, events []oktatest.Event) (refused int, err error) {
	body := f.org.Envelope(events...)
	for ; ; refused++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.relay, bytes.NewReader(body))
		if err != nil {
			return refused, err
		}
		req.Header.Set("Authorization", "flood")
		resp, err := client.Do(req)
		if err != nil {
			return refused, err
		}
		_ = resp.Body.Close() // it is empty
		switch resp.StatusCode {
		case http.StatusNoContent:
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, e := range events {
				if e.Raw == nil {
					f.accepted[e.UUID] = true
				}
			}
			return refused, nil
		case http.StatusServiceUnavailable:
		default:
			return refused, fmt.Errorf("the relay answered %d", resp.StatusCode)
		}
	}
}

// send makes things happen to the people of one sender, and tells of them in n
// deliveries: several events in each, some told twice, some late and out of
// order, an odd one between, and some deliveries doubled.
func (f *flood) send(ctx context.Context, n int, ids []string, sender int) (refused int, err error) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	dice := rand.New(rand.NewPCG(7, uint64(sender)))
	var late, told []oktatest.Event
	for i := 1; i <= n; i++ {
		events := late
		late = nil
		for range 1 + dice.IntN(3) {
			who := sender + floodSenders*dice.IntN(len(ids)/floodSenders)
			events = append(events, f.happen(who, ids, dice)...)
		}
		if dice.IntN(3) == 0 && len(told) > 0 {
			events = append(events, told[dice.IntN(len(told))])
		}
		if dice.IntN(10) == 0 {
			events = append(events, oktatest.Event{Raw: []byte(fmt.Sprintf(`{"uuid": "odd-%d-%d", "eventType": null, "target": null}`, sender, i))})
		}
		dice.Shuffle(len(events), func(a, b int) { events[a], events[b] = events[b], events[a] })
		if keep := dice.IntN(len(events)); i < n && dice.IntN(4) == 0 {
			events, late = events[keep:], slices.Clone(events[:keep])
		}
		times := 1
		if i < n && dice.IntN(10) == 0 {
			times, i = 2, i+1
		}
		for range times {
			again, err := f.deliver(ctx, client, events)
			if refused += again; err != nil {
				return refused, err
			}
		}
		told = append(told, events...)
	}
	if len(late) > 0 {
		_, err = f.deliver(ctx, client, late)
	}
	return refused, err
}

// Ten thousand deliveries while the worker drains: what was accepted is applied
// once in effect.
func TestE2_AFloodOfDeliveriesIsAppliedOnceInEffect(t *testing.T) {
	deliveries := floodDeliveries
	if testing.Short() {
		deliveries = 1_000
	}
	f := newFlood(t)
	var ids []string
	for i := range floodPeople {
		p := oktatest.Profile{Email: fmt.Sprintf("p%d@example.com", i), FirstName: "P", LastName: fmt.Sprint(i), Title: "New"}
		ids = append(ids, f.org.Seed(p, oktatest.Active).ID)
	}
	began := time.Now()
	var over atomic.Bool
	drained := make(chan error, 1)
	go func() {
		drained <- f.worker.Attend(context.WithoutCancel(t.Context()), "flood", func(tx *store.Tx) (bool, error) {
			q, err := tx.Queue()
			if over.Load() && q.Ready == 0 && q.Waiting > 0 {
				f.later.Add(int64(10 * time.Minute)) // for the late looks of E2
			}
			return over.Load() && q.Ready+q.Waiting == 0, err
		})
	}()
	var senders sync.WaitGroup
	var refused atomic.Int64
	for sender := range floodSenders {
		senders.Go(func() {
			n, err := f.send(t.Context(), deliveries/floodSenders, ids, sender)
			assert.NoError(t, err)
			refused.Add(int64(n))
		})
	}
	senders.Wait()
	sent := time.Since(began)
	assert.NotEmpty(t, f.account.Writes(), "the worker drains meanwhile")
	over.Store(true)
	require.NoError(t, <-drained)
	t.Logf("%d deliveries of %d events sent in %v (%d answers of 503), drained after %v with %d writes",
		deliveries, len(f.accepted), sent, refused.Load(), time.Since(began), len(f.account.Writes()))

	assert.LessOrEqual(t, len(f.account.Writes()), len(f.accepted), "E2: at most one write an event")
	f.assertClosed(t)
	f.assertInStep(t, ids)
}

// assertClosed finds every accepted event in the store, and its work done.
func (f *flood) assertClosed(t *testing.T) {
	t.Helper()
	require.NoError(t, f.db.View(t.Context(), func(tx *store.Tx) error {
		events, err := readReport(tx, "events", store.ReportArgs{})
		odd := 0
		for _, row := range only(events, "id", "state", "error").Rows {
			id := row[0].(string)
			if f.accepted[id] {
				assert.Equal(t, "done", row[1], "%s: %v", id, row[2])
				delete(f.accepted, id)
			} else {
				assert.Equal(t, "ignored", row[1], "%s: it comes once, and is an odd one", id)
				odd++
			}
		}
		assert.Empty(t, f.accepted, "accepted and not in the store")
		assert.NotZero(t, odd)
		return err
	}))
}

// assertInStep compares the two sides.
func (f *flood) assertInStep(t *testing.T, ids []string) {
	t.Helper()
	var known int64
	for _, id := range ids {
		u, _ := f.org.User(id)
		account, found := f.account.ByExternalID(id)
		if found {
			known++
		}
		switch {
		case u.Status != oktatest.Active: // he left, perhaps before anybody looked: M6, L2
			assert.False(t, account.Active, id)
		case !found:
			assert.Equal(t, "New", u.Profile.Title, "%s: nothing ever happened to him", id)
		default:
			assert.Equal(t, u.Profile.Title, account.Title, id)
			assert.Equal(t, u.Profile.Email, account.Email, id)
			assert.True(t, account.Active, id)
		}
	}
	assert.EqualValues(t, f.account.Len(), known, "nobody but them")
	created := map[any]int{}
	for _, call := range f.account.Writes() {
		if call.Method == http.MethodPost {
			created[call.Body["external_id"]]++
		}
	}
	assert.EqualValues(t, known, len(created))
	for id, times := range created {
		assert.Equal(t, 1, times, "%v: created twice", id)
	}
}
