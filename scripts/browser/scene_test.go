package browser

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// patience is how long something may take to happen. It takes a moment.
const patience = time.Minute

// What a name can be. It is shown, and does nothing.
const (
	scriptName = `<script>alert("name")</script>`
	imageName  = `"><img src=//elsewhere.example/x onerror=alert(1)>`
)

// scene is an installation with a history, between imitations of Okta and
// ZenQMS: the program itself, as it is installed.
type scene struct {
	*testing.T
	program, config string
	page            string // its address, as in http://127.0.0.1:9180
	org             *oktatest.Org
	account         *zenqmstest.Account
	users           []oktatest.User
	db              *store.DB // while it is given its history
}

func newScene(t *testing.T, program string) *scene {
	folder := t.TempDir()
	s := &scene{T: t, program: program, config: filepath.Join(folder, "zensync.yaml")}
	token, key := rand.Text(), rand.Text()
	s.org = oktatest.New(oktatest.Options{Token: token, AllowHTTPHooks: true})
	s.account = zenqmstest.New(zenqmstest.Options{Token: key})
	okta, zenqms := httptest.NewServer(s.org), httptest.NewServer(s.account)
	t.Cleanup(okta.Close)
	t.Cleanup(zenqms.Close)
	relay, page := s.freeAddress(), s.freeAddress()
	s.page = "http://" + page
	for name, text := range map[string]string{
		"okta.token": token, "zenqms.key": key, "hook.secret": rand.Text() + rand.Text(),
		"zensync.yaml": fmt.Sprintf(configuration, okta.URL, zenqms.URL, relay, relay, page, filepath.Join(folder, "zensync.db")),
	} {
		s.must(os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	s.live(filepath.Join(folder, "zensync.db"))
	s.start()
	s.command(0, "deploy", "--yes")
	return s
}

const configuration = `okta:
  org_url: %s
  api_token_file: okta.token
zenqms:
  base_url: %s
  api_key_file: zenqms.key
  max_requests_per_second: 1000
relay:
  listen: %s
  public_url: http://%s/okta/events
  secret_file: hook.secret
safety:
  max_deactivations: 0
  max_deactivation_percent: 0
worker:
  listen: %s
  max_attempts: 1
store:
  path: %q
`

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// freeAddress is one of loopback that nobody listens on just now.
func (s *scene) freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	defer l.Close()
	return l.Addr().String()
}

// live gives the store two weeks of history: links, events and leavers, with
// the store's clock as it was then.
func (s *scene) live(path string) {
	db, err := store.Open(s.Context(), path)
	s.must(err)
	defer func() { s.must(db.Close()) }()
	s.db = db
	var now time.Time
	db.Now = func() time.Time { return now }
	do := func(at time.Time, write func(*store.Tx) error) {
		now = at
		s.must(db.Update(s.Context(), write))
	}
	begin := time.Now().UTC().Add(-14 * 24 * time.Hour)
	for i := range 40 {
		p := oktatest.Profile{FirstName: "Ada", LastName: fmt.Sprintf("Person %02d", i), Title: "Chemist", Email: fmt.Sprintf("ada%02d@example.com", i)}
		user := s.org.Seed(p, oktatest.Active)
		account := s.account.AddUser(zenqmstest.User{Email: p.Email, FirstName: p.FirstName, LastName: p.LastName, Title: p.Title, ExternalID: user.ID, Active: true})
		s.users = append(s.users, user)
		do(begin.Add(time.Duration(i)*5*time.Hour), func(tx *store.Tx) error {
			return tx.PutLink(store.Link{OktaID: user.ID, ZenQMSID: fmt.Sprint(account.ID), Email: p.Email, Active: true, OktaUpdated: user.LastUpdated, OktaStatus: "ACTIVE"})
		})
	}
	var epoch int64
	do(begin, func(tx *store.Tx) (err error) { epoch, err = tx.StartEpoch(); return err })
	n := 0
	for at := begin; at.Before(time.Now().Add(-time.Hour)); at = at.Add(time.Hour) {
		for range []int{0, 0, 1, 0, 2, 4, 7, 5, 3, 6, 2, 1}[at.Hour()%12] {
			n++
			took := time.Duration(80+(n*n*37)%900) * time.Millisecond
			s.event(do, epoch, at.Add(time.Duration(n%60)*time.Minute/2), took, n)
		}
	}
}

// event is one that came at a time and was done so much later. Every
// fortieth is a leaver's.
func (s *scene) event(do func(time.Time, func(*store.Tx) error), epoch int64, at time.Time, took time.Duration, n int) {
	e := store.Event{UUID: fmt.Sprintf("history-%d", n), Type: store.UserUpdateProfile, Published: at.Add(-time.Second), Users: []string{s.users[n%len(s.users)].ID}}
	leaves := n%40 == 0
	if leaves {
		e.Type, e.Users = store.UserDeactivate, []string{fmt.Sprintf("00uleaver%011d", n)}
		took *= time.Duration(1 + (n/40)%7*(n/40)%11*40)
	}
	delivery, err := store.Pack([]store.Event{e})
	s.must(err)
	do(at, func(tx *store.Tx) error { return tx.Receive(delivery) })
	s.must(s.db.Sort(s.Context()))
	do(at.Add(took), func(tx *store.Tx) error {
		claims, err := tx.Claim(epoch, 100)
		for _, c := range claims {
			for _, r := range c.Rows {
				err = errors.Join(err, tx.Close(epoch, r.ID, store.StateDone, ""))
			}
		}
		if leaves {
			err = errors.Join(err, tx.AppendLog(store.LogRow{Origin: string(store.FromHook), Event: e.UUID, OktaID: e.Users[0], ZenQMSID: "old", Action: store.ActDeactivate, Outcome: store.OutcomeOK}))
		}
		return err
	})
}

// start starts relay and worker, until the test ends.
func (s *scene) start() {
	cmd := exec.Command(s.program, "--config", s.config, "run")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	s.must(cmd.Start())
	s.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || s.Failed() {
			s.Logf("zensync run: %v\n%s", err, log.String())
		}
	})
	s.await("zensync run shows its page", func() bool { return s.get("/healthz") != "" })
}

