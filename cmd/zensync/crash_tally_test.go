//go:build crash

package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/zensync/zensync/store"
)

// How the processes of a crash test die, and the count of it.

// pointsOf are those that a service, or a command that an operator types,
// passes, each with the last time that is worth while.
var pointsOf = map[string]map[string]int{
	"relay": {"before commit": 40, "after commit": 40},
	"worker": {
		"before commit": 60, "after commit": 60,
		"before okta read": 15, "after okta read": 15,
		"before zenqms read": 15, "after zenqms read": 15,
		"before zenqms write": 5, "after zenqms write": 5,
	},
	"command": {"before commit": 3, "after commit": 3}, // the worker does the work of most
	"deploy": { // it changes the event hook in Okta
		"before commit": 6, "after commit": 6,
		"before okta read": 3, "after okta read": 3,
		"before okta write": 2, "after okta write": 2,
	},
	"unlink": { // it deletes the event hook, and clears the accounts itself
		"before commit": 6, "after commit": 6,
		"before okta read": 2, "after okta read": 2,
		"before okta write": 2, "after okta write": 2,
		"before zenqms write": 9, "after zenqms write": 9,
	},
}

const (
	// longestLife is that of a service which was told to die at a point that it
	// does not come to.
	longestLife = 4 * time.Second
	// randomLife bounds that of one which is to die at random.
	randomLife = 1500 * time.Millisecond
)

// death is how a process is to die: at a point, or after a time.
type death struct {
	point string // "": none
	after time.Duration
}

func drawDeath(dice *rand.Rand, points map[string]int) (d death, environment []string) {
	if dice.IntN(4) == 0 {
		return death{after: time.Duration(dice.Int64N(int64(randomLife)))}, nil
	}
	names := slices.Sorted(maps.Keys(points))
	d = death{point: names[dice.IntN(len(names))], after: longestLife}
	return d, []string{fmt.Sprintf("%s=%s:%d", store.CrashAt, d.point, 1+dice.IntN(points[d.point]))}
}

// drawCommandsDeath is drawDeath for a command, which is seldom killed enough to
// leave it to chance where: the points take turns. It also names what is counted.
func (c *chapter) drawCommandsDeath(dice *rand.Rand, verb string) (what string, d death, environment []string) {
	what, percent := "command", 30
	switch verb {
	case "deploy": // without an event hook nothing comes
		what, percent = verb, 40
	case "unlink":
		what, percent = verb, 70
	}
	if dice.IntN(100) >= percent {
		return what, death{after: patience}, nil
	}
	d, environment = drawDeath(dice, pointsOf[what])
	if d.point != "" {
		names := slices.Sorted(maps.Keys(pointsOf[what]))
		d.point = names[c.turn(what)%len(names)]
		environment = []string{fmt.Sprintf("%s=%s:%d", store.CrashAt, d.point, 1+dice.IntN(pointsOf[what][d.point]))}
	}
	return what, d, environment
}

// turn counts.
func (c *chapter) turn(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turns[what]++
	return c.turns[what]
}

// met is what it died of, itself or because its time was over.
func (d death) met(itself bool) string {
	if itself {
		return d.point
	}
	return "at random"
}

// wholeCrash is how many kills are enough to expect every point and every act among
// them. The rarest are met once or twice: those that chance has left out get some
// chapters more, up to mostEncores.
const (
	wholeCrash  = 200
	mostEncores = 5
)

// tally is what was done to an installation, and what it did meanwhile.
type tally struct {
	kills map[string]int // by service, or "command", and point
	acts  map[string]int // what the log has, and the walks that came to their end, before the judgement
}

func newTally() *tally { return &tally{map[string]int{}, map[string]int{}} }

func (t *tally) add(other *tally) {
	for point, n := range other.kills {
		t.kills[point] += n
	}
	for act, n := range other.acts {
		t.acts[act] += n
	}
}

func (t *tally) print() {
	for _, point := range slices.Sorted(maps.Keys(t.kills)) {
		fmt.Printf("crash: %4d times killed: %s\n", t.kills[point], point)
	}
	for _, act := range slices.Sorted(maps.Keys(t.acts)) {
		if t.acts[act] > 0 {
			fmt.Printf("crash: %4d times done: %s\n", t.acts[act], act)
		}
	}
}

// missing is what a crash test is there for and has not met: where nobody was
// killed, and what nobody did.
func (t *tally) missing() (names []string) {
	for _, who := range [][]string{{"relay"}, {"worker"}, {"command", "deploy", "unlink"}} {
		kills := map[string]int{"at random": 0}
		for _, service := range who {
			for point := range pointsOf[service] {
				kills[point] += t.kills[service+" "+point]
			}
			kills["at random"] += t.kills[service+" at random"]
		}
		for point, n := range kills {
			if n == 0 {
				names = append(names, fmt.Sprint(who, " ", point))
			}
		}
	}
	for _, act := range []string{"create", "update", "activate", "deactivate", "add_role", "remove_role", "approve", "pause", "resume", "unlink", "deploy", "walk"} {
		if t.acts[act] == 0 {
			names = append(names, act)
		}
	}
	return names
}

// noteActs counts what has come of the load, by the product's own word: +1 adds
// what is there, -1 takes off what was there before.
func (c *chapter) noteActs(sign int) {
	c.Helper()
	var log []struct{ Action, Outcome string }
	c.read(&log, "report", "log")
	for _, row := range log {
		if row.Outcome == string(store.OutcomeOK) {
			c.tally.acts[row.Action] += sign
		}
	}
	var runs []struct{ Kind, State string }
	c.read(&runs, "report", "runs")
	for _, run := range runs {
		if run.Kind == string(store.ReconcileRun) && run.State == string(store.RunDone) {
			c.tally.acts["walk"] += sign
		}
	}
}
