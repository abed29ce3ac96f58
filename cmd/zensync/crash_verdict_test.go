//go:build crash

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// judge lets relay and worker work in good order, and holds what is left to the
// rules.
func (c *chapter) judge() {
	relay, worker := c.startRelay(), c.startWorker()
	c.revive()
	c.idle()
	if c.unlinks {
		// With the links went what each had been given: a role that somebody should have
		// lost while he was away and without a link counts as given by hand, until a
		// deploy (W3).
		p := c.start("deploy", "--yes")
		assert.Contains(c, []int{exitDone, exitAttention, exitHeld}, p.wait(), "C4: deploy again; stderr: %s", &p.stderr)
	} else {
		c.judgeHooks()
	}
	c.finish()
	relay.stop()
	worker.stop()

	c.sound("active")
	c.must(exitDone, "backup", "copy.db") // PRAGMA integrity_check and the chain, row by row
	c.judgeEvents()
	c.judgeCreates()
	c.judgeRoles()
	for _, id := range c.ids {
		assert.Empty(c, c.outOfStep(id), "rule 3, the walk is the truth: ZenQMS is as Okta says; %s", id)
	}
}

// revive makes the installation active again, whatever operators were at.
func (c *chapter) revive() {
	for range 4 {
		var status struct{ State string }
		c.read(&status, "status")
		switch status.State {
		case "active":
			return
		case "paused":
			c.must(exitDone, "resume")
		case "unlinking":
			c.must(exitDone, "unlink", "--yes")
		default:
			p := c.start("deploy", "--yes")
			assert.Contains(c, []int{exitDone, exitAttention, exitHeld}, p.wait(), "C4: deploy after an unlink; stderr: %s", &p.stderr)
		}
	}
	require.Fail(c, "C1: it becomes active again")
}

// idle waits until nothing is left that could be done now.
func (c *chapter) idle() {
	c.Helper()
	require.NoError(c, c.withStore(func(db *store.DB) error {
		c.until("C5, E2: what was accepted or asked for is done, also what a killed worker had in its hands", func() bool { return c.leftIn(db) == 0 })
		return nil
	}))
}

// eventRow is a row of the report events.
type eventRow struct {
	ID, Type, State string
	OktaID          *string `json:"okta_id"`
	Attempts        int
	Error           *string
}

func (e eventRow) user() string {
	if e.OktaID == nil {
		return ""
	}
	return *e.OktaID
}

// said is what went wrong at the last attempt, if anything did.
func (e eventRow) said() string {
	if e.Error == nil {
		return "nothing went wrong"
	}
	return *e.Error
}

// looked tells whether an event says that somebody leaves who is there: he will
// be looked at once more, minutes from now (E2).
func (c *chapter) looked(e eventRow) bool {
	u, _ := c.org.User(e.user())
	return e.State == "open" && u.Status == oktatest.Active &&
		slices.Contains([]string{store.UserDeactivate, store.UserSuspend, store.UserDeleteInitiated}, e.Type)
}

func (c *chapter) events() (rows []eventRow) {
	c.Helper()
	c.read(&rows, "report", "events")
	return rows
}

// judgeHooks looks, ahead of any walk, whether what was accepted is applied: at
// the people of whom the relay has heard the latest, and for whom nothing waits.
func (c *chapter) judgeHooks() {
	waits := map[string]bool{}
	for _, e := range c.events() {
		waits[e.user()] = waits[e.user()] || slices.Contains([]string{"open", "held", "dead"}, e.State)
	}
	var held []struct {
		OktaID string `json:"okta_id"`
	}
	c.read(&held, "report", "held")
	for _, h := range held {
		waits[h.OktaID] = true
	}
	seen := 0
	for _, id := range c.ids {
		if c.told[id] && !waits[id] {
			seen++
			assert.Empty(c, c.outOfStep(id), "E5: what was accepted is applied; %s", id)
		}
	}
	c.Logf("%d people by hooks alone", seen)
	assert.NotZero(c, seen, "this test must see people")
}

// finish has all done that is still to be done: a walk for what no hook has
// told, and a person's word for what is held or given up.
func (c *chapter) finish() {
	for range 6 {
		for _, args := range [][]string{{"reconcile"}, {"retry", "--all"}, {"approve", "--all", "--reason", "crash"}} {
			p := c.start(args...)
			assert.Contains(c, []int{exitDone, exitHeld, exitAttention}, p.wait(), "%v; stderr: %s", args, &p.stderr)
		}
		c.idle()
		c.syncWaiting()
		var status struct{ Queue struct{ Held, Dead int } }
		c.read(&status, "status")
		if status.Queue.Held+status.Queue.Dead == 0 && c.left() == 0 {
			return
		}
	}
	require.Fail(c, "E4: what failed, or was held, comes through once nothing fails")
}

