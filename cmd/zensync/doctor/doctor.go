// Package doctor finds out what is wrong with an installation, before its first
// deploy and ever after, and says how to mend it.
//
// It reads: files, the store, Okta, ZenQMS, and the relay as Okta would ask it.
// It writes nothing anywhere, mends nothing, and needs neither a store nor a
// service that is up. What it says holds no secret and names no person, so that
// it may be sent to whoever helps.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// Result is what came of a check.
type Result string

// The results, from the best to the worst.
const (
	OK      Result = "ok"
	Skipped Result = "skipped" // it was not tried: Seen says why
	Warning Result = "warning" // it works, or nothing can be said for sure
	Failed  Result = "failed"
)

// Finding is one line of what was found.
type Finding struct {
	Check  string // short, as in okta.token; the same in every version
	Result Result
	Seen   string
	Remedy string // what to do; "" where there is nothing to do
}

// Installation is what a configuration describes, as package main wires it.
type Installation struct {
	*config.Config
	Binding  reconcile.Binding
	Policy   reconcile.Policy
	Pairs    []reconcile.RolePair // of the configuration's roles
	Schedule reconcile.Schedule

	// OktaConfig and ZenQMSConfig read the credentials.
	OktaConfig   func() (okta.Config, error)
	ZenQMSConfig func() (zenqms.Config, error)

	// Foreign returns an error when this user must not open the store.
	Foreign func() error
	// IsService tells whether a worker's lock is held by one that is up to stay.
	IsService func(holder string) bool
}

const (
	// answerWithin bounds a call of Okta or ZenQMS, and checkWithin a check with
	// all its calls: who waits for this wants to know now.
	answerWithin = 10 * time.Second
	checkWithin  = 30 * time.Second
	// slowWithin bounds what may take longer: to read the whole store, and a dozen
	// calls at the rate that zenqms.max_requests_per_second allows.
	slowWithin = 2 * time.Minute
)

// check is something to be looked at, once all that it needs was.
type check struct {
	name   string
	needs  []string
	run    func(*visit, context.Context) []Finding
	within time.Duration // 0: checkWithin
}

// checks are all of them, in the order in which they are made and told.
func checks() []check {
	return slices.Concat([]check{
		{name: "config", run: (*visit).config},
		{name: "config.file", needs: []string{"config"}, run: (*visit).configFile},
	}, secretChecks(), []check{
		{name: "store.disk", needs: []string{"config"}, run: (*visit).disk},
		{name: "store.file", needs: []string{"config"}, run: (*visit).storeFile},
		{name: "store.integrity", needs: []string{"store.file"}, run: (*visit).integrity, within: slowWithin},
		{name: "store.schema", needs: []string{"store.integrity"}, run: (*visit).schema},
		{name: "store.wal", needs: []string{"store.file"}, run: (*visit).wal},
		{name: "store.servers", needs: []string{"store.schema"}, run: (*visit).servers},
		{name: "state", needs: []string{"store.schema"}, run: (*visit).state},

		{name: "okta.token", needs: []string{"secret.okta"}, run: (*visit).oktaToken},
		{name: "okta.scopes", needs: []string{"okta.token"}, run: (*visit).oktaScopes},
		{name: "okta.clock", needs: []string{"secret.okta"}, run: (*visit).oktaClock},
		{name: "okta.users", needs: []string{"okta.token"}, run: (*visit).oktaUsers},
		{name: "okta.hooks", needs: []string{"okta.token"}, run: (*visit).oktaHooks},
		{name: "okta.rate", needs: []string{"okta.users"}, run: (*visit).oktaRate},
		{name: "groups", needs: []string{"okta.users"}, run: (*visit).groups},

		{name: "zenqms.token", needs: []string{"secret.zenqms"}, run: (*visit).zenqmsToken, within: slowWithin},
		{name: "zenqms.clock", needs: []string{"secret.zenqms"}, run: (*visit).zenqmsClock},
		{name: "zenqms.api", needs: []string{"zenqms.token"}, run: (*visit).zenqmsAPI},
		{name: "roles", needs: []string{"zenqms.token"}, run: (*visit).roles},

		{name: "relay", needs: []string{"state"}, run: (*visit).relay},
		{name: "relay.here", needs: []string{"relay", "secret.hook"}, run: (*visit).relayHere},
		{name: "relay.outside", needs: []string{"relay", "secret.hook"}, run: (*visit).relayOutside},
		{name: "hook", needs: []string{"state", "okta.token"}, run: (*visit).hook},

		{name: "worker", needs: []string{"state"}, run: (*visit).worker},
		{name: "worker.stopped", needs: []string{"state"}, run: (*visit).stopped},
		{name: "walk", needs: []string{"state"}, run: (*visit).walk},
		{name: "queue", needs: []string{"state"}, run: (*visit).queue},
	})
}

