package demo

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

const (
	clientID = "0oademo0000000000000"
	keyID    = "demo"
	keyBits  = 2048 // the least Okta accepts for RS256

	// latency is what a call to the imitation of ZenQMS takes at least, as one
	// to a server in the same part of the world would.
	latency = 20 * time.Millisecond
	// perSecond is the pace of the demo's calls to ZenQMS: the default of 10
	// would make its initial sync last half a minute.
	perSecond = 500
)

// stage is all that stands and runs during the demo.
type stage struct {
	story
	program string
	folder  string // temporary; holds all files
	config  string
	log     string // of the service
	keep    bool   // the folder

	okta, zenqms *http.Server
	oktaURL      string
	zenqmsURL    string
	hookURL      string
	pageURL      string
	zenqmsKey    string
	org          *oktatest.Org
	account      *zenqmstest.Account
	cast         cast
	service      *service
}

// setUp builds the stage: the folder, the imitations, who is in them, and the
// configuration. What was built before an error is taken down again.
func setUp(o Options) (s *stage, err error) {
	s = &stage{story: newStory(o.Out), program: o.Program, keep: o.Serve}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.takeDown())
		}
	}()
	if s.folder, err = os.MkdirTemp("", "zensync-demo-"); err != nil {
		return s, err
	}
	s.config = filepath.Join(s.folder, "zensync.yaml")
	s.log = filepath.Join(s.folder, "run.log")
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return s, err
	}
	s.org = oktatest.New(oktatest.Options{ClientID: clientID, Key: &key.PublicKey, AllowHTTPHooks: true})
	s.zenqmsKey = rand.Text()
	s.account = zenqmstest.New(zenqmstest.Options{Token: s.zenqmsKey})
	s.account.Latency(latency)
	if s.cast, err = populate(s.org, s.account); err != nil {
		return s, err
	}
	if s.okta, s.oktaURL, err = listen(s.org); err != nil {
		return s, err
	}
	if s.zenqms, s.zenqmsURL, err = listen(s.account); err != nil {
		return s, err
	}
	return s, s.configure(key)
}

// listen serves an imitation on a free port of loopback.
func listen(h http.Handler) (*http.Server, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: patience}
	go server.Serve(l) // ends with Close; a failure shows in whoever calls
	return server, "http://" + l.Addr().String(), nil
}

// freePort returns an address of loopback that nobody listens on just now.
// The configuration has to name the relay's before the relay is up.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// configure writes the configuration and the files it names.
func (s *stage) configure(key *rsa.PrivateKey) error {
	relay, err := freePort()
	if err != nil {
		return err
	}
	page, err := freePort()
	if err != nil {
		return err
	}
	s.hookURL, s.pageURL = "http://"+relay+"/okta/events", "http://"+page+"/"
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for name, content := range map[string]string{
		"okta.pem":     string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"zenqms.key":   s.zenqmsKey + "\n",
		"hook.secret":  rand.Text() + rand.Text() + "\n",
		"zensync.yaml": s.yaml(relay, page),
	} {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) yaml(relay, page string) string {
	return fmt.Sprintf(`# Made by zensync demo; both servers are imitations on this machine.
okta:
  org_url: %s
  client_id: %s
  private_key_file: okta.pem
  private_key_id: %s
zenqms:
  base_url: %s
  api_key_file: zenqms.key
  max_requests_per_second: %d
relay:
  listen: %s
  public_url: %s
  secret_file: hook.secret
sync:
  schedule: "@every 6h"
worker:
  listen: %s
store:
  path: %q
`, s.oktaURL, clientID, keyID, s.zenqmsURL, perSecond, relay, s.hookURL, page, filepath.Join(s.folder, "zensync.db"))
}

// takeDown ends and removes all that still stands. It may be called on a stage
// that is half built, and again.
func (s *stage) takeDown() error {
	errs := []error{s.service.stop()}
	s.service = nil
	for _, server := range []*http.Server{s.okta, s.zenqms} {
		if server != nil {
			errs = append(errs, server.Close())
		}
	}
	if s.folder != "" && !s.keep {
		errs = append(errs, os.RemoveAll(s.folder))
	}
	return errors.Join(errs...)
}

// showLog shows the end of the service's log, for whoever has to find out why
// the demo failed.
func (s *stage) showLog() {
	const most = 20 // lines
	text, err := os.ReadFile(s.log)
	if err != nil {
		return // it was never started
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	s.aside("\nThe last lines of the service's log:")
	for _, line := range lines[max(0, len(lines)-most):] {
		s.aside("  " + line)
	}
}
