package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/zensync/zensync/store"
)

// The scripts in testdata/script are what an operator could have typed, beside
// imitations of Okta and ZenQMS (see world). Besides testscript's own commands
// they have
//
//	exits STATUS zensync ARGS...   runs it and holds it to its exit status
//	eventually CONDITION...        waits until it holds
//	okta, zenqms ...               an administrator's hand on the other side
//	sigterm WORD, sighup WORD      to the background process that has WORD among its arguments
//	exec fetch URL [METHOD]        prints the status and the body of an answer
//	json PATH VALUE                of the JSON on stdout, as in `json queue.ready 0`; \. is a dot within a key
//	expand FILE                    puts the environment's variables into a file
//	certificate                    writes relay.crt and relay.key
//	supervise SERVICE, release SERVICE   as a service manager starts and stops it
//	told SERVICE TEXT [TIMES]      what it has said to that manager
//	mode FILE PERMISSIONS          as in `mode report.csv 0600`
//	received TEXT                  the receiver of alerts, $RECEIVER, got it
//	finding CHECK RESULT [REGEXP]   of the JSON of `doctor` on stdout, which has a finding whose seen and remedy match
//	lock PART HOLDER, ! lock PART  takes a lock of the store, and gives it back
//
// After every script its secrets are searched for in all that zensync printed
// and stored.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUpWorld,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      exits,
			"eventually": eventually,
			"okta":       condition("okta"),
			"zenqms":     condition("zenqms"),
			"up":         condition("up"),
			"held":       condition("held"),
			"received":   condition("received"),
			"fetched":    condition("fetched"),
			"said":       condition("said"),
			"told":       condition("told"),
			"supervise":  supervise,
			"release":    release,
			"sigterm":    signaller(syscall.SIGTERM),
			"sighup":     signaller(syscall.SIGHUP),
			"json":       checkJSON,
			"expand":     expandFile,
			"lock":       lockPart,
			"mode":       checkMode,
			"finding":    checkFinding,
			"certificate": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Check(worldOf(ts).writeCertificate())
			},
		},
	})
}

// transcript names the file to which a zensync under test also writes whatever
// it prints.
const transcript = "ZENSYNC_TEST_TRANSCRIPT"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"zensync": func() {
		stdout, stderr := io.Writer(os.Stdout), io.Writer(os.Stderr)
		if name := os.Getenv(transcript); name != "" {
			file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				panic(err)
			}
			stdout, stderr = io.MultiWriter(stdout, file), io.MultiWriter(stderr, file)
		}
		os.Exit(run(context.Background(), os.Args, os.Stdin, stdout, stderr))
	}, "fetch": fetch})
}

// fetch is a program that asks a server for something.
func fetch() {
	method := http.MethodGet
	if len(os.Args) > 2 {
		method = os.Args[2]
	}
	req, err := http.NewRequest(method, os.Args[1], nil)
	if err != nil {
		panic(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(resp.StatusCode)
	if _, err := io.Copy(os.Stdout, resp.Body); err != nil {
		panic(err)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d instead of %d", got, want)
	}
}

// deadline is how long a condition may take. It takes milliseconds, unless
// the machine has much else to do.
const deadline = time.Minute

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) > 0 && args[0] == "!" { // testscript takes one only before the command
		neg, args = true, args[1:]
	}
	late := time.NewTimer(deadline)
	defer late.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		holds, err := worldOf(ts).do(ts, args)
		ts.Check(err)
		if holds != neg {
			return
		}
		select {
		case <-tick.C:
		case <-late.C:
			ts.Fatalf("waited %s for: %s", deadline, strings.Join(args, " "))
		}
	}
}

// condition is a script command that is about one side.
func condition(side string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		holds, err := worldOf(ts).do(ts, append([]string{side}, args...))
		ts.Check(err)
		if holds == neg {
			ts.Fatalf("%s: it is %t", strings.Join(args, " "), holds)
		}
	}
}

// signaller is a script command that sends a signal.
func signaller(signal syscall.Signal) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: sigterm WORD, sighup WORD")
		}
		for _, cmd := range ts.BackgroundCmds() {
			if slices.Contains(cmd.Args, args[0]) {
				ts.Check(cmd.Process.Signal(signal))
				return
			}
		}
		ts.Fatalf("nothing in the background has the argument %s", args[0])
	}
}

func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: json PATH VALUE")
	}
	var at any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &at))
	const dot = "\x00"
	for _, key := range strings.Split(strings.ReplaceAll(args[0], `\.`, dot), ".") {
		key = strings.ReplaceAll(key, dot, ".")
		switch v := at.(type) {
		case map[string]any:
			inner, ok := v[key]
			if !ok {
				ts.Fatalf("%s: there is no key %q", args[0], key)
			}
			at = inner
		case []any:
			i, err := strconv.Atoi(key)
			ts.Check(err)
			if i >= len(v) {
				ts.Fatalf("%s: there are %d", args[0], len(v))
			}
			at = v[i]
		default:
			ts.Fatalf("%s: nothing below %q", args[0], key)
		}
	}
	got, isText := at.(string)
	if !isText {
		text, err := json.Marshal(at)
		ts.Check(err)
		got = string(text)
	}
	if (got == args[1]) == neg {
		ts.Fatalf("%s is %s", args[0], got)
	}
}

func expandFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	name := ts.MkAbs(args[0])
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(name, []byte(text), 0o600))
}

func lockPart(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg {
		w.unlock()
		return
	}
	if len(args) != 2 {
		ts.Fatalf("usage: lock PART HOLDER")
	}
	db, err := store.Open(context.Background(), filepath.Join(w.folder, "zensync.db"))
	ts.Check(err)
	lock, err := db.TryLock(store.Part(args[0]), args[1])
	ts.Check(err)
	w.unlock = sync.OnceFunc(func() { ts.Check(errors.Join(lock.Release(), db.Close())) })
	ts.Defer(w.unlock)
}

func checkMode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode FILE PERMISSIONS")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has the mode %s", args[0], got)
	}
}
