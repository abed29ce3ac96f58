package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// doOkta is an administrator's hand on Okta. Users have names in a script:
// $ann is the id of the one added as ann.
func (w *world) doOkta(ts *testscript.TestScript, verb string, args []string) (bool, error) {
	name, rest := "", args
	if len(args) > 0 {
		name, rest = args[0], args[1:]
	}
	id := ts.Getenv(name)
	switch verb {
	case "add", "seed":
		p, status := oktatest.Profile{}, oktatest.Active
		if err := assign(rest, map[string]*string{
			"email": &p.Email, "login": &p.Login, "first": &p.FirstName, "last": &p.LastName, "title": &p.Title, "status": &status,
		}); err != nil {
			return false, err
		}
		add := w.org.AddUser
		if verb == "seed" {
			add = w.org.Seed
		}
		ts.Setenv(name, add(p, status).ID)
	case "update":
		var err error
		w.org.UpdateProfile(id, func(p *oktatest.Profile) {
			err = assign(rest, map[string]*string{
				"email": &p.Email, "login": &p.Login, "first": &p.FirstName, "last": &p.LastName, "title": &p.Title,
			})
		})
		return err == nil, err
	case "status":
		w.org.SetStatus(id, rest[0])
	case "transitioning":
		w.org.SetTransitioning(id, rest[0])
	case "delete":
		w.org.Delete(id)
	case "deliver":
		return w.org.DeliverAll(context.Background()) == nil, nil
	case "crowd":
		return true, w.crowd(name)
	case "promote":
		for _, u := range w.org.Users() {
			w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = name })
		}
	case "drop":
		w.org.DropAll()
	case "group":
		ts.Setenv(name, w.org.AddGroup(rest[0]))
	case "join":
		w.org.AddMember(id, ts.Getenv(rest[0]))
	case "leave":
		w.org.RemoveMember(id, ts.Getenv(rest[0]))
	case "hooks":
		return fmt.Sprint(len(w.org.Hooks())) == name, nil
	case "fail":
		method, route, _ := strings.Cut(name, " ")
		status, err := strconv.Atoi(rest[0])
		w.org.Fail(oktatest.Match{Method: method, Route: route}, -1, oktatest.Fault{Status: status})
		return true, err
	case "stream":
		return true, w.stream(ts, name)
	case "knock":
		w.knock(ts)
	case "heard":
		return w.heard()
	case "has-secret":
		return w.hasSecret(name)
	case "kept":
		return w.kept(name), nil
	case "heal":
		w.org.ClearFaults()
	case "app", "hook", "clock", "rename", "dissolve", "writes":
		return w.console(verb, id, args)
	default:
		return false, fmt.Errorf("okta: unknown: %s", verb)
	}
	return true, nil
}

// crowd seeds n users.
func (w *world) crowd(n string) error {
	count, err := strconv.Atoi(n)
	for i := range count {
		email := fmt.Sprintf("crowd%d@example.com", i)
		w.org.Seed(oktatest.Profile{Email: email, FirstName: "Crowd", LastName: strconv.Itoa(i)}, oktatest.Active)
	}
	return err
}

// stream creates n users one after the other, and delivers each event at once,
// in the background. It keeps whose events the relay took.
func (w *world) stream(ts *testscript.TestScript, n string) error {
	count, err := strconv.Atoi(n)
	if err != nil {
		return err
	}
	w.streamed = make(chan struct{})
	ts.Defer(func() { <-w.streamed })
	go func() {
		defer close(w.streamed)
		for i := range count {
			email := fmt.Sprintf("stream%d@example.com", i)
			u := w.org.AddUser(oktatest.Profile{Email: email, FirstName: "Stream", LastName: strconv.Itoa(i)}, oktatest.Active)
			if w.org.DeliverAll(context.Background()) == nil {
				w.taken = append(w.taken, u.ID)
			}
		}
	}()
	return nil
}

