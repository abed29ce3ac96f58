package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// reading is a command that changes nothing, with how it has to end in every
// setting.
type reading struct {
	args []string
	show []string // as with a trial; without it stdout has only to contain what is wanted
	want outcome
	dead *outcome // how it ends after a kill, if otherwise
}

// TestC5_EveryCommandThatReadsInEverySetting runs them all in one world for
// each setting: none disturbs the next.
func TestC5_EveryCommandThatReadsInEverySetting(t *testing.T) {
	for _, s := range settings {
		if s.twice && s.worker {
			continue // none needs one
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := newSite(t)
			c.deploy()
			if s.dead {
				c.killWorker(!s.worker) // a walk that is made anew would change what there is to read
			}
			before := c.accounts()
			var worker *process
			var hangs <-chan struct{}
			switch {
			case s.worker && s.dead:
				hangs = c.toOkta.set(func(r *http.Request) bool { return r.URL.Path == "/api/v1/users/"+c.names["dan"] })
				worker = c.start("worker")
			case s.worker:
				worker = c.startWorker()
			}
			for _, r := range readStore() {
				r.meet(c, s)
			}
			if hangs != nil { // the new worker, too, is in the middle of a sync from here on
				c.caught(hangs)
				c.toOkta.spring()
			}
			for _, r := range readServers {
				r.meet(c, s)
			}
			assert.Equal(t, before, c.accounts(), "ZenQMS is as it was")
			if worker != nil {
				worker.kill()
			}
			c.sound("active")
			c.settle()
			c.settled()
			assert.Equal(t, settled, c.accounts(), "what is in ZenQMS in the end does not depend on the setting")
		})
	}
}

// meet runs the command, twice at once where the setting says so, and holds it to
// how it has to end.
func (r reading) meet(c *site, s setting) {
	args := r.args
	if len(r.show) > 0 {
		args = append(slices.Clone(args), "--format", "json")
	}
	started := []*process{c.start(args...)}
	if s.twice {
		started = append(started, c.start(args...))
	}
	want := r.want
	if s.dead && r.dead != nil {
		want = *r.dead
	}
	for _, p := range started {
		exit := p.wait()
		what := strings.Join(r.args, " ")
		require.Equal(c, want.exit, exit, "%s; stderr: %s", what, &p.stderr)
		if len(r.show) > 0 {
			lines := strings.Split(c.shown(p.stdout.String(), r.show), "\n")
			slices.Sort(lines)
			assert.Equal(c, want.stdout, strings.Join(slices.Compact(lines), "\n"), what) // a plan has one for each field
			continue
		}
		assert.Contains(c, p.stdout.String(), want.stdout, what)
	}
}

// readServers are those that ask Okta and ZenQMS. After a kill they know that
// dan was created.
var readServers = []reading{
	{args: []string{"plan"}, show: plannedUsers, want: planned, dead: &plannedAfterAKill},
	{args: []string{"deploy", "--dry-run"}, show: plannedUsers, want: planned, dead: &plannedAfterAKill},
	{args: []string{"reconcile", "--dry-run"}, show: plannedUsers, want: planned, dead: &plannedAfterAKill},
	{args: []string{"drift"}, show: []string{"kind", "okta_id", "reason"},
		want: outcome{exitAttention, "access bob held\nfield ann missed"}, dead: &outcome{exitAttention, "access bob held\nfield ann missed\nunlinked dan waiting"}},
	{args: []string{"explain", "$dan"}, show: []string{"okta.id", "link", "now.action"},
		want: outcome{exitDone, "dan - create"}, dead: &outcome{exitDone, "dan - link"}},
	{args: []string{"doctor"}, want: outcome{exitFailed, "SQLite finds the file whole"}}, // no relay is up
	{args: []string{"setup", "--config", "${fresh}.yaml", "--owner", "$OWNER", "--store-path", "zensync.db", "--org-url", "$OKTA_URL",
		"--client-id", clientID, "--key-file", "okta.pem", "--key-id", keyID, "--zenqms-url", "$ZENQMS_URL",
		"--zenqms-token-file", "zenqms.key", "--public-url", "http://127.0.0.1:9/okta/events"}, want: outcome{exitDone, ""}}, // it ends with doctor
	{args: []string{"config", "check", "--live"}, want: outcome{exitDone, "max_deactivations: 0"}},
}