// syncWaiting ends the waiting of what has failed and waits for its next
// attempt. Who was deleted cannot always be named: his comes by itself.
func (c *chapter) syncWaiting() {
	args := []string{"sync"}
	for _, e := range c.events() {
		if e.State == "open" && !slices.Contains(args, e.user()) && !c.deleted[e.user()] {
			args = append(args, e.user())
		}
	}
	if len(args) > 1 {
		p := c.start(args...)
		assert.Contains(c, []int{exitDone, exitHeld, exitAttention}, p.wait(), "sync; stderr: %s", &p.stderr)
	}
	c.until("E4: what has failed about somebody who was deleted is tried again", func() bool {
		return !slices.ContainsFunc(c.events(), func(e eventRow) bool { return e.State == "open" && c.deleted[e.user()] })
	})
}

func (c *chapter) judgeEvents() {
	stored := map[string]bool{}
	for _, e := range c.events() {
		stored[e.ID] = true
		fine := []string{"done", "ignored", "dropped"}
		if c.unlinks {
			fine = append(fine, "unlinked")
		}
		assert.True(c, slices.Contains(fine, e.State) || c.looked(e), "E5: every accepted event is applied; %s about %s is %s after %d attempts: %s",
			e.Type, e.user(), e.State, e.Attempts, e.said())
	}
	for uuid := range c.accepted {
		assert.True(c, stored[uuid], "E5: what was answered 204 is stored; %s is lost", uuid)
	}
	c.Logf("%d events accepted", len(c.accepted))
	assert.NotEmpty(c, c.accepted, "this test must see events")
}

// judgeCreates holds that nobody was created twice, deleted by nobody in between.
func (c *chapter) judgeCreates() {
	created := map[string]int{}
	for _, call := range c.account.Writes() {
		if call.Method == http.MethodPost && call.Path == "/v2/users" && call.Status == http.StatusCreated {
			created[fmt.Sprint("external_id ", call.Body["external_id"])]++
			created[fmt.Sprint("email ", strings.ToLower(fmt.Sprint(call.Body["email"])))]++
		}
	}
	for who, times := range created {
		assert.Equal(c, 1, times, "C5: no user is created twice; %s", who)
	}
	c.Logf("%d accounts created", len(created)/2)
}

// judgeRoles plays all calls about roles again: none may give what was held.
func (c *chapter) judgeRoles() {
	holds := map[string]bool{}
	for _, call := range c.account.Writes() {
		parts := strings.Split(call.Path, "/")
		if len(parts) != 6 || parts[4] != "roles" || call.Status != http.StatusOK {
			continue
		}
		ids, _ := call.Body["role_ids"].([]any)
		for _, role := range ids {
			number, _ := role.(json.Number)
			place := parts[3] + " " + number.String()
			if parts[5] == "add" {
				assert.False(c, holds[place], "W3: no role is added twice; account and role %s, at %v", place, call.At)
			}
			holds[place] = parts[5] == "add"
		}
	}
	assert.NotEmpty(c, holds, "this test must see roles")
}

// outOfStep says what of somebody is not as Okta says.
func (c *chapter) outOfStep(id string) []string {
	u, there := c.org.User(id)
	account, found := c.account.ByExternalID(id)
	if !there || u.Status != oktatest.Active {
		if account.Active {
			return []string{"M2: he left, and his account is active"}
		}
		return nil
	}
	if !found {
		return []string{"L2: he has no account"}
	}
	var wrong []string
	for _, f := range []struct {
		rule      string
		want, got any
	}{
		{"email", strings.ToLower(u.Profile.Email), strings.ToLower(account.Email)},
		{"title", u.Profile.Title, account.Title},
		{"last name", u.Profile.LastName, account.LastName},
		{"is_active", true, account.Active},
		{"roles", fmt.Sprint(c.rolesOf(id)), rolesText(account.Roles)},
	} {
		if f.want != f.got {
			wrong = append(wrong, fmt.Sprintf("M1, W3: %s is %v instead of %v", f.rule, f.got, f.want))
		}
	}
	return wrong
}

// rolesOf are the roles that his groups give somebody.
func (c *chapter) rolesOf(id string) []string {
	var roles []string
	for i, name := range slices.Sorted(maps.Keys(c.roles)) {
		if slices.Contains(c.org.Members(c.groups[i]), id) {
			roles = append(roles, c.roles[name])
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

func rolesText(held []zenqmstest.Role) string {
	var names []string
	for _, r := range held {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return fmt.Sprint(names)
}
