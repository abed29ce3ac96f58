package reconcile

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// plan is what a run of a kind would do, by the plan.
func (w *world) plan(kind store.RunKind) Plan {
	w.Helper()
	on, err := store.OpenCopy(context.Background(), w.db.Path())
	require.NoError(w, err)
	defer func() { require.NoError(w, on.Close()) }()
	on.Now = w.db.Now
	p, err := w.w.Plan(context.Background(), on, kind, nil)
	require.NoError(w, err)
	return p
}

// told is a plan in lines: who, what, how, and each field.
func (w *world) told(p Plan) []string {
	lines := []string{}
	for _, s := range p.Steps {
		lines = append(lines, told(s))
	}
	slices.Sort(lines)
	return lines
}

func told(s Step) string {
	text := fmt.Sprintf("%s %s %s", s.OktaID, s.Action, s.Outcome)
	if s.Outcome == store.OutcomeSkipped {
		code, _, _ := strings.Cut(s.Reason, ":")
		return text + " " + code
	}
	for _, f := range s.Fields() {
		text += fmt.Sprintf(" %s=%v>%v", f.Name, f.Old, f.New)
	}
	return text
}

// done is what the log has behind a row, and the skip report, in the same
// lines.
func (w *world) done(after store.Head) []string {
	lines := []string{}
	w.view(func(tx *store.Tx) error {
		rows, err := tx.LogAfter(after.Seq)
		for _, r := range rows {
			if r.Outcome != store.OutcomeUnchanged && r.Outcome != store.OutcomeSkipped {
				lines = append(lines, told(Step{OktaID: r.OktaID, Action: r.Action, Outcome: r.Outcome, Changes: r.Changes}))
			}
		}
		if err != nil {
			return err
		}
		skips, err := tx.SkipsAfter("", 1000)
		for _, s := range skips {
			lines = append(lines, told(Step{OktaID: s.OktaID, Action: store.ActSkip, Outcome: store.OutcomeSkipped, Reason: string(s.Code) + ":"}))
		}
		return err
	})
	slices.Sort(lines)
	return lines
}

func (w *world) head() (head store.Head) {
	w.view(func(tx *store.Tx) (err error) {
		head, err = tx.LogHead()
		return err
	})
	return head
}

// TestB3_PlanAndTheRunThatFollowsDoTheSame compares, in small random worlds,
// what a plan tells with what the run right after it does.
//
// The worlds have no refusals: whether ZenQMS takes what it is sent is what a
// plan cannot know. It is made with one user at a time, as the run is here:
// with more, changes that wait for each other take more or fewer attempts.
func TestB3_PlanAndTheRunThatFollowsDoTheSame(t *testing.T) {
	steps := 0
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, func(o *worldOptions) {
			o.zenqms.IgnoreExternalIDFilter = rapid.Bool().Draw(rt, "the external_id filter is ignored")
			o.policy.Leavers = rapid.Bool().Draw(rt, "who leaves scope is deactivated")
			o.policy.DefaultTitle = rapid.SampledFrom([]string{"", "Employee"}).Draw(rt, "default title")
		})
		defer w.db.Close() //nolint:errcheck // the test's own cleanup checks it
		w.w.Concurrency = 1
		w.w.Brake = Brake{Deactivations: Limit{rapid.IntRange(0, 3).Draw(rt, "deactivations"), 0}, Activations: Limit{rapid.IntRange(0, 3).Draw(rt, "activations"), 0},
			RoleRemovals: Limit{rapid.IntRange(0, 3).Draw(rt, "role removals"), 0}}
		s := &stir{T: rt, world: w}
		s.mapping()
		s.populate()
		for range rapid.IntRange(0, 2).Draw(rt, "runs before") {
			w.walk(s.kind())
			s.stir()
		}
		steps += len(w.keepsItsWord(rt, s.kind()).Steps)
	})
	assert.NotZero(t, steps, "the worlds must give something to plan")
}

// keepsItsWord holds a plan to the run that follows it.
func (w *world) keepsItsWord(t require.TestingT, kind store.RunKind) Plan {
	before := w.head()
	w.acct.ResetCalls()
	plan := w.plan(kind)
	require.Empty(t, w.writes(), "the plan writes")
	w.drain()
	run := w.walk(kind)
	assert.Equal(t, w.done(before), w.told(plan))
	assert.Equal(t, run.State, plan.Run.State)
	assert.Equal(t, run.Error, plan.Run.Error)
	return plan
}