// kept tells whether the stream is over, the relay took n of it (some of it,
// if n is empty), and all it took is in ZenQMS.
func (w *world) kept(n string) bool {
	select {
	case <-w.streamed:
	default:
		return false
	}
	for _, id := range w.taken {
		if _, found := w.account.ByExternalID(id); !found {
			return false
		}
	}
	return len(w.taken) > 0 && (n == "" || n == strconv.Itoa(len(w.taken)))
}

// doZenQMS is an administrator's hand on ZenQMS.
func (w *world) doZenQMS(ts *testscript.TestScript, verb string, args []string) (bool, error) {
	switch verb {
	case "role":
		ts.Setenv(args[0], strconv.FormatInt(w.account.AddRole(args[1]).ID, 10))
		return true, nil
	case "holds":
		u, _ := w.account.ByExternalID(args[0])
		for _, r := range u.Roles {
			if r.Name == args[1] {
				return true, nil
			}
		}
		return false, nil
	case "add":
		var u zenqmstest.User
		active := "true"
		if err := assign(args[1:], map[string]*string{
			"email": &u.Email, "first": &u.FirstName, "last": &u.LastName, "title": &u.Title, "external": &u.ExternalID, "active": &active,
		}); err != nil {
			return false, err
		}
		u.Active = active == "true"
		ts.Setenv(args[0], strconv.FormatInt(w.account.AddUser(u).ID, 10))
	case "has":
		return w.hasUser(args)
	case "users":
		return strconv.Itoa(w.account.Len()) == args[0], nil
	case "more-than":
		n, err := strconv.Atoi(args[0])
		return w.account.Len() > n, err
	case "writes":
		return strconv.Itoa(len(w.account.Writes())) == args[0], nil
	case "forget":
		w.account.ResetCalls()
	case "fail":
		status, err := strconv.Atoi(args[1])
		fault := zenqmstest.Fault{Status: status, Message: strings.Join(args[2:], " ")}
		w.account.Fail(map[string]zenqmstest.Match{
			"create": zenqmstest.OnCreate, "update": zenqmstest.OnUpdate, "search": zenqmstest.OnSearch, "any": zenqmstest.OnAny, "roles": zenqmstest.OnRoleSearch,
		}[args[0]], zenqmstest.Always, fault)
		return true, err
	case "heal":
		w.account.Heal()
	case "edit":
		return w.edit(args)
	case "token":
		w.account.SetToken(map[string]string{"right": w.secrets["zenqms.key"], "wrong": "another"}[args[0]])
	case "slow":
		latency, err := time.ParseDuration(args[0])
		w.account.Latency(latency)
		return true, err
	case "html", "filters", "clock", "rename", "abolish":
		return true, w.spoil(ts, verb, args)
	default:
		return false, fmt.Errorf("zenqms: unknown: %s", verb)
	}
	return true, nil
}

// edit changes the user with an address by hand.
func (w *world) edit(args []string) (bool, error) {
	u, found := w.account.ByEmail(args[0])
	if !found {
		return false, nil
	}
	var err error
	w.account.Edit(u.ID, func(u *zenqmstest.User) {
		err = assign(args[1:], map[string]*string{"email": &u.Email, "first": &u.FirstName, "last": &u.LastName, "title": &u.Title, "external": &u.ExternalID})
	})
	return true, err
}

// hasUser tells whether some user has all of these values.
func (w *world) hasUser(args []string) (bool, error) {
	for _, u := range w.account.Users() {
		values := map[string]string{
			"id": strconv.FormatInt(u.ID, 10), "email": u.Email, "first": u.FirstName, "last": u.LastName, "title": u.Title,
			"external": u.ExternalID, "active": strconv.FormatBool(u.Active),
		}
		all := true
		for _, arg := range args {
			key, want, _ := strings.Cut(arg, "=")
			value, known := values[key]
			if !known {
				return false, fmt.Errorf("zenqms has: unknown: %s", key)
			}
			all = all && value == want
		}
		if all {
			return true, nil
		}
	}
	return false, nil
}

// assign sets variables from words like title=Boss.
func assign(words []string, variables map[string]*string) error {
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		v, ok := variables[key]
		if !ok {
			return fmt.Errorf("unknown: %s", word)
		}
		*v = value
	}
	return nil
}
