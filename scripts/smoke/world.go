package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

const (
	clientID = "0oasmoke000000000000"
	keyID    = "smoke"
	hookURL  = "http://127.0.0.1:8080/okta/events" // where the socket unit listens
	seeded   = 25                                  // users at the deploy
)

// world is what stands around the installed program: both imitations, and who
// delivers the hooks.
type world struct {
	org     *oktatest.Org
	account *zenqmstest.Account
	postman *postman
	key     *rsa.PrivateKey
	token   string
	secret  string
	servers []*http.Server
	urls    []string // of Okta and ZenQMS
	hired   int      // how many by a hook of their own
}

func newWorld() (*world, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	w := &world{key: key, token: rand.Text(), secret: rand.Text() + rand.Text(), postman: newPostman()}
	w.org = oktatest.New(oktatest.Options{
		ClientID: clientID, Key: &key.PublicKey, AllowHTTPHooks: true, HookClient: &http.Client{Transport: w.postman},
	})
	w.account = zenqmstest.New(zenqmstest.Options{Token: w.token})
	for _, handler := range []http.Handler{w.org, w.account} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, w.close())
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: patience}
		go server.Serve(l) // ends with close; a failure shows in whoever calls
		w.servers = append(w.servers, server)
		w.urls = append(w.urls, "http://"+l.Addr().String())
	}
	for i := range seeded {
		w.org.Seed(person("seed", i), oktatest.Active)
	}
	return w, nil
}

func (w *world) close() (err error) {
	for _, server := range w.servers {
		err = errors.Join(err, server.Close())
	}
	return err
}

func person(kind string, i int) oktatest.Profile {
	return oktatest.Profile{Email: fmt.Sprintf("%s%d@example.com", kind, i), FirstName: kind, LastName: strconv.Itoa(i)}
}

// files are the configuration and the secrets it names, by their names in
// /etc/zensync.
func (w *world) files() (map[string]string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(w.key)
	return map[string]string{
		"okta.pem":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"zenqms.key":  w.token + "\n",
		"hook.secret": w.secret + "\n",
		"zensync.yaml": fmt.Sprintf(`okta:
  org_url: %s
  client_id: %s
  private_key_file: okta.pem
  private_key_id: %s
zenqms:
  base_url: %s
  api_key_file: zenqms.key
  max_requests_per_second: 1000
relay:
  public_url: %s
  secret_file: hook.secret
`, w.urls[0], clientID, keyID, w.urls[1], hookURL),
	}, err
}

// synced waits until everybody of the org is in ZenQMS.
func (w *world) synced(ctx context.Context) error {
	return eventually(ctx, fmt.Sprintf("%d users in ZenQMS", len(w.org.Users())), func() bool {
		for _, u := range w.org.Users() {
			if _, found := w.account.ByExternalID(u.ID); !found {
				return false
			}
		}
		return true
	})
}

// patience is how long anything may take. It takes seconds, unless the host
// has much else to do.
const patience = 60 * time.Second

// eventually waits until something holds.
func eventually(ctx context.Context, what string, holds func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited %s for: %s", patience, what)
		}
	}
	return nil
}

// write writes the files as root would, open to nobody else.
func write(folder string, files map[string]string) error {
	for name, text := range files {
		if err := os.WriteFile(folder+"/"+name, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
