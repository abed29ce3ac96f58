package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// knocking is a stream of deliveries to the relay, each with the secret that the
// hook has in Okta at that moment, and with the one it had before: Okta's retry
// of an event that was under way.
type knocking struct {
	stop, done chan struct{}
	answers    map[int]int // by status
	secrets    map[string]bool
	err        error // an answer there was none of
}

// knock begins to knock.
func (w *world) knock(ts *testscript.TestScript) {
	k := &knocking{stop: make(chan struct{}), done: make(chan struct{}), answers: map[int]int{}, secrets: map[string]bool{}}
	w.knocks = k
	ts.Defer(func() { <-k.done })
	go func() {
		defer close(k.done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for before := ""; ; {
			now := w.org.Hooks()[0].AuthValue
			k.deliver(w.relay, now)
			if before != "" && before != now {
				k.deliver(w.relay, before)
			}
			before = now
			select {
			case <-tick.C:
			case <-k.stop:
				return
			}
		}
	}()
}

func (k *knocking) deliver(address, secret string) {
	k.secrets[secret] = true
	request, err := http.NewRequest(http.MethodPost, "http://"+address+"/okta/events", strings.NewReader(`{"data": {"events": []}}`))
	if err == nil {
		request.Header.Set("Authorization", secret)
		var response *http.Response
		if response, err = http.DefaultClient.Do(request); err == nil {
			k.answers[response.StatusCode]++
			err = response.Body.Close()
		}
	}
	k.err = errors.Join(k.err, err)
}

// heard ends the knocking, and tells whether the relay took every delivery, with
// more secrets than one.
func (w *world) heard() (bool, error) {
	k := w.knocks
	close(k.stop)
	<-k.done
	if n := k.answers[http.StatusNoContent]; k.err != nil || n == 0 || len(k.answers) != 1 || len(k.secrets) < 2 {
		return false, fmt.Errorf("rule: no delivery is refused during a rotation; with %d secrets the answers were %v, and %w", len(k.secrets), k.answers, k.err)
	}
	return true, nil
}

// hasSecret tells whether the hook in Okta has the secret of a file, and notes
// it, and the one before, among what must be shown nowhere.
func (w *world) hasSecret(file string) (bool, error) {
	text, err := os.ReadFile(filepath.Join(w.folder, file))
	secret := strings.TrimSpace(string(text))
	if before := w.secrets[file]; before != secret {
		if before != "" {
			w.secrets[file+".previous"] = before
		}
		w.secrets[file] = secret
	}
	return w.org.Hooks()[0].AuthValue == secret, err
}
