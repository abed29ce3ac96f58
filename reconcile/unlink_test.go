package reconcile

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

func (w *world) unlinking() *Unlink {
	client, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: zenqms.NoLimit, Transport: w.acct.Transport()})
	require.NoError(w, err)
	return &Unlink{DB: w.db, Okta: w.w.Okta, ZenQMS: client, Binding: w.pause().Binding,
		HookURL: "https://hooks.example.com/okta/events", Actor: "olga", Concurrency: 1}
}

// unlink surveys and unlinks.
func (w *world) unlink(sweep bool) UnlinkResult {
	w.Helper()
	u := w.unlinking()
	s, err := u.Survey(w.Context(), sweep)
	require.NoError(w, err)
	r, err := u.Run(w.Context(), s, nil)
	require.NoError(w, err)
	return r
}

// cleared counts the accounts without an external id.
func (w *world) cleared() (n int) {
	for _, u := range w.acct.Users() {
		if u.ExternalID == "" {
			n++
		}
	}
	return n
}

// onlyCleared holds every write to the one there may be.
func (w *world) onlyCleared() {
	w.Helper()
	for _, call := range w.writes() {
		assert.Equal(w, "PATCH", call.Method, "C3")
		assert.Equal(w, map[string]any{"external_id": nil}, call.Body, "C3: nothing else is touched")
	}
}

func (w *world) links() int64 {
	var n store.LinkCount
	w.view(func(tx *store.Tx) (err error) {
		n, err = tx.LinkCount()
		return err
	})
	return n.Active + n.Inactive
}

func TestC3_UnlinkClearsItsOwnLinksAndTouchesNothingElse(t *testing.T) {
	w := newWorld(t, httpHooks)
	url, _ := w.listener("s")
	d := w.deployment(url, "s")
	require.NoError(t, d.ensure(t))
	users := w.staffOf(t, 5)
	w.org.SetStatus(users[1].ID, "DEPROVISIONED")
	w.sync()
	foreign := w.acct.AddUser(zenqmstest.User{Email: "h@example.com", FirstName: "H", LastName: "R", Active: true, ExternalID: "HR-4711"})
	w.acct.AddUser(zenqmstest.User{Email: "n@example.com", FirstName: "N", LastName: "O", Active: true})
	other := w.acct.AddUser(zenqmstest.User{Email: "o@example.com", FirstName: "O", LastName: "T", Active: true, ExternalID: "00uotherorgs0000001x"})
	w.acct.Edit(w.account(users[2].ID).ID, func(z *zenqmstest.User) { z.ExternalID = "BY-HAND" })
	w.acct.Edit(w.account(users[3].ID).ID, func(z *zenqmstest.User) { z.ExternalID = "" })
	before := w.acct.Users()
	w.acct.ResetCalls()

	r := w.unlink(false)
	require.NoError(t, r.HookErr)
	assert.Equal(t, store.UnlinkCount{Cleared: 3, Unchanged: 2}, r.UnlinkCount)
	assert.Zero(t, r.Left)
	w.onlyCleared()
	assert.Len(t, w.writes(), 3)
	for i, u := range w.acct.Users() {
		want := before[i]
		if want.ExternalID != "BY-HAND" && want.ID != foreign.ID && want.ID != other.ID {
			want.ExternalID = ""
		}
		assert.Equal(t, want, u, "C3: the rest of an account, and every other account, is as before")
	}
	assert.Empty(t, w.org.Hooks(), "C3: the event hook is gone")
	assert.Equal(t, Unlinked, w.stage().Life)
	assert.Zero(t, w.links(), "C3: local links go")

	rows := w.report("log", store.ReportArgs{User: users[0].ID, Limit: 1})
	assert.Equal(t, "unlink", rows[0]["action"])
	assert.Equal(t, "unlink", rows[0]["origin"])
	assert.Equal(t, "ok", rows[0]["outcome"])
	assert.Equal(t, "olga", rows[0]["actor"])
	assert.JSONEq(t, `{"external_id":{"old":"`+users[0].ID+`","new":null}}`, rows[0]["changes"].(string))
	assert.Equal(t, "unlink unchanged", w.lastLog(users[2].ID, 1)[0])
	report := w.report("unlinked", store.ReportArgs{User: users[2].ID})
	require.Len(t, report, 1)
	assert.Contains(t, report[0]["error"], "BY-HAND")
	assert.Nil(t, report[0]["cleared_at"])
	assert.Len(t, w.report("unlinked", store.ReportArgs{}), 5)
	run := w.report("runs", store.ReportArgs{Run: r.Run})[0]
	assert.Equal(t, "unlink", run["kind"])
	assert.Equal(t, "done", run["state"])
	assert.EqualValues(t, 5, run["users"])
	w.view(func(tx *store.Tx) error {
		_, err := tx.CheckLog(store.Head{}, nil)
		return err
	})
}