// TestB3_PlanAndTheRunThatFollowsDoTheSameInKnots is of what random worlds
// rarely hold.
func TestB3_PlanAndTheRunThatFollowsDoTheSameInKnots(t *testing.T) {
	cases := map[string]struct {
		knot func(w *world, ada, bo string)
		want []string // "ada relink ok" and the like; ada and bo are those of before, eve came then
	}{
		"a rehire": {func(w *world, ada, _ string) {
			w.org.SetStatus(ada, oktatest.Deprovisioned)
			u, _ := w.org.User(ada)
			w.rehire(u.Profile)
		}, []string{"ada deactivate ok", "eve relink ok"}},
		"a rehire whose old id is deleted": {func(w *world, ada, _ string) {
			u, _ := w.org.User(ada)
			w.org.Delete(ada)
			w.rehire(u.Profile)
		}, []string{"ada deactivate ok", "eve relink ok"}},
		"a namesake": {func(w *world, ada, _ string) {
			u, _ := w.org.User(ada)
			w.rehire(u.Profile)
		}, []string{"eve skip skipped"}},
		"a swap": {func(w *world, ada, bo string) {
			w.readdress(ada, "bo.cole@example.com")
			w.readdress(bo, "ada.byron@example.com")
		}, []string{"ada skip skipped", "bo skip skipped"}},
		"a chain": {func(w *world, ada, bo string) {
			w.readdress(ada, "bo.cole@example.com")
			w.readdress(bo, "bo@example.com")
		}, []string{"ada update ok", "bo update ok"}},
		"a return": {func(w *world, ada, _ string) {
			w.org.SetStatus(ada, oktatest.Suspended)
			w.sync()
			w.pass(2 * time.Hour)
			w.org.SetStatus(ada, oktatest.Active)
		}, []string{"ada activate ok"}},
		"a return that is held": {func(w *world, ada, _ string) {
			w.org.SetStatus(ada, oktatest.Suspended)
			w.sync()
			w.w.Brake.Activations = Limit{}
			w.pass(time.Minute)
			w.org.SetStatus(ada, oktatest.Active)
		}, []string{"ada activate held"}},
		"a hold that is no longer wanted": {func(w *world, ada, _ string) {
			w.w.Brake.Deactivations = Limit{}
			w.org.SetStatus(ada, oktatest.Suspended)
			w.sync()
			w.pass(time.Minute)
			w.org.SetStatus(ada, oktatest.Active)
		}, []string{"ada deactivate dropped"}},
		"an account removed in ZenQMS": {func(w *world, ada, _ string) {
			w.acct.Remove(w.account(ada).ID)
			w.pass(time.Minute)
			w.org.UpdateProfile(ada, func(p *oktatest.Profile) { p.Title = "Chief" })
		}, []string{"ada create ok"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.w.Concurrency = 1
			names := map[string]string{}
			for _, name := range []string{"Ada Byron", "Bo Cole", "Cy Dean", "Di Ames"} {
				first, last := split(name)
				names[w.hire(first, last, "ACTIVE").ID] = strings.ToLower(first)
			}
			w.sync()
			w.pass(time.Minute)
			users := w.org.Users()
			c.knot(w, users[0].ID, users[1].ID)
			w.org.DropAll()
			var got []string
			for _, s := range w.keepsItsWord(t, store.ReconcileRun).Steps {
				name, known := names[s.OktaID]
				if !known {
					name = "eve"
				}
				got = append(got, fmt.Sprintf("%s %s %s", name, s.Action, s.Outcome))
			}
			assert.ElementsMatch(t, c.want, got)
		})
	}
}

// rehire adds a user who has what another had, but for the login.
func (w *world) rehire(p oktatest.Profile) {
	w.pass(time.Second)
	p.Login = "again." + p.Email
	w.org.AddUser(p, oktatest.Active)
}

func (w *world) readdress(id, email string) {
	w.org.UpdateProfile(id, func(p *oktatest.Profile) { p.Email = email })
}

