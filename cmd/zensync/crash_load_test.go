//go:build crash

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// What goes on while relay and worker are killed.

// carry is the proxy before the relay: it waits a moment for one that is about
// to start, as systemd's socket does, and keeps what was accepted.
func (c *chapter) carry(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	resp, err := c.toRelay(r, body)
	if err != nil {
		http.Error(w, "the relay is not up", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		c.accept(body)
	}
	w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// relayPatience is how long carry waits; Okta gives a hook three seconds.
const relayPatience = time.Second

func (c *chapter) toRelay(r *http.Request, body []byte) (*http.Response, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	late := time.Now().Add(relayPatience)
	for {
		req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+c.relay+r.URL.Path, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header = r.Header.Clone()
		resp, err := client.Do(req)
		if err == nil || !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(late) {
			return resp, err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-r.Context().Done():
		}
	}
}

func (c *chapter) accept(body []byte) {
	var envelope struct {
		Data struct{ Events []struct{ UUID string } }
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		panic(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range envelope.Data.Events {
		c.accepted[e.UUID] = true
	}
}

// live makes people come, change, leave and return in Okta, and has it tell of
// each at once; now and then a hook is lost, or sent twice.
func (c *chapter) live(dice *rand.Rand) {
	for c.ctx.Err() == nil {
		c.happen(dice)
		events := c.org.Pending()
		switch dice.IntN(20) {
		case 0:
			c.org.DropAll()
		case 1:
			_ = c.org.Deliver(context.Background(), events...)
			fallthrough
		default:
			_ = c.org.Deliver(context.Background(), events...) // lost; Okta tries twice
		}
		c.note(events)
		c.pause(dice, 60*time.Millisecond)
	}
}

// note keeps of whom the relay has heard the latest.
func (c *chapter) note(events []oktatest.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range events {
		for _, target := range e.Targets {
			c.told[target.ID] = c.accepted[e.UUID]
		}
	}
}

func (c *chapter) happen(dice *rand.Rand) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.ids[dice.IntN(len(c.ids))]
	if c.deleted[id] {
		return
	}
	switch n := dice.IntN(100); {
	case n < 10 && len(c.ids) < mostPeople:
		i := len(c.ids)
		p := oktatest.Profile{Email: fmt.Sprintf("p%d@example.com", i), FirstName: "P", LastName: fmt.Sprint(i), Title: "New"}
		c.ids = append(c.ids, c.org.AddUser(p, oktatest.Active).ID)
	case n < 40:
		c.org.UpdateProfile(id, func(p *oktatest.Profile) { p.Title = fmt.Sprintf("Title %d", dice.IntN(1000)) })
	case n < 48 && !c.unlinks:
		c.org.UpdateProfile(id, func(p *oktatest.Profile) {
			who, _, _ := strings.Cut(p.Login, "@")
			p.Email = fmt.Sprintf("%s.%d@example.com", who, dice.IntN(1000))
		})
	case n < 65:
		c.comeOrGo(id, dice)
	case n < 67 && c.deletes:
		c.org.Delete(id)
		c.deleted[id] = true
	default:
		group := c.groups[dice.IntN(len(c.groups))]
		if slices.Contains(c.org.Members(group), id) {
			c.org.RemoveMember(group, id)
		} else {
			c.org.AddMember(group, id)
		}
	}
}

// comeOrGo has somebody leave, one in three for good, or return.
func (c *chapter) comeOrGo(id string, dice *rand.Rand) {
	u, _ := c.org.User(id)
	switch {
	case u.Status != oktatest.Active:
		c.org.SetStatus(id, oktatest.Active)
	case dice.IntN(3) == 0:
		c.org.SetStatus(id, oktatest.Deprovisioned)
	default:
		c.org.SetStatus(id, oktatest.Suspended)
	}
}

// fail makes calls fail here and there, above all with answers that are lost.
func (c *chapter) fail(dice *rand.Rand) {
	for c.ctx.Err() == nil {
		c.failOnce(dice)
		c.pause(dice, 800*time.Millisecond)
	}
}

func (c *chapter) failOnce(dice *rand.Rand) {
	switch dice.IntN(8) {
	case 0:
		c.account.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{DropAfter: true})
	case 1:
		c.account.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{DropAfter: true})
	case 2:
		c.account.Fail(zenqmstest.OnAddRoles, 1, zenqmstest.Fault{DropAfter: true})
	case 3:
		c.account.Fail(zenqmstest.OnRemoveRoles, 1, zenqmstest.Fault{DropAfter: true})
	case 4:
		c.account.Fail(zenqmstest.OnAny, 1, zenqmstest.Fault{Status: http.StatusBadGateway, Message: "down"})
	case 5:
		c.account.Fail(zenqmstest.OnAny, 1, zenqmstest.Fault{Latency: 200 * time.Millisecond})
	case 6:
		c.org.Fail(oktatest.Match{}, 1, oktatest.Fault{Status: http.StatusServiceUnavailable})
	case 7:
		c.org.Fail(oktatest.Match{}, 1, oktatest.Fault{Drop: true})
	}
}

// patience is how long an operator waits for a command before he kills it: the
// worker that does its work is killed all the time.
const patience = 8 * time.Second

// operate runs commands one after the other. Many are killed.
func (c *chapter) operate(dice *rand.Rand) {
	for c.ctx.Err() == nil {
		switch n := dice.IntN(100); {
		case n < 30:
			c.command(dice, "reconcile")
		case n < 50:
			c.mu.Lock()
			id := c.ids[dice.IntN(len(c.ids))]
			c.mu.Unlock()
			c.command(dice, "sync", id)
		case n < 85:
			c.command(dice, "approve", "--all", "--reason", "crash")
		default:
			c.command(dice, "retry", "--all")
		}
		c.pause(dice, 500*time.Millisecond)
	}
}

// govern is another operator at the same time: he pauses, unlinks and deploys.
func (c *chapter) govern(dice *rand.Rand) {
	for n := 0; c.ctx.Err() == nil; n++ {
		switch {
		case n%2 == 0:
			c.command(dice, "pause", "--reason", "crash")
			c.pause(dice, 500*time.Millisecond)
			c.untilDone(dice, "resume")
		case c.unlinks:
			c.untilDone(dice, "unlink", "--yes")
			c.untilDone(dice, "deploy", "--yes") // without it nothing comes from Okta any more
		default:
			c.command(dice, "deploy", "--yes")
		}
		c.pause(dice, time.Second)
	}
}

// untilDone runs a command again until it has come to its end.
func (c *chapter) untilDone(dice *rand.Rand, args ...string) {
	for c.ctx.Err() == nil && !slices.Contains([]int{exitDone, exitAttention, exitHeld}, c.command(dice, args...)) {
	}
}

// command runs a command as an operator does, who may kill it. It may end with
// whatever tells of what it met; what cannot be is a wrong command line.
func (c *chapter) command(dice *rand.Rand, args ...string) (exit int) {
	what, d, environment := c.drawCommandsDeath(dice, args[0])
	p := c.startWith(nil, environment, args...)
	itself := c.endOf(p, d.after)
	exit = p.cmd.ProcessState.ExitCode()
	if p.killed() && c.ctx.Err() == nil {
		c.count(what, d.met(itself))
	}
	assert.True(c, p.killed() || slices.Contains([]int{exitDone, exitFailed, exitAttention, exitHeld}, exit),
		"C5: a command that meets a killed worker says what it met; %v exits with %d: %s", args, exit, &p.stderr)
	return exit
}