func TestC3_TheStateIsOnDiskBeforeTheFirstCall(t *testing.T) {
	w := newWorld(t)
	w.staffOf(t, 1)
	calls := 0
	client, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: zenqms.NoLimit, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			calls++
			assert.Equal(t, Unlinking, w.stage().Life, "C3: %s", r.URL.Path)
			return w.acct.Transport().RoundTrip(r)
		})})
	require.NoError(t, err)
	u := w.unlinking()
	u.ZenQMS = client
	_, err = u.Run(t.Context(), UnlinkSurvey{}, nil)
	require.NoError(t, err)
	assert.NotZero(t, calls)
}

func TestC3_WhatWaitsIsClosedAndWhatCameMeanwhileToo(t *testing.T) {
	w, users := held(t)
	dead := w.kill(users[20])
	w.hire("New", "Hand", "ACTIVE")
	w.hooks()
	w.update(func(tx *store.Tx) error {
		_, err := tx.WantRun(store.ReconcileRun, "", tx.Now)
		return err
	})
	u := w.unlinking()
	told := false
	_, err := u.Run(t.Context(), UnlinkSurvey{}, func(int64, int64) {
		if !told {
			told = true
			w.hire("Late", "Hand", "ACTIVE")
			w.hooks() // the relay stores on
		}
	})
	require.NoError(t, err)
	assert.Equal(t, store.Queue{}, w.queue())
	w.view(func(tx *store.Tx) error {
		s, err := tx.RowState(dead)
		assert.Equal(t, store.StateUnlinked, s.State)
		assert.Contains(t, s.Error, "405", "what it met is still there to be read")
		_, wanted, _ := tx.NextRun()
		assert.False(t, wanted, "no walk is wanted any more")
		return err
	})
	assert.Equal(t, 40, w.acct.Len(), "nobody was created")
	assert.Equal(t, 40, w.activeCount(), "and the held were not deactivated")
}

func TestC3_BrokenOffItGoesOnWhereItWas(t *testing.T) {
	breaks := map[string]struct {
		at   func(*world, context.CancelFunc)
		mend func(*world)
		want string
	}{
		"the credential is refused": {
			func(w *world, _ context.CancelFunc) { w.acct.SetToken("another") },
			func(w *world) { w.acct.SetToken(zenqmstest.DefaultToken) }, "401",
		},
		"the credential may do nothing any more": {
			func(w *world, _ context.CancelFunc) {
				w.acct.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Status: 403})
			},
			func(w *world) { w.acct.Heal() }, "403",
		},
		"ZenQMS does not answer": {
			func(w *world, _ context.CancelFunc) {
				w.acct.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Status: 503})
			},
			func(w *world) { w.acct.Heal() }, "503",
		},
		"a person stops it": {func(_ *world, cancel context.CancelFunc) { cancel() }, func(*world) {}, "canceled"},
		"and again, at the first one": {
			func(w *world, _ context.CancelFunc) { w.acct.SetToken("another") },
			func(w *world) {
				_, err := w.unlinking().Run(w.Context(), UnlinkSurvey{}, nil)
				require.Error(w, err)
				w.acct.SetToken(zenqmstest.DefaultToken)
			}, "401",
		},
	}
	for name, b := range breaks {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.staffOf(t, 20)
			w.acct.ResetCalls()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r, err := w.unlinking().Run(ctx, UnlinkSurvey{}, func(done, total int64) {
				assert.EqualValues(t, 20, total)
				if done == 7 {
					b.at(w, cancel)
				}
			})
			var unfinished *ErrUnfinished
			require.ErrorAs(t, err, &unfinished)
			assert.ErrorContains(t, err, b.want)
			assert.Equal(t, Unlinking, w.stage().Life, "the state stays")
			assert.Equal(t, 7, w.cleared())
			assert.EqualValues(t, 13, w.links())

			b.mend(w)
			s, err := w.unlinking().Survey(t.Context(), false)
			require.NoError(t, err)
			assert.EqualValues(t, 13, s.Links)
			again, err := w.unlinking().Run(t.Context(), s, nil)
			require.NoError(t, err)
			assert.Equal(t, r.Run, again.Run, "it is the same one")
			assert.EqualValues(t, 20, again.Cleared)
			assert.Equal(t, 20, w.cleared())
			assert.Equal(t, Unlinked, w.stage().Life)
			w.onlyCleared()
		})
	}
}

