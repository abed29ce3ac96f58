package store

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// departure is what happens to one user, minute by minute.
type departure struct {
	*fixture
	epoch int64
}

const leaver = "00uLeaver"

// at sets the clock to some minutes past noon.
func (d *departure) at(minutes int) *departure {
	d.now = noon.Add(time.Duration(minutes) * time.Minute)
	return d
}

// link links him, active or not.
func (d *departure) link(active bool) *departure {
	d.do(func(tx *Tx) error {
		return tx.PutLink(Link{OktaID: leaver, ZenQMSID: "z1", Email: "ann@example.com", Active: active, OktaStatus: "ACTIVE"})
	})
	return d
}

// event is one that Okta published half a minute ago.
func (d *departure) event(uuid, kind string) *departure {
	d.add(Event{UUID: uuid, Type: kind, Published: d.now.Add(-30 * time.Second), Users: []string{leaver}})
	return d
}

// walk is the promise of a walk, let through the brake.
func (d *departure) walk() *departure {
	d.do(func(tx *Tx) error {
		_, err := tx.Enqueue(Promise{OktaID: leaver, Origin: FromReconcile, Priority: DeactivationPriority, Cleared: ActDeactivate})
		return err
	})
	return d
}

// hold is what a walk wants and the brake holds.
func (d *departure) hold() *departure {
	d.do(func(tx *Tx) error {
		return errors.Join(tx.AddHold(Promise{OktaID: leaver, Origin: FromReconcile}, ActDeactivate, "too many"),
			tx.AppendLog(LogRow{Origin: string(FromReconcile), OktaID: leaver, Action: ActDeactivate, Outcome: OutcomeHeld}))
	})
	return d
}

// directory is Okta's word as it was read.
func (d *departure) directory(status string, updated int) *departure {
	d.do(func(tx *Tx) error {
		_, err := tx.PutPerson(Person{OktaID: leaver, Status: status, Updated: noon.Add(time.Duration(updated) * time.Minute), Email: "ann@okta.example.com"})
		return err
	})
	return d
}

// done records the outcome of all that is open: an action, and the account as
// it is then.
func (d *departure) done(state State, event string, action Action, outcome Outcome, active bool) *departure {
	for _, c := range d.claim(d.epoch, 10) {
		for _, row := range c.Rows {
			d.do(func(tx *Tx) error { return tx.Close(d.epoch, row.ID, state, "") })
		}
	}
	d.append(LogRow{Origin: string(FromHook), Event: event, OktaID: leaver, ZenQMSID: "z1", Action: action, Outcome: outcome})
	return d.link(active)
}

