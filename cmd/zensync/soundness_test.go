package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// sound holds a site where nothing works to what has to be so whatever
// happened.
func (c *site) sound(state string) {
	c.Helper()
	emails, externals := map[string]int{}, map[string]int{}
	for _, u := range c.account.Users() {
		emails[strings.ToLower(u.Email)]++
		if u.ExternalID != "" {
			externals[u.ExternalID]++
		}
	}
	for value, n := range emails {
		assert.Equal(c, 1, n, "C5: nobody is created twice: %s", value)
	}
	for value, n := range externals {
		assert.Equal(c, 1, n, "L1: an external_id is one account's: %s", value)
	}

	var links []map[string]any
	c.read(&links, "report", "links")
	for _, column := range []string{"okta_id", "zenqms_id"} {
		distinct := map[any]bool{}
		for _, link := range links {
			distinct[link[column]] = true
		}
		assert.Len(c, distinct, len(links), "L1: links are 1:1")
	}

	var chain struct{ Head string }
	c.read(&chain, "verify")
	var status struct {
		State  string
		Relay  bool    `json:"relay_alive"`
		Worker bool    `json:"worker_alive"`
		Next   *string `json:"next_run"`
		Head   struct {
			Seq  int64
			Hash string
		}
	}
	c.read(&status, "status")
	assert.Equal(c, state, status.State, "status")
	assert.False(c, status.Relay || status.Worker, "status: nothing is up any more")
	assert.Equal(c, state == "active", status.Next != nil, "status: the next run of what is %s", state)
	assert.Equal(c, chain.Head, fmt.Sprintf("%d:%s", status.Head.Seq, status.Head.Hash), "status and verify speak of one log")

	hooks := 1
	if state == "unlinked" {
		hooks = 0
	}
	assert.Len(c, c.org.Hooks(), hooks, "C4, C3: event hooks in Okta")
	if hooks > 0 {
		same, err := c.hasSecret("hook.secret")
		assert.NoError(c, err)
		assert.True(c, same, "the event hook sends the secret that the relay takes")
	}
	left, err := os.ReadDir(c.temporary())
	assert.NoError(c, err)
	assert.Empty(c, left, "copies of the store are removed")
}

// read runs a command that prints JSON, into a value.
func (c *site) read(into any, args ...string) {
	c.Helper()
	require.NoError(c, json.Unmarshal([]byte(c.must(exitDone, append(args, "--format", "json")...)), into))
}

// settle gives a worker its turn, and has it reconcile.
func (c *site) settle() {
	c.Helper()
	worker := c.startWorker()
	asked := c.start("reconcile")
	assert.Contains(c, []int{exitDone, exitAttention}, asked.wait(), "reconcile; stderr: %s", &asked.stderr) // new may claim what is old's
	require.NoError(c, c.withStore(func(db *store.DB) error {
		c.until("all that was asked for is done", func() bool { return c.leftIn(db) == 0 })
		return nil
	}))
	worker.stop()
}

// settled holds a site where nothing works to what has to be so once a worker
// had its turn: nothing is left of what a dead one had in its hands.
func (c *site) settled() {
	c.Helper()
	assert.Zero(c, c.left(), "C5: nothing is left to be done by now, or left running")
}

// left counts the promises and the runs that are due by now or under way.
func (c *site) left() (n int64) {
	require.NoError(c, c.withStore(func(db *store.DB) error {
		n = c.leftIn(db)
		return nil
	}))
	return n
}

func (c *site) leftIn(db *store.DB) (n int64) {
	require.NoError(c, db.View(c.Context(), func(tx *store.Tx) error {
		queue, err := tx.Queue()
		require.NoError(c, err)
		n = queue.Ready // those under way are among them
		next, wanted, err := tx.NextRun()
		require.NoError(c, err)
		if wanted && !next.After(tx.Now) {
			n++
		}
		runs, err := readReport(tx, "runs", store.ReportArgs{})
		for _, run := range only(runs, "state").Rows {
			if run[0] == string(store.RunRunning) {
				n++
			}
		}
		return err
	}))
	return n
}

// accounts are those of ZenQMS, as a table of tests has them: whose they are,
// the title, and whether they are active.
func (c *site) accounts() string {
	var all []string
	for _, u := range c.account.Users() {
		who, _, _ := strings.Cut(u.Email, "@")
		text := who + " " + c.named(orNone(u.ExternalID)) + " " + orNone(u.Title)
		if !u.Active {
			text += " inactive"
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// named puts names in the place of Okta ids.
func (c *site) named(text string) string {
	for name, id := range c.names {
		text = strings.ReplaceAll(text, id, name)
	}
	return text
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// shown is what a command printed as JSON, a line for each object, less what is
// not the same twice: of each only the keys that are wanted, as in
// "queue.ready".
func (c *site) shown(stdout string, keys []string) string {
	c.Helper()
	if stdout == "" || len(keys) == 0 {
		return stdout
	}
	var rows []map[string]any
	if !strings.HasPrefix(stdout, "[") {
		stdout = "[" + stdout + "]"
	}
	require.NoError(c, json.Unmarshal([]byte(stdout), &rows))
	lines := make([]string, len(rows))
	for i, row := range rows {
		cells := make([]string, len(keys))
		for k, key := range keys {
			var at any = row
			for _, part := range strings.Split(key, ".") {
				inner, _ := at.(map[string]any)
				require.Contains(c, inner, part, key)
				at = inner[part]
			}
			if cells[k] = fmt.Sprint(at); at == nil {
				cells[k] = "-"
			}
		}
		lines[i] = c.named(strings.Join(cells, " "))
	}
	return strings.Join(lines, "\n")
}