// visit is one examination: what the checks so far have found out.
type visit struct {
	load  func() (*Installation, error)
	in    *Installation
	now   func() time.Time
	store *store.Reader // nil: there is none, or it cannot be read
	stage reconcile.Stage

	okta     *okta.Client
	oktaTime clock
	oktaErr  error // of the call with which okta.token begins
	oktaSaw  int   // users that call showed

	zenqms     *zenqms.Client
	zenqmsTime clock
	api        []zenqms.Finding

	results map[string]Result
	roots   map[string]string // of a skipped check the one it was skipped for
}

// Examine makes all checks of the installation that load gives. Each of them is
// bounded in time. The error is the end of ctx.
func Examine(ctx context.Context, load func() (*Installation, error)) ([]Finding, error) {
	v := &visit{load: load, now: time.Now, results: map[string]Result{}, roots: map[string]string{}}
	defer v.close()
	var all []Finding
	for _, c := range checks() {
		found := v.make(ctx, c)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// Failures counts the findings that have failed.
func Failures(findings []Finding) int {
	n := 0
	for _, f := range findings {
		if f.Result == Failed {
			n++
		}
	}
	return n
}

// make makes a check, or says why it was not made. Its result is that of its
// worst finding.
func (v *visit) make(ctx context.Context, c check) []Finding {
	for _, need := range c.needs {
		if v.results[need] == OK || v.results[need] == Warning {
			continue
		}
		if root := v.roots[need]; root != "" {
			need = root
		}
		v.roots[c.name] = need
		if v.results[need] == Failed {
			return v.note(c, skipped("it needs "+need+", which failed"))
		}
		return v.note(c, skipped("it needs "+need+", which was skipped"))
	}
	within := c.within
	if within == 0 {
		within = checkWithin
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return v.note(c, c.run(v, okta.WithoutWaiting(ctx))...)
}

// note keeps the result of a check and completes its findings: those that name
// no check of their own are the check's.
func (v *visit) note(c check, found ...Finding) []Finding {
	order := []Result{OK, Skipped, Warning, Failed}
	worst := OK
	if len(found) == 1 {
		worst = found[0].Result
	}
	for i := range found {
		f := &found[i]
		if f.Check == "" {
			f.Check = c.name
		}
		f.Seen, f.Remedy = nameless(f.Seen), nameless(f.Remedy)
		// Of several, one that was skipped keeps nothing from being looked at.
		if f.Result != Skipped && slices.Index(order, f.Result) > slices.Index(order, worst) {
			worst = f.Result
		}
	}
	v.results[c.name] = worst
	return found
}

func (v *visit) close() {
	if v.store != nil {
		_ = v.store.Close() // nothing was written
	}
}

func ok(format string, args ...any) Finding {
	return Finding{Result: OK, Seen: fmt.Sprintf(format, args...)}
}

func skipped(why string) Finding { return Finding{Result: Skipped, Seen: why} }

func warning(seen, remedy string) Finding {
	return Finding{Result: Warning, Seen: seen, Remedy: remedy}
}

func failed(seen, remedy string) Finding {
	return Finding{Result: Failed, Seen: seen, Remedy: remedy}
}

// of names the check that a finding is of.
func (f Finding) of(name string) Finding {
	f.Check = name
	return f
}

// address is what may be somebody's: what other systems say may quote one.
var address = regexp.MustCompile(`[^\s"<>():;,@/]+@[^\s"<>():;,@/]+`)

// nameless takes addresses out of a text, and puts it on one line.
func nameless(text string) string {
	return address.ReplaceAllString(strings.Join(strings.Fields(text), " "), "[address]")
}

// ago is how long ago something was, roughly.
func (v *visit) ago(t time.Time) string {
	d := v.now().Sub(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// late tells whether err is the end of the time that a check has.
func late(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil
}
