package reconcile

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

func TestB3_PlanShowsEachUserOnce(t *testing.T) {
	w := newWorld(t)
	w.busyDay()
	u := w.org.Users()
	assert.ElementsMatch(t, []string{
		u[0].ID + " update ok title=Analyst>Chief",
		u[1].ID + " deactivate ok is_active=true>false",
		u[2].ID + " deactivate ok is_active=true>false",
		u[3].ID + " skip skipped conflict",
		u[5].ID + " create ok external_id=<nil>>" + u[5].ID +
			" is_active=<nil>>true email=<nil>>flo.gray@example.com first_name=<nil>>Flo last_name=<nil>>Gray title=<nil>>Analyst",
	}, w.told(w.plan(store.ReconcileRun)), "the open promises are part of it")
}

func TestB3_PlanTellsEveryStepWithItsUser(t *testing.T) {
	w := newWorld(t)
	w.w.Brake = Brake{}
	w.busyDay()
	p := w.plan(store.ReconcileRun)
	users := w.org.Users()
	assert.Equal(t, int64(1), p.Quiet, "Ed alone has not moved")
	byUser := map[string]Step{}
	for _, s := range p.Steps {
		byUser[s.OktaID] = s
	}
	leaver, joiner, taker := byUser[users[2].ID], byUser[users[5].ID], byUser[users[3].ID]
	assert.Equal(t, "cy.dean@example.com", leaver.Email)
	assert.Equal(t, w.link(users[2].ID).ZenQMSID, leaver.ZenQMSID)
	assert.Equal(t, store.OutcomeHeld, leaver.Outcome)
	assert.Equal(t, []Field{{Name: fieldActive, Old: true, New: false}}, leaver.Fields(), "what the brake would hold")
	assert.Contains(t, leaver.Reason, "the limit is 0")
	assert.Empty(t, joiner.ZenQMSID, "it has no id yet")
	assert.Contains(t, taker.Reason, "conflict: ZenQMS user "+w.link(users[0].ID).ZenQMSID)
	assert.True(t, slices.IsSortedFunc(p.Steps, func(a, b Step) int { return strings.Compare(a.Email, b.Email) }))
}

// What is open is kept before the run settles, as a worker would: a user whose
// promise came to nothing gets another from the run.
func TestB3_PlanKeepsOpenPromisesFirst(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.acct.Edit(w.account(u.ID).ID, func(z *zenqmstest.User) { z.Title = "By hand" })
	w.deliver(oktatest.Event{UUID: "again", Type: store.UserUpdateProfile, Published: w.now(), Targets: []oktatest.Target{{ID: u.ID, Type: "User"}}})
	assert.Empty(t, w.told(w.plan(store.ReconcileRun)), "he has not moved")
	assert.Equal(t, []string{u.ID + " update ok title=By hand>Analyst"}, w.told(w.plan(store.InitialRun)), "deploy pushes")
}

func TestB3_PlanDoesNotWaitForWhatWaits(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.hooks()
	w.acct.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Status: http.StatusBadGateway})
	w.drain()
	w.acct.Heal()
	require.Equal(t, []string{"open", "open"}, w.states(u.ID), "his promises wait for another attempt")
	p := w.plan(store.ReconcileRun)
	require.Len(t, p.Steps, 1)
	assert.Equal(t, store.ActCreate, p.Steps[0].Action)
	assert.Equal(t, store.OutcomeOK, p.Steps[0].Outcome)
}

func TestB3_PlanFollowsWhoWaitsForAnother(t *testing.T) {
	for _, concurrency := range []int{1, 8} {
		w := newWorld(t)
		w.w.Concurrency = concurrency
		a, b := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bo", "Cole", "ACTIVE")
		w.sync()
		w.pass(time.Minute)
		w.org.UpdateProfile(a.ID, func(p *oktatest.Profile) { p.Email = "bo.cole@example.com" })
		w.org.UpdateProfile(b.ID, func(p *oktatest.Profile) { p.Email = "bo@example.com" })
		w.org.DropAll()
		assert.ElementsMatch(t, []string{
			a.ID + " update ok email=ada.byron@example.com>bo.cole@example.com",
			b.ID + " update ok email=bo.cole@example.com>bo@example.com",
		}, w.told(w.plan(store.ReconcileRun)), "nobody is skipped in the end")
	}
}

func TestB3_PlanCannotKnowWhatZenQMSRefuses(t *testing.T) {
	w := newWorld(t, func(o *worldOptions) { o.zenqms.RequireTitle = true })
	u := w.org.AddUser(oktatest.Profile{Email: "ada@example.com", FirstName: "Ada", LastName: "Byron"}, oktatest.Active)
	w.org.DropAll()
	p := w.plan(store.InitialRun)
	require.Len(t, p.Steps, 1)
	assert.Equal(t, store.ActCreate, p.Steps[0].Action)
	w.walk(store.InitialRun)
	assert.Equal(t, store.SkipRefused, w.skip(u.ID).Code)
	p = w.plan(store.ReconcileRun)
	require.Len(t, p.Steps, 1, "he is tried again, so the plan shows that")
	assert.Equal(t, store.ActCreate, p.Steps[0].Action)
}