func TestA2_LeaversReport(t *testing.T) {
	at := func(minutes float64) any {
		return FormatTime(noon.Add(time.Duration(minutes * float64(time.Minute))))
	}
	for name, c := range map[string]struct {
		story                func(d *departure)
		okta, zenqms, second any
		state                string
	}{
		"by a hook": {func(d *departure) {
			d.at(10).event("e1", UserDeactivate).at(11).done(StateDone, "e1", ActDeactivate, OutcomeOK, false)
		}, at(9.5), at(11), 90.0, "done"},
		"suspended, then deactivated": {func(d *departure) {
			d.at(10).event("e1", UserSuspend).at(11).done(StateDone, "e1", ActDeactivate, OutcomeOK, false)
			d.at(20).event("e2", UserDeactivate).at(21).done(StateDone, "e2", ActNone, OutcomeUnchanged, false)
		}, at(9.5), at(11), 90.0, "done"},
		"found by a walk": {func(d *departure) {
			d.at(10).directory("DEPROVISIONED", 4).walk().at(11).done(StateDone, "", ActDeactivate, OutcomeOK, false)
		}, at(4), at(11), 420.0, "done"},
		"found by a walk, changed since": {func(d *departure) {
			d.at(10).walk().at(11).done(StateDone, "", ActDeactivate, OutcomeOK, false).at(12).directory("DEPROVISIONED", 12)
		}, nil, at(11), nil, "done"},
		"deleted, found by a walk": {func(d *departure) {
			d.at(10).directory("DELETED", 4).walk().at(11).done(StateDone, "", ActDeactivate, OutcomeOK, false)
		}, nil, at(11), nil, "done"},
		"found inactive": {func(d *departure) {
			d.link(false).at(10).event("e1", UserDeactivate).at(12).done(StateDone, "e1", ActNone, OutcomeUnchanged, false)
		}, at(9.5), at(12), 150.0, "done"},
		"held": {func(d *departure) {
			d.at(10).directory("DEPROVISIONED", 4).hold()
		}, at(4), nil, nil, "held"},
		"held, then approved": {func(d *departure) {
			d.at(10).directory("DEPROVISIONED", 4).hold()
			d.do(func(tx *Tx) error { return tx.Approve(1, "Ada") })
			d.at(64).done(StateDone, "", ActDeactivate, OutcomeOK, false)
		}, at(4), at(64), 3600.0, "done"},
		"on its way": {func(d *departure) {
			d.at(10).event("e1", UserDeactivate)
		}, at(9.5), nil, nil, "open"},
		"given up": {func(d *departure) {
			d.at(10).event("e1", UserDeactivate).at(11).done(StateDead, "e1", ActDeactivate, OutcomeFailed, true)
		}, at(9.5), nil, nil, "dead"},
		"given up, then found by a walk": {func(d *departure) {
			d.at(10).event("e1", UserDeactivate).at(11).done(StateDead, "e1", ActDeactivate, OutcomeFailed, true)
			d.at(20).walk().at(21).done(StateDone, "", ActDeactivate, OutcomeOK, false)
		}, at(9.5), at(21), 690.0, "done"},
		"refused": {func(d *departure) {
			d.at(10).event("e1", UserDeactivate).at(11).done(StateSkipped, "e1", ActSkip, OutcomeSkipped, true)
		}, at(9.5), nil, nil, "skipped"},
		"live again before it was done": {func(d *departure) {
			d.at(10).event("e1", UserSuspend).at(11).done(StateDone, "e1", ActNone, OutcomeUnchanged, true)
		}, at(9.5), nil, nil, "back"},
		"came back later": {func(d *departure) {
			d.at(10).event("e1", UserSuspend).at(11).done(StateDone, "e1", ActDeactivate, OutcomeOK, false)
			d.at(20).event("e2", UserUnsuspend).at(21).done(StateDone, "e2", ActActivate, OutcomeOK, true)
		}, at(9.5), at(11), 90.0, "done"},
		"came back, and left again": {func(d *departure) {
			d.at(10).event("e1", UserSuspend).at(11).done(StateDone, "e1", ActDeactivate, OutcomeOK, false)
			d.at(20).event("e2", UserUnsuspend).at(21).done(StateDone, "e2", ActActivate, OutcomeOK, true)
			d.at(30).event("e3", UserDeactivate)
		}, at(29.5), nil, nil, "open"},
		"came back, and left again by a walk": {func(d *departure) {
			d.at(10).event("e1", UserSuspend).at(11).done(StateDone, "e1", ActDeactivate, OutcomeOK, false)
			d.at(20).event("e2", UserUnsuspend).at(21).done(StateDone, "e2", ActActivate, OutcomeOK, true)
			d.directory("DEPROVISIONED", 25).at(30).walk().at(31).done(StateDone, "", ActDeactivate, OutcomeOK, false)
		}, at(25), at(31), 360.0, "done"},
		"came back, and is held": {func(d *departure) {
			d.at(10).event("e1", UserSuspend).at(11).done(StateDone, "e1", ActDeactivate, OutcomeOK, false)
			d.at(20).event("e2", UserUnsuspend).at(21).done(StateDone, "e2", ActActivate, OutcomeOK, true)
			d.directory("DEPROVISIONED", 25).at(30).hold()
		}, at(25), nil, nil, "held"},
		"left a group of the scope": {func(d *departure) {
			d.directory("ACTIVE", 4).at(10).event("e1", MemberRemove).at(11).done(StateDone, "e1", ActDeactivate, OutcomeOK, false)
		}, at(9.5), at(11), 90.0, "done"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &departure{fixture: setup(t)}
			d.epoch = d.begin()
			c.story(d.link(true))
			_, rows := d.report("leavers", ReportArgs{})
			require.Len(t, rows, 1)
			assert.Equal(t, []any{leaver, "z1", "ann@example.com", c.okta, c.zenqms, c.second, c.state}, rows[0])
		})
	}
	t.Run("no account", func(t *testing.T) {
		d := &departure{fixture: setup(t)}
		d.epoch = d.begin()
		d.directory("DEPROVISIONED", 4).at(10).event("e1", UserDeactivate)
		claims := d.claim(d.epoch, 1)
		d.do(func(tx *Tx) error { return tx.Close(d.epoch, claims[0].Rows[0].ID, StateDone, "") })
		_, rows := d.report("leavers", ReportArgs{})
		assert.Equal(t, [][]any{{leaver, nil, "ann@okta.example.com", at(9.5), nil, nil, "no account"}}, rows)
	})
}