func TestB3_PlanWritesNothingAnywhere(t *testing.T) {
	cases := map[string]struct {
		prepare func(*world)
		kind    store.RunKind
		ctx     func(context.Context) context.Context
		fails   string // what the error says, "" for none
	}{
		"of a reconcile": {kind: store.ReconcileRun},
		"of a deploy":    {kind: store.InitialRun},
		"while paused": {kind: store.ReconcileRun, prepare: func(w *world) {
			w.update(func(tx *store.Tx) error { return tx.SetSetting(store.LifeState, string(Paused)) })
		}},
		"while a worker has a promise in its hands": {kind: store.ReconcileRun, prepare: func(w *world) {
			w.update(func(tx *store.Tx) error {
				_, err := tx.Claim(w.w.epoch, 1)
				return err
			})
		}},
		"while another run is wanted": {kind: store.ReconcileRun, prepare: func(w *world) {
			w.update(func(tx *store.Tx) error {
				_, err := tx.WantRun(store.InitialRun, "olga", tx.Now)
				return err
			})
		}},
		"when the filter by external id is of no use": {kind: store.InitialRun, prepare: func(w *world) {
			byExternalID := zenqmstest.OnSearch
			byExternalID.Body = `"external_id"`
			w.acct.Fail(byExternalID, zenqmstest.Always, zenqmstest.Fault{Status: http.StatusUnprocessableEntity})
		}},
		"when ZenQMS refuses the key": {kind: store.InitialRun, fails: "401", prepare: func(w *world) { w.acct.SetToken("another") }},
		"when Okta refuses the credential": {kind: store.ReconcileRun, fails: "401", prepare: func(w *world) {
			w.org.Fail(oktatest.Match{}, -1, oktatest.Fault{Status: http.StatusUnauthorized})
		}},
		"when it is interrupted": {kind: store.InitialRun, fails: context.Canceled.Error(), ctx: func(ctx context.Context) context.Context {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.busyDay()
			if c.prepare != nil {
				c.prepare(w)
			}
			temporary := t.TempDir()
			t.Setenv("TMPDIR", temporary)
			w.acct.ResetCalls()
			w.org.ResetCalls()
			before, hooks := w.onDisk(), len(w.org.Hooks())

			on, err := store.OpenCopy(t.Context(), w.db.Path())
			require.NoError(t, err)
			on.Now = w.db.Now
			ctx := t.Context()
			if c.ctx != nil {
				ctx = c.ctx(ctx)
			}
			p, err := w.w.Plan(ctx, on, c.kind, func(store.Run, store.Progress) {})
			switch {
			case c.fails == "":
				require.NoError(t, err)
				assert.Equal(t, store.RunDone, p.Run.State)
				assert.NotEmpty(t, p.Steps)
			case err != nil:
				assert.ErrorContains(t, err, c.fails)
			default:
				assert.Contains(t, p.Run.Error, c.fails)
			}
			require.NoError(t, on.Close())

			assert.Empty(t, w.writes(), "in ZenQMS")
			for _, call := range w.org.Calls() {
				assert.Equal(t, http.MethodGet, call.Method, "in Okta: %s", call.Path)
			}
			assert.Len(t, w.org.Hooks(), hooks)
			assert.Equal(t, before, w.onDisk(), "in the store")
			left, err := os.ReadDir(temporary)
			require.NoError(t, err)
			assert.Empty(t, left, "the copy")
		})
	}
}

// busyDay makes a world in which a plan has something to tell of every kind:
// joiners, movers and leavers, whom hooks were lost of, arrived of, or held of.
func (w *world) busyDay() {
	for _, name := range []string{"Ada Byron", "Bo Cole", "Cy Dean", "Di Ames", "Ed Fox"} {
		first, last := split(name)
		w.hire(first, last, "ACTIVE")
	}
	w.walk(store.InitialRun)
	w.org.DropAll()
	w.pass(time.Minute)
	users := w.org.Users()
	w.org.UpdateProfile(users[0].ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.org.SetStatus(users[1].ID, oktatest.Suspended)
	w.hooks()
	w.org.SetStatus(users[2].ID, oktatest.Deprovisioned)
	w.org.UpdateProfile(users[3].ID, func(p *oktatest.Profile) { p.Email = users[0].Profile.Email })
	w.hire("Flo", "Gray", "ACTIVE")
	w.org.DropAll()
}

// onDisk is what the store's files hold and when they were written; the memory
// that its readers share is none of it.
func (w *world) onDisk() map[string]string {
	files := map[string]string{}
	entries, err := os.ReadDir(filepath.Dir(w.db.Path()))
	require.NoError(w, err)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "-shm") {
			continue
		}
		info, err := e.Info()
		require.NoError(w, err)
		text, err := os.ReadFile(filepath.Join(filepath.Dir(w.db.Path()), e.Name()))
		require.NoError(w, err)
		files[e.Name()] = fmt.Sprintf("%s %x", info.ModTime(), sha256.Sum256(text))
	}
	return files
}
