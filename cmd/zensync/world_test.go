package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// world is what one script finds around it: an org, an account, and a
// configuration that names them.
type world struct {
	folder  string
	org     *oktatest.Org
	account *zenqmstest.Account
	relay   string            // address
	secrets map[string]string // by file name
	vars    map[string]string // of the environment

	toOkta, toZenQMS *snare
	oktaAhead        atomic.Int64 // nanoseconds by which Okta's clock is ahead

	certificate tls.Certificate // of loopback, which the org trusts

	streamed chan struct{} // closed when the stream is over; taken is set then
	taken    []string
	unlock   func() // of the script command lock
	knocks   *knocking

	receiving sync.Mutex
	received  []string // bodies that came to $RECEIVER
	manager   *supervisor
}

const (
	clientID = "0oascript00000000000"
	keyID    = "script"
)

// signingKey is that of the service app; to make one takes a while.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

const configuration = `okta:
  org_url: $OKTA_URL
  client_id: ` + clientID + `
  private_key_file: okta.pem
  private_key_id: ` + keyID + `
zenqms:
  base_url: $ZENQMS_URL
  api_key_file: zenqms.key
  max_requests_per_second: 1000
relay:
  listen: $RELAY
  public_url: http://$RELAY/okta/events
  secret_file: hook.secret
worker:
  listen: $PAGE
store:
  path: zensync.db
sync:
  schedule: "0 0 29 2 *" # no walk comes by itself, whatever time a test is run at
`

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// setUpWorld makes the world of one script.
func setUpWorld(env *testscript.Env) error {
	w, err := newWorld(env.WorkDir, env.Defer)
	if err != nil {
		return err
	}
	for name, value := range w.vars {
		env.Setenv(name, value)
	}
	env.Values[worldKey{}] = w
	env.Defer(func() {
		if err := w.checkSecrecy(); err != nil {
			env.T().Fatal(err)
		}
	})
	return nil
}

// newWorld makes a world in a folder. atEnd is told what to do when it is over.
func newWorld(folder string, atEnd func(func())) (*world, error) {
	w := &world{folder: folder, vars: map[string]string{
		"ZENSYNC_CONFIG": filepath.Join(folder, "zensync.yaml"),
		"GORACE":         "atexit_sleep_ms=0", // else every process ends a second late
		transcript:       filepath.Join(folder, "transcript"),
	}, secrets: map[string]string{
		"zenqms.key": rand.Text(), "hook.secret": rand.Text(), "okta.token": rand.Text(),
	}}
	key := signingKey()
	trusting := httptest.NewTLSServer(http.NotFoundHandler())
	atEnd(trusting.Close)
	w.certificate = trusting.TLS.Certificates[0]
	w.org = oktatest.New(oktatest.Options{
		Now:      func() time.Time { return time.Now().Add(time.Duration(w.oktaAhead.Load())) },
		ClientID: clientID, Key: &key.PublicKey, Token: w.secrets["okta.token"], AllowHTTPHooks: true, HookClient: trusting.Client(),
	})
	w.account = zenqmstest.New(zenqmstest.Options{Token: w.secrets["zenqms.key"]})
	w.toOkta, w.toZenQMS = &snare{handler: w.org}, &snare{handler: w.account}
	for variable, handler := range map[string]http.Handler{"OKTA_URL": w.toOkta, "ZENQMS_URL": w.toZenQMS} {
		server := httptest.NewServer(handler)
		atEnd(server.Close)
		w.vars[variable] = server.URL
	}
	receiver := httptest.NewServer(http.HandlerFunc(w.receive))
	atEnd(receiver.Close)
	w.vars["RECEIVER"] = receiver.URL
	var err error
	if w.relay, err = freeAddress(); err != nil {
		return nil, err
	}
	w.vars["RELAY"] = w.relay
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	w.vars["OWNER"] = me.Username
	if w.vars["PAGE"], err = freeAddress(); err != nil {
		return nil, err
	}
	w.vars["TAKEN"] = strings.TrimPrefix(w.vars["OKTA_URL"], "http://")
	return w, w.writeFiles(key)
}