func TestA2_LeaversNotDoneComeFirst(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	for i, user := range []string{"00u1", "00u2", "00u3"} {
		f.now = noon.Add(time.Duration(i) * time.Hour)
		f.add(Event{UUID: user, Type: UserDeactivate, Published: f.now, Users: []string{user}})
		f.do(func(tx *Tx) error { return tx.PutLink(Link{OktaID: user, ZenQMSID: user, Active: user == "00u2"}) })
		if user != "00u2" {
			f.claim(epoch, 3)
			f.append(LogRow{Origin: string(FromHook), Event: user, OktaID: user, Action: ActDeactivate, Outcome: OutcomeOK})
			f.do(func(tx *Tx) error { return tx.Close(epoch, int64(i+1), StateDone, "") })
		}
	}
	order := func(args ReportArgs) (users []any) {
		_, rows := f.report("leavers", args)
		for _, row := range rows {
			users = append(users, row[0])
		}
		return users
	}
	assert.Equal(t, []any{"00u2", "00u3", "00u1"}, order(ReportArgs{}))
	assert.Equal(t, []any{"00u2", "00u3"}, order(ReportArgs{Since: noon.Add(time.Minute)}))
	assert.Equal(t, []any{"00u1"}, order(ReportArgs{User: "00u1"}))
}

func TestA2_LatencyIsByRank(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	// A hundred on one day take 1 to 100 ms from receipt, and one more on the next.
	for i := range int64(101) {
		f.now = noon.Add(time.Duration(i) * time.Second)
		if i == 100 {
			f.now = noon.Add(24 * time.Hour)
		}
		e := Event{UUID: f.now.String(), Type: UserCreate, Users: []string{"00u1"}}
		if i%2 == 0 { // half of them without a time of Okta's
			e.Published = f.now.Add(-time.Second)
		}
		f.add(e)
		f.claim(epoch, 1)
		f.now = f.now.Add(time.Duration((i*37)%100+1) * time.Millisecond)
		f.do(func(tx *Tx) error { return tx.Close(epoch, i+1, StateDone, "") })
	}
	_, rows := f.report("latency", ReportArgs{})
	require.Len(t, rows, 2)
	assert.Equal(t, []any{"2026-03-02", int64(1), int64(1001), int64(1001), int64(1001), int64(1), int64(1), int64(1)}, rows[0])
	// Those with a time are 1, 3, 5 ... 99 ms: the 25th and the 48th of them.
	assert.Equal(t, []any{"2026-03-01", int64(100), int64(1049), int64(1095), int64(1099), int64(50), int64(95), int64(100)}, rows[1])
}