// command runs a command, which has to end with a status.
func (s *scene) command(want int, args ...string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, append([]string{"--config", s.config}, args...)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
		s.Fatalf("zensync %s: %v, not exit status %d\n%s", strings.Join(args, " "), err, want, out)
	}
}

// get is the body of an answer; "" when there is none.
func (s *scene) get(path string) string {
	resp, err := http.Get(s.page + path)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return string(text)
}

func (s *scene) await(what string, cond func() bool) {
	s.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !cond(); {
		select {
		case <-tick.C:
		case <-late:
			s.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

func (s *scene) shows(what string) {
	s.Helper()
	s.await("the page shows "+what, func() bool { return strings.Contains(s.get("/"), what) })
}

// trouble has something of everything wait for a person, with names that would
// be scripts if they were not escaped.
func (s *scene) trouble() {
	s.account.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: http.StatusInternalServerError})
	s.org.UpdateProfile(s.users[9].ID, func(p *oktatest.Profile) { p.FirstName, p.LastName = imageName, "Dead" })
	s.must(s.org.DeliverAll(s.Context()))
	s.shows("Given up")
	s.org.UpdateProfile(s.users[1].ID, func(p *oktatest.Profile) { p.FirstName, p.LastName = "Eve", scriptName })
	s.org.AddUser(oktatest.Profile{FirstName: scriptName, Email: "mono@example.com", Login: "mono@example.com"}, oktatest.Active)
	s.org.AddUser(oktatest.Profile{FirstName: imageName, LastName: "Second", Email: "ada05@example.com", Login: "ada05.second@example.com"}, oktatest.Active)
	for _, u := range s.users[1:4] {
		s.org.SetStatus(u.ID, oktatest.Suspended)
	}
	s.must(s.org.DeliverAll(s.Context()))
	s.shows("The brake holds 3 changes")
	s.shows("2 people are skipped")
}
