//go:build crash

package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// `make crash`: relay and worker are killed, at random and before and after each
// commit and each call, while Okta changes, operators work, and both sides fail
// now and then. Then what is left is judged by the rules (crash_verdict_test.go).
// A seed says what is drawn; what the processes make of it is up to the machine.

var (
	crashKills = flag.Int("crash.kills", 15, "how many relays and workers are killed")
	crashSeed  = flag.Uint64("crash.seed", 0, "what is drawn; 0 is something else every time")
)

const (
	// killsAChapter is after how many the books are opened, and a new world is
	// made: few enough to say what led to a fault.
	killsAChapter = 20
	crashPeople   = 24 // at the beginning of a chapter
	mostPeople    = 70
)

// chapter is a world whose relay and worker are killed.
type chapter struct {
	*site
	unlinks bool              // operators unlink; else addresses change, which nobody can follow without a link
	deletes bool              // people are deleted in Okta
	roles   map[string]string // by group
	groups  []string          // their ids, in the order of names
	ctx     context.Context
	stop    context.CancelFunc

	mu       sync.Mutex
	ids      []string        // of all people there ever were
	deleted  map[string]bool // those of them whom Okta does not know any more
	accepted map[string]bool // uuids of what the relay answered 204
	told     map[string]bool // by person: the relay has accepted the last event about him
	tally    *tally
	toGo     map[string]int // by service
	turns    map[string]int // of points, by command
}

func TestCrash_NothingIsLostDoubledOrBroken(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(rand.Uint32())
	}
	total, encores := newTally(), 0
	for left := *crashKills; left > 0 && !t.Failed(); seed++ {
		fmt.Printf("crash: seed %d\n", seed)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			c := newChapter(t, []int{2, 12, 100}[seed%3])
			kills := min(left, killsAChapter)
			if seed/2%2 == 0 {
				c.account.AllowDoubles()
			}
			for command := range pointsOf {
				c.turns[command] = int(seed % 1000)
			}
			c.toGo = map[string]int{"relay": kills / 2, "worker": (kills + 1) / 2}
			c.unlinks = seed%2 == 0
			c.deletes = !c.unlinks // nobody can find an account whose user is in no list and no link
			c.run(seed)
			total.add(c.tally)
		})
		left -= killsAChapter
		if left <= 0 && *crashKills >= wholeCrash && encores < mostEncores && len(total.missing()) > 0 {
			left, encores = killsAChapter, encores+1
		}
	}
	total.print()
	if *crashKills >= wholeCrash && !t.Failed() {
		assert.Empty(t, total.missing(), "crash: a whole test meets every point and every act")
	}
}

// newChapter makes the world. The brake is how many people a comparison, or the
// hooks of an hour, may deactivate.
func newChapter(t *testing.T, brake int) *chapter {
	w, err := newWorld(t.TempDir(), t.Cleanup)
	require.NoError(t, err)
	c := &chapter{site: &site{T: t, world: w, names: map[string]string{}},
		deleted: map[string]bool{}, accepted: map[string]bool{}, told: map[string]bool{}, tally: newTally(), turns: map[string]int{}}
	c.ctx, c.stop = context.WithCancel(t.Context())
	t.Cleanup(c.stop)
	t.Cleanup(func() { require.NoError(t, w.checkSecrecy()) })
	require.NoError(t, os.Mkdir(c.temporary(), 0o700))
	postman := httptest.NewServer(http.HandlerFunc(c.carry))
	t.Cleanup(postman.Close)

	text, err := os.ReadFile(w.vars["ZENSYNC_CONFIG"])
	require.NoError(t, err)
	settings := strings.Replace(string(text), "public_url: http://"+w.relay, "public_url: "+postman.URL, 1)
	settings += fmt.Sprintf("safety: {max_deactivations: %d, max_activations: %d, max_role_removals: %d}\nroles:\n", brake, brake, brake)
	c.roles = map[string]string{"Lab": "Author", "QA": "Reviewer", "QC": "Reviewer"}
	for _, name := range slices.Sorted(maps.Keys(c.roles)) {
		c.groups = append(c.groups, w.org.AddGroup(name))
		settings += fmt.Sprintf("  - {okta_group: %s, zenqms_role: %s}\n", name, c.roles[name])
	}
	require.NoError(t, os.WriteFile(w.vars["ZENSYNC_CONFIG"], []byte(settings), 0o600))
	w.account.AddRole("Author")
	w.account.AddRole("Reviewer")
	for i := range crashPeople {
		p := oktatest.Profile{Email: fmt.Sprintf("p%d@example.com", i), FirstName: "P", LastName: fmt.Sprint(i), Title: "New"}
		c.ids = append(c.ids, w.org.Seed(p, oktatest.Active).ID)
		if i%4 == 0 {
			w.account.AddUser(zenqmstest.User{Email: strings.ToUpper(p.Email), FirstName: "P", LastName: "Old", Title: "Old", Active: true})
		}
	}
	w.org.DropAll()
	return c
}

// run is the chapter: a deploy in good order, the killing, and the judgement.
func (c *chapter) run(seed uint64) {
	relay, worker := c.startRelay(), c.startWorker()
	c.must(exitDone, "deploy", "--yes")
	c.noteActs(-1)
	relay.kill()
	worker.kill()

	var all sync.WaitGroup
	for stream, work := range []func(*rand.Rand){c.live, c.operate, c.fail, c.keepRelay, c.keepWorker, c.govern} {
		all.Go(func() {
			defer c.stop() // one that fails ends the chapter
			work(rand.New(rand.NewPCG(seed, uint64(stream)+1)))
		})
	}
	all.Wait()
	if c.Failed() {
		return
	}
	c.account.Heal()
	c.org.ClearFaults()
	c.noteActs(+1)
	c.judge()
}

func (c *chapter) keepRelay(dice *rand.Rand)  { c.keep("relay", dice) }
func (c *chapter) keepWorker(dice *rand.Rand) { c.keep("worker", dice) }

// keep starts a service again whenever it was killed.
func (c *chapter) keep(service string, dice *rand.Rand) {
	for c.ctx.Err() == nil {
		d, environment := drawDeath(dice, pointsOf[service])
		p := c.startWith(nil, environment, service)
		itself := c.endOf(p, d.after)
		if c.ctx.Err() != nil {
			return // it was killed for that
		}
		if !assert.True(c, p.killed(), "E5: a relay or worker ends by a kill alone; %s exits with %d: %s", service, p.cmd.ProcessState.ExitCode(), &p.stderr) {
			return
		}
		c.count(service, d.met(itself))
	}
}

// endOf waits for the end of a process and kills it when that takes longer, or
// the chapter ends. It tells whether it ended by itself.
func (c *chapter) endOf(p *process, after time.Duration) (itself bool) {
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-p.ended:
		return true
	case <-timer.C:
	case <-c.ctx.Done():
	}
	_ = p.cmd.Process.Kill() // it may just have ended
	<-p.ended
	return false
}

// killed tells whether kill -9 has ended it.
func (p *process) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// count notes a kill; the last one of a service ends the killing.
func (c *chapter) count(service, point string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.kills[service+" "+point]++
	c.toGo[service]--
	if c.toGo["relay"] <= 0 && c.toGo["worker"] <= 0 {
		c.stop()
	}
}

// pause waits a while, less than most, or until the chapter ends.
func (c *chapter) pause(dice *rand.Rand, most time.Duration) {
	timer := time.NewTimer(time.Duration(dice.Int64N(int64(most))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
	}
}