var (
	plannedUsers      = []string{"okta_id", "action"}
	planned           = outcome{exitAttention, "ann update\ncyd create\ndan create\nnew skip"}
	plannedAfterAKill = outcome{exitAttention, "ann update\ncyd create\ndan link\nnew skip"}
)

// readStore are those that ask neither Okta nor ZenQMS.
func readStore() []reading {
	all := []reading{
		{args: []string{"unlink", "--dry-run"}, show: []string{"okta_id"}, want: outcome{exitDone, "ann\nbob\nold"}},
		{args: []string{"verify"}, show: []string{"rows"}, want: outcome{exitDone, "9"}},
		{args: []string{"status"}, show: []string{"state", "queue.ready", "queue.held", "queue.dead", "links.active", "skipped", "stopped"},
			want: outcome{exitDone, "active 0 1 1 2 1 -"}, dead: &outcome{exitDone, "active 1 1 1 2 1 -"}}, // dan is still to be done
		{args: []string{"notify", "test"}, show: []string{"service", "outcome"}, want: outcome{exitDone, "generic+http ok"}},
		{args: []string{"report"}, want: outcome{exitDone, "conflict"}},
		{args: []string{"report", "list"}, show: []string{"name"}, want: outcome{exitDone, "acts\ndead\ndrift\nevents\nfailures\ngrowth\nheld\nhourly\nlatency\nleavers\nlinks\nlog\nroles\nruns\nskipped\nsummary\nunlinked"}},
		{args: []string{"report", "pack", "--since", "30d", "--output", "$fresh"}, want: outcome{exitDone, ""}},
		{args: []string{"backup", "--force", "copy.db"}, show: []string{"file", "rows"}, want: outcome{exitDone, "copy.db 9"}},
		{args: []string{"qualify", "--rule", "L2,L6"}, show: []string{"requirement", "verdict"}, want: outcome{exitDone, "L2 passed\nL6 passed"}},
		{args: []string{"export"}, want: outcome{exitDone, `"action":"deploy"`}},
	}
	for _, known := range store.Reports() {
		r, listed := reports[known.Name]
		if !listed {
			panic("this test does not know the report " + known.Name)
		}
		r.args = []string{"report", known.Name}
		all = append(all, r)
	}
	return all
}

// reports has every report.
var reports = map[string]reading{
	"skipped":  {show: []string{"okta_id"}, want: outcome{exitDone, "new"}},
	"log":      {show: []string{"action"}, want: outcome{exitDone, "config\ncreate\ndeactivate\ndeploy\nlink\nskip\nversion"}},
	"links":    {show: []string{"okta_id"}, want: outcome{exitDone, "ann\nbob\nold"}},
	"runs":     {show: []string{"kind"}, want: outcome{exitDone, "initial\nreconcile"}},
	"events":   {show: []string{"id"}, want: outcome{exitDone, ""}},
	"held":     {show: []string{"okta_id", "action"}, want: outcome{exitDone, "bob deactivate"}},
	"dead":     {show: []string{"okta_id"}, want: outcome{exitDone, "cyd"}},
	"leavers":  {show: []string{"okta_id", "state"}, want: outcome{exitDone, "bob held"}},
	"roles":    {show: []string{"okta_id"}, want: outcome{exitDone, ""}},
	"acts":     {show: []string{"action"}, want: outcome{exitDone, "config\ndeploy\nversion"}},
	"failures": {show: []string{"okta_id", "outcome"}, want: outcome{exitDone, "cyd dead"}},
	"drift":    {show: []string{"kind", "okta_id", "reason"}, want: outcome{exitDone, "access bob held"}}, // as both were read last
	"latency":  {show: []string{"day"}, want: outcome{exitDone, ""}},
	"hourly":   {show: []string{"hour"}, want: outcome{exitDone, ""}},
	"growth":   {show: []string{"links"}, want: outcome{exitDone, "3"}},
	"summary":  {want: outcome{exitDone, "queue.held"}},
	"unlinked": {show: []string{"okta_id"}, want: outcome{exitDone, ""}},
}