// A user who cannot be looked at is tried for a minute, and then is in the plan
// as what he is: one of whom nobody knows. The others are planned.
func TestB3_PlanNamesWhoCannotBeLookedAt(t *testing.T) {
	var org *oktatest.Org
	client, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token", // outside of the bubble: the SDK starts a goroutine
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) { return org.Transport().RoundTrip(r) })})
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		org = oktatest.New(oktatest.Options{Token: "token"})
		ada := org.AddUser(oktatest.Profile{Email: "ada@example.com", FirstName: "Ada", LastName: "Byron"}, oktatest.Active)
		org.AddUser(oktatest.Profile{Email: "bo@example.com", FirstName: "Bo", LastName: "Cole"}, oktatest.Active)
		acct := zenqmstest.New(zenqmstest.Options{})
		aboutAda := zenqmstest.OnSearch
		aboutAda.Body = "ada@example.com"
		acct.Fail(aboutAda, zenqmstest.Always, zenqmstest.Fault{Status: http.StatusBadGateway})
		zc, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken, MaxRequestsPerSecond: -1, Transport: acct.Transport()})
		require.NoError(t, err)
		on, err := store.OpenCopy(t.Context(), filepath.Join(t.TempDir(), "none.db"))
		require.NoError(t, err)
		defer func() { require.NoError(t, on.Close()) }()
		require.NoError(t, on.DB.Update(t.Context(), func(tx *store.Tx) error { // the index is old, so that each is asked for
			return tx.SetSetting(store.AccountsRead, store.FormatTime(tx.Now.Add(-time.Hour)))
		}))
		w := &Worker{Okta: client, ZenQMS: zc, Concurrency: 2, MaxAttempts: 12, BatchSize: 100}
		began := time.Now()
		p, err := w.Plan(t.Context(), on, store.ReconcileRun, nil)
		require.NoError(t, err)
		assert.InDelta(t, pagePatience, time.Since(began), float64(pagePatience/4))
		require.Len(t, p.Steps, 2)
		assert.Equal(t, ada.ID, p.Steps[0].OktaID)
		assert.Equal(t, store.OutcomeFailed, p.Steps[0].Outcome)
		assert.Contains(t, p.Steps[0].Reason, "502")
		assert.Equal(t, store.OutcomeOK, p.Steps[1].Outcome)
		assert.Equal(t, int64(1), p.Count(func(s Step) bool { return s.Outcome == store.OutcomeFailed }))
		assert.Empty(t, acct.Writes())
	})
}

func TestB3_PlanOfARunThatFailsSaysSo(t *testing.T) {
	w := newWorld(t)
	p := w.plan(store.InitialRun)
	assert.Equal(t, store.RunFailed, p.Run.State)
	assert.Equal(t, errNobody.Error(), p.Run.Error)
	assert.Empty(t, p.Steps)
}

func TestB3_PlannedIsWhatComesNext(t *testing.T) {
	w := newWorld(t)
	b := Binding{"https://example.okta.com", "https://zenqms.example.com"}
	for _, c := range []struct {
		life    Life
		asked   store.RunKind
		want    store.RunKind
		refuses bool
	}{
		{life: New, want: store.InitialRun},
		{life: Active, want: store.ReconcileRun},
		{life: Paused, want: store.ReconcileRun},
		{life: Unlinked, want: store.InitialRun},
		{life: Unlinking, refuses: true},
		{life: Active, asked: store.InitialRun, want: store.InitialRun},
		{life: Paused, asked: store.InitialRun, want: store.InitialRun},
		{life: New, asked: store.ReconcileRun, refuses: true},
		{life: Unlinked, asked: store.ReconcileRun, refuses: true},
	} {
		w.update(func(tx *store.Tx) error {
			if err := tx.SetSetting(store.LifeState, string(c.life)); err != nil {
				return err
			}
			return tx.SetSetting(store.LifeSince, store.FormatTime(tx.Now))
		})
		w.view(func(tx *store.Tx) error {
			kind, err := b.Planned(tx, c.asked)
			if c.refuses {
				assert.Error(t, err, "%q %q", c.life, c.asked)
				return nil
			}
			assert.Equal(t, c.want, kind, "%q %q", c.life, c.asked)
			return err
		})
	}
	w.update(func(tx *store.Tx) error { return tx.SetSetting(store.BoundOkta, "https://other.okta.com") })
	w.view(func(tx *store.Tx) error {
		_, err := b.Planned(tx, "")
		var foreign *ErrForeign
		assert.ErrorAs(t, err, &foreign)
		return nil
	})
}