func (w *world) writeFiles(key *rsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	w.secrets["okta.pem"] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	files := map[string]string{"zensync.yaml": os.Expand(configuration, func(name string) string { return w.vars[name] })}
	for name, secret := range w.secrets {
		files[name] = secret + "\n"
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(w.folder, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// writeCertificate writes relay.crt and relay.key.
func (w *world) writeCertificate() error {
	der, err := x509.MarshalPKCS8PrivateKey(w.certificate.PrivateKey)
	if err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{
		"relay.crt": {Type: "CERTIFICATE", Bytes: w.certificate.Certificate[0]}, "relay.key": {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(w.folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// checkSecrecy searches all that zensync printed or wrote for the secrets.
func (w *world) checkSecrecy() error {
	sought := map[string][]byte{}
	for name, secret := range w.secrets {
		if name == "okta.pem" {
			secret = strings.Split(secret, "\n")[3] // a line from the middle will do
		}
		sought[name] = []byte(secret)
	}
	return filepath.WalkDir(w.folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || w.secrets[e.Name()] != "" {
			return err
		}
		text, err := os.ReadFile(path)
		for name, secret := range sought {
			if bytes.Contains(text, secret) {
				err = errors.Join(err, fmt.Errorf("rule: secrets stay secret; %s holds that of %s", e.Name(), name))
			}
		}
		return err
	})
}

// lastPort is where freeAddress goes on. The kernel gives ports from 32768 on
// to whoever asks for any, so those below stay free once they are.
var lastPort atomic.Int64

func init() { lastPort.Store(20000 + int64(os.Getpid()%500)*20) }

// freeAddress is an address on loopback that nobody listens on: the
// configuration names the relay's before the relay is up.
func freeAddress() (string, error) {
	for range 1000 {
		address := "127.0.0.1:" + strconv.FormatInt(lastPort.Add(1), 10)
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", errors.New("a thousand ports are taken")
}

// do carries out a script command, and tells whether what it asks holds.
func (w *world) do(ts *testscript.TestScript, args []string) (bool, error) {
	if len(args) >= 2 {
		switch args[0] {
		case "okta":
			return w.doOkta(ts, args[1], args[2:])
		case "zenqms":
			return w.doZenQMS(ts, args[1], args[2:])
		case "up":
			return w.up(args[1])
		case "held":
			return w.held(store.Part(args[1]), args[2])
		case "received":
			return w.hasReceived(args[1]), nil
		case "stands":
			return w.stands(args[1], args[2])
		case "event":
			return w.hasEvent(args[1])
		case "fetched":
			return w.fetched(args[1], args[2])
		case "told":
			return w.told(args[1:])
		case "said":
			text, err := os.ReadFile(filepath.Join(w.folder, "transcript"))
			return strings.Contains(string(text), args[1]), err
		}
	}
	return false, fmt.Errorf("unknown: %v", args)
}

// up tells whether the relay takes connections.
func (w *world) up(part string) (bool, error) {
	if part != "relay" {
		return false, fmt.Errorf("unknown: up %s", part)
	}
	conn, err := net.Dial("tcp", w.relay)
	if err != nil {
		return false, nil
	}
	return true, conn.Close()
}

// held tells whether a part is held by a process that calls itself holder.
func (w *world) held(part store.Part, holder string) (held bool, err error) {
	err = w.withStore(func(db *store.DB) error {
		got, alive := db.Alive(part)
		held = alive && got == holder
		return nil
	})
	return held, err
}

// receive takes an alert.
func (w *world) receive(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	w.receiving.Lock()
	defer w.receiving.Unlock()
	w.received = append(w.received, string(body))
}

func (w *world) hasReceived(text string) bool {
	w.receiving.Lock()
	defer w.receiving.Unlock()
	return slices.ContainsFunc(w.received, func(body string) bool { return strings.Contains(body, text) })
}

// fetched tells whether a path of the worker's page shows a text.
func (w *world) fetched(path, text string) (bool, error) {
	resp, err := http.Get("http://" + w.vars["PAGE"] + path)
	if err != nil {
		return false, nil // it is not up yet
	}
	body, err := io.ReadAll(resp.Body)
	return strings.Contains(string(body), text), errors.Join(err, resp.Body.Close())
}

// hasEvent tells whether some event's work is in a state.
func (w *world) hasEvent(state string) (found bool, err error) {
	err = w.withStore(func(db *store.DB) error {
		return db.View(context.Background(), func(tx *store.Tx) error {
			events, err := readReport(tx, "events", store.ReportArgs{})
			for _, row := range only(events, "state").Rows {
				found = found || row[0] == state
			}
			return err
		})
	})
	return found, err
}

func (w *world) withStore(work func(*store.DB) error) error {
	db, err := store.Open(context.Background(), filepath.Join(w.folder, "zensync.db"))
	if err != nil {
		return err
	}
	return errors.Join(work(db), db.Close())
}