func TestA2_RolesReport(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error {
		return errors.Join(
			tx.SetRolePairs([]RolePair{
				{Group: MappedGroup{Configured: "QA", ID: "00g1", Name: "QA"}, RoleID: "r1", RoleName: "Reviewer", Configured: "QA -> Reviewer"},
				{Group: MappedGroup{Configured: "Lab", ID: "00g2", Name: "Lab"}, RoleID: "r1", RoleName: "Reviewer", Configured: "Lab -> Reviewer"},
				{Group: MappedGroup{Configured: "Lab", ID: "00g2", Name: "Lab"}, RoleID: "r2", RoleName: "Author", Configured: "Lab -> Author"},
			}),
			tx.PutLink(Link{OktaID: "00u1", ZenQMSID: "z1", Email: "ann@example.com", Active: true}),
			tx.PutLink(Link{OktaID: "00u2", ZenQMSID: "z2", Email: "bob@example.com"}),
			tx.PutAccount(Account{ZenQMSID: "z1", Roles: []AccountRole{{"r1", "Reviewer, renamed"}, {"r9", "Super User"}}}, 0),
			tx.PutAccount(Account{ZenQMSID: "z2", Roles: []AccountRole{{"r1", "Reviewer, renamed"}, {"r2", "Author"}}}, 0),
			tx.SetMember("00g1", "00u1", true), tx.SetMember("00g2", "00u1", true), tx.SetMember("00g2", "00u2", true), tx.SetMember("00g1", "00u9", true))
	})
	given := func(user string, minutes int, outcome Outcome, roles ...string) {
		f.now = noon.Add(time.Duration(minutes) * time.Minute)
		f.append(LogRow{Origin: string(FromHook), OktaID: user, Action: ActAddRole, Outcome: outcome, Changes: map[string]Change{"roles": {New: roles}}})
	}
	given("00u1", 1, OutcomeOK, "Reviewer")
	given("00u1", 2, OutcomeOK, "Author", "Reviewer")
	given("00u1", 3, OutcomeFailed, "Reviewer")
	given("00u2", 4, OutcomeOK, "Author")
	at := func(minutes int) string { return FormatTime(noon.Add(time.Duration(minutes) * time.Minute)) }
	author := []any{"00u2", "z2", "bob@example.com", int64(0), "Author", `["Lab"]`, at(4)}
	_, rows := f.report("roles", ReportArgs{})
	assert.Equal(t, [][]any{author,
		{"00u1", "z1", "ann@example.com", int64(1), "Reviewer, renamed", `["Lab","QA"]`, at(2)},
		{"00u2", "z2", "bob@example.com", int64(0), "Reviewer, renamed", `["Lab"]`, nil},
	}, rows)
	_, rows = f.report("roles", ReportArgs{Since: noon.Add(3 * time.Minute)})
	assert.Equal(t, [][]any{author}, rows)
}

func TestA2_SummaryCountsThePeriod(t *testing.T) {
	f := lived(t)
	f.end(f.want(ReconcileRun, "", noon), "Okta is down")
	f.now = noon.Add(2 * time.Hour)
	f.append(LogRow{Origin: string(FromHook), OktaID: "00u1", Action: ActDeactivate, Outcome: OutcomeOK})
	f.append(LogRow{Origin: "operator", Actor: "olga", OktaID: "00u1", Action: ActRelink, Outcome: OutcomeOK}) // her word, not the call
	summary := func(args ReportArgs) map[string]any {
		_, rows := f.report("summary", args)
		figures := map[string]any{}
		for _, row := range rows {
			figures[row[0].(string)] = row[1]
		}
		require.Len(t, figures, len(rows))
		return figures
	}
	head := f.head()
	for period, want := range map[ReportArgs]map[string]any{
		{}: {"links.active": int64(1), "links.inactive": int64(0), "skipped.missing": int64(1), "skipped.conflict": int64(0),
			"queue.held": int64(1), "queue.dead": int64(1), "queue.open": int64(0), "events": int64(2), "done": int64(5), "done.activate": int64(2), "done.link": int64(1),
			"done.add_role": int64(1), "done.deactivate": int64(1), "done.create": int64(0), "failed": int64(1), "runs": int64(2), "runs.failed": int64(1),
			"operator.approve": int64(0), "operator.relink": int64(1), "done.relink": int64(0), "log.rows": int64(10), "log.head": "10:" + head.Hash},
		{Until: noon.Add(time.Minute)}: {"done.deactivate": int64(0), "done": int64(4), "events": int64(2), "links.active": int64(1), "log.rows": int64(8), "log.head": "10:" + head.Hash},
		{Since: noon.Add(time.Minute)}: {"done.deactivate": int64(1), "done": int64(1), "events": int64(0), "runs": int64(1), "failed": int64(0), "log.rows": int64(2)},
	} {
		got := summary(period)
		for what, value := range want {
			assert.Equal(t, value, got[what], "%+v %s", period, what)
		}
	}
}
