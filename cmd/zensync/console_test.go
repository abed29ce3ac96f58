package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// console is what an administrator does in Okta's console to the app, the event
// hook and groups, and to nobody in particular. id is that of what the first
// argument names.
func (w *world) console(verb, id string, args []string) (bool, error) {
	switch verb {
	case "app": // NAME=VALUE...
		return true, w.changeApp(args)
	case "hook": // NAME=VALUE..., or removed
		return true, w.changeHook(args)
	case "clock": // by how much it is ahead
		ahead, err := time.ParseDuration(args[0])
		w.oktaAhead.Store(int64(ahead))
		return true, err
	case "rename":
		w.org.RenameGroup(id, args[1])
	case "dissolve":
		w.org.DeleteGroup(id)
	case "writes": // N of what changes something
		n := 0
		for _, call := range w.org.Calls() {
			if call.Method != http.MethodGet && !strings.HasSuffix(call.Path, "/token") {
				n++
			}
		}
		return strconv.Itoa(n) == args[0], nil
	}
	return true, nil
}

func (w *world) changeApp(words []string) error {
	inactive, dpop, kid, scopes, partial := "", "", "", "", ""
	err := assign(words, map[string]*string{"partial": &partial, "inactive": &inactive, "dpop": &dpop, "kid": &kid, "scopes": &scopes})
	granted := oktatest.DefaultScopes
	if scopes != "" {
		granted = strings.Split(scopes, ",")
	}
	w.org.SetApp(func(a *oktatest.App) {
		*a = oktatest.App{Inactive: inactive == "true", RequireDPoP: dpop == "true", PartialGrants: partial == "true", KeyID: kid, GrantedScopes: granted}
	})
	return err
}

func (w *world) changeHook(words []string) (err error) {
	hook := w.org.Hooks()[0]
	if words[0] == "removed" {
		w.org.RemoveHook(hook.ID)
		return nil
	}
	w.org.ChangeHook(hook.ID, func(h *oktatest.Hook) {
		events := strings.Join(h.Events, ",")
		err = assign(words, map[string]*string{
			"status": &h.Status, "verification": &h.VerificationStatus, "url": &h.URI, "events": &events, "secret": &h.AuthValue,
		})
		h.Events = strings.Split(events, ",")
	})
	return err
}

// spoil makes ZenQMS's API another than it is taken for.
func (w *world) spoil(ts *testscript.TestScript, verb string, args []string) error {
	switch verb {
	case "html":
		w.account.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Body: "<html>Sign in</html>"})
	case "filters":
		w.account.IgnoreFilters(args[0] == "ignored")
	case "clock": // by how much it is ahead
		ahead, err := time.ParseDuration(args[0])
		date := http.Header{"Date": {time.Now().Add(ahead).UTC().Format(http.TimeFormat)}}
		w.account.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Header: date})
		return err
	case "rename", "abolish":
		id, err := strconv.ParseInt(ts.Getenv(args[0]), 10, 64)
		if verb == "abolish" {
			w.account.RemoveRole(id)
		} else {
			w.account.RenameRole(id, args[1])
		}
		return err
	}
	return nil
}

// stands tells whether something is held or dead as often as a number says, or
// the drain stopped with a word.
func (w *world) stands(what, value string) (holds bool, err error) {
	err = w.withStore(func(db *store.DB) error {
		return db.View(context.Background(), func(tx *store.Tx) error {
			q, err := tx.Queue()
			if err != nil {
				return err
			}
			why, err := tx.Setting(store.DrainStopped)
			switch what {
			case "held":
				holds = strconv.FormatInt(q.Held, 10) == value
			case "dead":
				holds = strconv.FormatInt(q.Dead, 10) == value
			case "stopped":
				holds = strings.Contains(why, value)
			}
			return err
		})
	})
	return holds, err
}

// checkFinding holds the JSON of doctor on stdout to a finding.
func checkFinding(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: finding CHECK RESULT [REGEXP]")
	}
	var findings []struct{ Check, Result, Seen, Remedy string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &findings))
	pattern := regexp.MustCompile(strings.Join(args[2:], ""))
	var of []string
	for _, f := range findings {
		if f.Check != args[0] {
			continue
		}
		of = append(of, fmt.Sprint(f))
		if f.Result == args[1] && pattern.MatchString(f.Seen+" -> "+f.Remedy) {
			if neg {
				ts.Fatalf("there is: %v", f)
			}
			return
		}
	}
	if !neg {
		ts.Fatalf("there is no %v, but %q", args, of)
	}
}
