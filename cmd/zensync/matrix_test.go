package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sync/errgroup"
)

// setting is what a command meets.
type setting struct {
	name   string
	worker bool // one is up, or, after another was killed, starts at the same time
	twice  bool // the same command starts at the same time
	dead   bool // a worker was killed in the middle of a sync and of a walk
}

var settings = []setting{
	{name: "alone"},
	{name: "beside a worker", worker: true},
	{name: "two at once", twice: true},
	{name: "two beside a worker", twice: true, worker: true},
	{name: "after a kill", dead: true},
	{name: "after a kill as a worker starts", dead: true, worker: true},
}

// outcome is how a command ends: with its exit status, and what its trial shows
// of its stdout.
type outcome struct {
	exit   int
	stdout string
}

// trial is a command that changes something, with how it has to end in every
// setting.
type trial struct {
	args    []string
	relay   bool     // it needs one
	first   bool     // nothing is deployed before; a deploy is what is killed
	itself  bool     // it never needs a worker: two beside one are two at once
	prepare []string // goes before it
	show    []string // the columns of its stdout that are the same every time
	want    outcome
	up      *outcome  // how it has to end beside a worker, if otherwise
	second  []outcome // how the other of two may end, for what the first did is done
	dead    []outcome // how it may end after a kill, if otherwise
	sooner  []outcome // how it may end if the worker that starts after a kill has done it by then
	state   string    // of the installation afterwards
	ends    string    // ZenQMS, when a worker had its turn: see site.accounts
}

func TestC5_EveryCommandInEverySetting(t *testing.T) {
	for name, tr := range trials {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all errgroup.Group
			all.SetLimit(3) // they wait for the disk more than they work
			for _, s := range settings {
				if tr.itself && s.twice && s.worker {
					continue
				}
				all.Go(func() error {
					t.Run(s.name, func(t *testing.T) { tr.run(t, s) })
					return nil
				})
			}
			assert.NoError(t, all.Wait())
		})
	}
}

func (tr trial) run(t *testing.T, s setting) {
	c := newSite(t)
	switch {
	case !tr.first:
		c.deploy()
		if s.dead {
			c.killWorker(true)
		}
	case s.dead:
		c.killDeploy()
	}
	if tr.prepare != nil {
		c.must(exitDone, tr.prepare...)
	}
	if tr.relay {
		c.withRelay(func() { tr.meet(c, s) })
	} else {
		tr.meet(c, s)
	}
	c.sound(tr.state)

	switch tr.state {
	case "paused":
		c.must(exitDone, "resume")
		c.settle()
	case "active":
		c.settle()
	}
	c.settled()
	if tr.state == "unlinked" {
		for _, u := range c.account.Users() {
			assert.Empty(t, u.ExternalID, "C3: %s", u.Email)
		}
		return
	}
	assert.Equal(t, tr.ends, c.accounts(), "what is in ZenQMS in the end does not depend on the setting")
}

// meet runs the command in the setting, and holds it to how it has to end.
func (tr trial) meet(c *site, s setting) {
	var worker *process
	switch {
	case s.worker && s.dead:
		worker = c.start("worker")
	case s.worker:
		worker = c.startWorker()
	}
	started := []*process{c.start(tr.args...)}
	if s.twice {
		started = append(started, c.start(tr.args...))
	}
	want := tr.want
	if s.worker && tr.up != nil {
		want = *tr.up
	}
	may := []outcome{want}
	if s.worker && s.dead {
		may = append(may, tr.want) // as if none were up yet
	}
	switch {
	case s.twice:
		may = append(may, tr.second...)
	case s.dead && tr.dead != nil:
		may = tr.dead
	}
	if s.dead && s.worker {
		may = slices.Concat(may, tr.sooner)
	}
	var got []outcome
	for _, p := range started {
		o := outcome{exit: p.wait()}
		o.stdout = c.shown(p.stdout.String(), tr.show)
		assert.Contains(c, may, o, "it has to end like this; stderr: %s", &p.stderr)
		got = append(got, o)
	}
	if s.twice {
		assert.Contains(c, got, want, "one of two does it")
	}
	if worker != nil {
		c.until("the worker is up", worker.works) // else it is told to stop before it listens
		worker.stop()
	}
}
