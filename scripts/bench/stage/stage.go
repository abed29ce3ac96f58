// Package stage is an installation of zensync between imitations of Okta and
// ZenQMS, which this process serves over HTTP on loopback. zensync itself is
// the program as it is installed, in processes of its own.
package stage

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

const (
	// patience is how long something may take to come up. It takes a moment.
	patience = 20 * time.Second
	// perSecond is zenqms.max_requests_per_second unless told otherwise, the most
	// that is allowed: no pause is to be measured.
	perSecond = 1000
)

// Stage is all that stands.
type Stage struct {
	Org     *oktatest.Org
	Account *zenqmstest.Account

	program, folder string
	relay           string // its address
	servers         []*http.Server
	services        []*service
}

// Options are what differs from one stage to the next.
type Options struct {
	Program string // path of zensync
	Folder  string // empty, for all files
	// Hooks carries Okta's calls of the relay; nil is http.DefaultTransport.
	Hooks http.RoundTripper
	// ZenQMS may look at the calls of the account on their way; nil: nobody does.
	ZenQMS func(http.Handler) http.Handler
	// PerSecond is zenqms.max_requests_per_second, 0 as many as may be set, and
	// Limit how many calls a second ZenQMS answers, 0 all.
	PerSecond, Limit int
}

// New serves the imitations and writes the configuration. Fill the org and the
// account, then Start. Close takes down what stands.
func New(o Options) (*Stage, error) {
	s := &Stage{program: o.Program, folder: o.Folder}
	oktaToken, zenqmsKey := rand.Text(), rand.Text()
	s.Org = oktatest.New(oktatest.Options{Token: oktaToken, AllowHTTPHooks: true, HookClient: &http.Client{Transport: o.Hooks}})
	s.Account = zenqmstest.New(zenqmstest.Options{Token: zenqmsKey, NoJournal: true, RatePerSecond: o.Limit})
	account := http.Handler(s.Account)
	if o.ZenQMS != nil {
		account = o.ZenQMS(account)
	}
	oktaURL, err := s.serve(s.Org)
	if err != nil {
		return nil, err
	}
	zenqmsURL, err := s.serve(account)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.relay, err = freeAddress(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	for name, text := range map[string]string{
		"okta.token": oktaToken, "zenqms.key": zenqmsKey, "hook.secret": rand.Text() + rand.Text(),
		"zensync.yaml": fmt.Sprintf(configuration, oktaURL, zenqmsURL, cmp.Or(o.PerSecond, perSecond), s.relay, s.relay, s.Store()),
	} {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Store is the path of the database.
func (s *Stage) Store() string { return filepath.Join(s.folder, "zensync.db") }

const configuration = `okta:
  org_url: %s
  api_token_file: okta.token
zenqms:
  base_url: %s
  api_key_file: zenqms.key
  max_requests_per_second: %d
relay:
  listen: %s
  public_url: http://%s/okta/events
  secret_file: hook.secret
sync:
  schedule: "0 0 29 2 *" # no walk comes by itself
worker:
  listen: 127.0.0.1:0
store:
  path: %q
`

func (s *Stage) serve(h http.Handler) (url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: patience}
	s.servers = append(s.servers, server)
	go server.Serve(l) // ends with Close; a failure shows in whoever calls
	return "http://" + l.Addr().String(), nil
}

// freeAddress is an address of loopback that nobody listens on just now. The
// configuration has to name the relay's before the relay is up.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Start starts the relay, has the installation deployed, and starts the
// worker: two processes, as systemd would have them.
func (s *Stage) Start(ctx context.Context) error {
	relay, err := s.start("relay")
	if err != nil {
		return err
	}
	if err := s.awaitRelay(ctx, relay); err != nil {
		return err
	}
	if out, err := s.command(ctx, "deploy", "--yes").CombinedOutput(); err != nil {
		return fmt.Errorf("zensync deploy: %w\n%s", err, out)
	}
	_, err = s.start("worker")
	return err
}

// awaitRelay waits until the relay takes connections.
func (s *Stage) awaitRelay(ctx context.Context, relay *service) error {
	for late := time.After(patience); ; {
		if conn, err := net.Dial("tcp", s.relay); err == nil {
			return conn.Close()
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-relay.ended:
			return errors.New("the relay ended at once")
		case <-late:
			return fmt.Errorf("the relay did not come up within %s", patience)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// foreign are variables of the surroundings that would change what zensync does.
var foreign = []string{"ZENSYNC_CONFIG", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID"}

// Command runs a command of zensync's and returns what it says.
func (s *Stage) Command(ctx context.Context, args ...string) ([]byte, error) {
	out, err := s.command(ctx, args...).Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		err = fmt.Errorf("zensync %s: %w\n%s", args[0], err, failed.Stderr)
	}
	return out, err
}

// PID is the process of a service that was started, 0 for none.
func (s *Stage) PID(name string) int {
	for _, svc := range s.services {
		if svc.name == name {
			return svc.cmd.Process.Pid
		}
	}
	return 0
}

func (s *Stage) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(foreign, name)
	}), "ZENSYNC_CONFIG="+filepath.Join(s.folder, "zensync.yaml"))
	return cmd
}

// service is a process of zensync's.
type service struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended; err is set then
	err   error
}

// start starts a service, which ends with Close.
func (s *Stage) start(name string) (*service, error) {
	log, err := os.Create(filepath.Join(s.folder, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own
	svc := &service{name: name, cmd: s.command(context.Background(), name), ended: make(chan struct{})}
	svc.cmd.Stdout, svc.cmd.Stderr = log, log
	if err := svc.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start zensync %s: %w", name, err)
	}
	go func() {
		svc.err = svc.cmd.Wait()
		close(svc.ended)
	}()
	s.services = append(s.services, svc)
	return svc, nil
}

// Log is what a service has written, for whoever has to find out.
func (s *Stage) Log(name string) string {
	text, err := os.ReadFile(filepath.Join(s.folder, name+".log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Close stops the services, the worker first, and the imitations.
func (s *Stage) Close() error {
	var errs []error
	for _, svc := range slices.Backward(s.services) {
		if err := svc.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
		if <-svc.ended; svc.err != nil {
			errs = append(errs, fmt.Errorf("zensync %s: %w\n%s", svc.name, svc.err, s.Log(svc.name)))
		}
	}
	for _, server := range s.servers {
		errs = append(errs, server.Close())
	}
	return errors.Join(errs...)
}