func TestC3_ALostAnswerIsLookedAfter(t *testing.T) {
	w := newWorld(t)
	users := w.staffOf(t, 1)
	w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{DropAfter: true})
	r := w.unlink(false)
	assert.EqualValues(t, 1, r.Left)
	require.Equal(t, "unlink failed", w.lastLog(users[0].ID, 1)[0])
	w.acct.ResetCalls()
	r = w.unlink(false)
	assert.Zero(t, r.Left)
	assert.Empty(t, w.writes(), "it had happened")
	assert.Equal(t, Unlinked, w.stage().Life)
}

func TestC3_FailuresOfSingleUsersAreCollected(t *testing.T) {
	w := newWorld(t)
	users := w.staffOf(t, 12)
	for i, status := range map[int]int{1: 500, 4: 403, 7: 422, 9: 409} {
		w.acct.Fail(zenqmstest.Match{Method: "PATCH", Path: "/v2/users/" + idText(w.account(users[i].ID).ID)}, 1, zenqmstest.Fault{Status: status})
	}
	w.acct.Remove(w.account(users[11].ID).ID)
	r := w.unlink(false)
	assert.EqualValues(t, 4, r.Left, "C3: they fail alone")
	assert.Equal(t, store.UnlinkCount{Cleared: 7, Unchanged: 1, Failed: 4}, r.UnlinkCount)
	assert.Equal(t, Unlinking, w.stage().Life)
	assert.EqualValues(t, 4, w.links(), "C3: they stay links")
	failed := w.report("unlinked", store.ReportArgs{User: users[7].ID})
	assert.Equal(t, "failed", failed[0]["outcome"])
	assert.Contains(t, failed[0]["error"], "422")
	_, err := w.deployment("", "").Begin(t.Context())
	assert.ErrorContains(t, err, "`zensync unlink` finishes it", "C1: deploy is refused half-way")

	r = w.unlink(false)
	assert.Equal(t, store.UnlinkCount{Cleared: 11, Unchanged: 1}, r.UnlinkCount, "tried again by running it again")
	assert.Equal(t, Unlinked, w.stage().Life)
}

func TestC3_AFailingOrRevokedOktaDoesNotStopTheClearing(t *testing.T) {
	for name, fail := range map[string]func(*world, *Unlink){
		"revoked":         func(w *world, _ *Unlink) { w.org.Fail(oktatest.Match{}, -1, oktatest.Fault{Status: 401}) },
		"down":            func(w *world, _ *Unlink) { w.org.Fail(oktatest.Match{}, -1, oktatest.Fault{Drop: true}) },
		"the key is gone": func(_ *world, u *Unlink) { u.Okta, u.NoOkta = nil, errors.New("okta.pem: no such file") },
		"it may not be deleted": func(w *world, _ *Unlink) {
			w.org.Fail(oktatest.Match{Method: "DELETE"}, -1, oktatest.Fault{Status: 403})
		},
		"a lost id, and no lists": func(w *world, _ *Unlink) { w.blind() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, httpHooks)
			url, _ := w.listener("s")
			require.NoError(t, w.deployment(url, "s").ensure(t))
			w.staffOf(t, 3)
			u := w.unlinking()
			u.HookURL = url
			fail(w, u)
			r, err := u.Run(t.Context(), UnlinkSurvey{}, nil)
			require.NoError(t, err)
			assert.Error(t, r.HookErr)
			assert.Equal(t, 3, w.cleared())
			assert.Equal(t, Unlinked, w.stage().Life)
			assert.Contains(t, w.report("runs", store.ReportArgs{Run: r.Run})[0]["state"], "failed", "the run says that something is left")
			assert.Len(t, w.org.Hooks(), 1)
		})
	}
}

// blind makes Okta refuse to list hooks, and the store forget its own.
func (w *world) blind() {
	w.update(forgetHook)
	w.org.Fail(oktatest.Match{Method: "GET", Route: "/api/v1/eventHooks"}, -1, oktatest.Fault{Status: 403})
}
