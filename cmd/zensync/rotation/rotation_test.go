package rotation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/relay"
)

// stage is an installation as a rotation finds it: two files, the relay that
// reads them, and what Okta has.
type stage struct {
	t *testing.T
	Rotation
	down    bool   // the relay
	okta    string // the secret that Okta has
	refuses error  // what Okta says
	told    []string
}

// prepare puts content into the secret's file, "" for none, and that of the
// previous one.
func prepare(t *testing.T, secret, previous string) *stage {
	dir := t.TempDir()
	s := &stage{t: t, okta: "first"}
	s.Files = Files{Secret: filepath.Join(dir, "hook.secret"), Previous: filepath.Join(dir, "hook.secret.previous")}
	for name, content := range map[string]string{s.Files.Secret: secret, s.Files.Previous: previous} {
		if content != "" {
			require.NoError(t, os.WriteFile(name, []byte(content+"\n"), 0o600))
		}
	}
	s.Relay = Relay{Listen: "pipe", PublicURL: nowhere, Alive: func() bool { return !s.down }, dial: serveRelay(t, s.Files)}
	s.Wait, s.Grace = 10*time.Second, 0
	s.Okta = s.use
	s.Tell = func(format string, args ...any) { s.told = append(s.told, fmt.Sprintf(format, args...)) }
	return s
}

// serveRelay serves the relay as it is, with its secrets from files, within the
// process: a bubble's clock stands still while a network is waited for.
func serveRelay(t *testing.T, f Files) (dial func(context.Context, string, string) (net.Conn, error)) {
	secret, err := relay.OpenSecret(f.Secret, f.Previous)
	require.NoError(t, err)
	pipes := pipes{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: &relay.Relay{Secret: secret, Log: slog.New(slog.DiscardHandler)}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		assert.ErrorIs(t, server.Serve(pipes), http.ErrServerClosed)
	}()
	t.Cleanup(func() {
		assert.NoError(t, server.Close())
		<-done
	})
	return pipes.dial
}

// pipes is a listener whose connections are made by dial.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// use is Okta's part. A relay that refused one of the two secrets by then would
// lose events.
func (s *stage) use(ctx context.Context, secret string) error {
	time.Sleep(2 * relay.LookEvery) // Okta takes its time
	for _, valid := range []string{s.okta, secret} {
		took, err := s.Relay.takes(ctx, valid)
		require.NoError(s.t, err)
		assert.True(s.t, took, "rule: whichever secret Okta has, the relay takes it")
	}
	if s.refuses == nil {
		s.okta = secret
	}
	return s.refuses
}

// run runs a rotation on what the files hold.
func (s *stage) run(ctx context.Context) (Result, error) {
	return s.Run(ctx, Held{Secret: s.content(s.Files.Secret), Previous: s.content(s.Files.Previous)})
}

func (s *stage) content(name string) string {
	text, err := os.ReadFile(name)
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(s.t, err)
	}
	return strings.TrimSpace(string(text))
}

// holds checks both files, that nothing is beside them, and that neither secret
// is in what was told and returned.
func (s *stage) holds(secret, previous string, err error) {
	s.t.Helper()
	assert.Equal(s.t, secret, s.content(s.Files.Secret))
	assert.Equal(s.t, previous, s.content(s.Files.Previous))
	entries, readErr := os.ReadDir(filepath.Dir(s.Files.Secret))
	require.NoError(s.t, readErr)
	want := 1
	if previous != "" {
		want = 2
	}
	assert.Len(s.t, entries, want, "rule: no other file is left")
	text := strings.Join(s.told, "\n") + fmt.Sprint(err)
	for _, secret := range []string{secret, s.okta} {
		assert.NotContains(s.t, text, secret, "rule: secrets stay secret")
	}
}

func TestASecretIsRotated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, "first", "")
		result, err := s.run(t.Context())
		require.NoError(t, err)
		assert.False(t, result.Resumed)
		assert.False(t, result.Dropped.IsZero())
		assert.Regexp(t, `^[0-9a-f]{64}$`, s.okta)
		s.holds(s.okta, "", err)
	})
}

func TestTheOldSecretIsTakenThroughTheGraceTimeAndNotAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, "first", "")
		s.Grace = time.Minute
		during := make(chan bool, 1)
		s.Okta = func(ctx context.Context, secret string) error {
			time.AfterFunc(2*relay.LookEvery+s.Grace-time.Second, func() {
				took, err := s.Relay.takes(ctx, "first")
				during <- took && err == nil
			})
			return s.use(ctx, secret)
		}
		begun := time.Now()
		result, err := s.run(t.Context())
		require.NoError(t, err)
		assert.True(t, <-during)
		assert.GreaterOrEqual(t, result.Dropped.Sub(begun), s.Grace)
		took, err := s.Relay.takes(t.Context(), "first")
		require.NoError(t, err)
		assert.False(t, took)
	})
}

// TestWhateverACrashLeavesTheNextRunCompletes begins with the files as each step
// leaves them, and with either secret in Okta where that can be.
func TestWhateverACrashLeavesTheNextRunCompletes(t *testing.T) {
	for name, tc := range map[string]struct {
		secret, previous, okta string
		drafts                 []string
		resumed                bool
	}{
		"before the previous secret was whole":        {"first", "", "first", []string{"hook.secret.previous.new"}, false},
		"before the new secret":                       {"first", "first", "first", nil, false},
		"before the new secret was whole":             {"first", "first", "first", []string{"hook.secret.new"}, false},
		"before Okta had it":                          {"second", "first", "first", nil, true},
		"after Okta had it":                           {"second", "first", "second", nil, true},
		"while it was taken back":                     {"second", "first", "first", []string{"hook.secret.new"}, true},
		"after it was taken back, before it was gone": {"first", "first", "first", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := prepare(t, tc.secret, tc.previous)
				s.okta = tc.okta
				for _, draft := range tc.drafts {
					require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(s.Files.Secret), draft), []byte("fir"), 0o600))
				}
				result, err := s.run(t.Context())
				require.NoError(t, err)
				assert.Equal(t, tc.resumed, result.Resumed)
				if tc.resumed {
					assert.Equal(t, "second", s.okta, "rule: there is never a third secret")
				} else {
					assert.Len(t, s.okta, 64)
				}
				s.holds(s.okta, "", err)
			})
		})
	}
}

func TestWhenOktaRefusesBothSecretsStayValid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, "first", "")
		s.refuses = errors.New("okta: 403")
		_, err := s.run(t.Context())
		require.ErrorIs(t, err, s.refuses)
		assert.Contains(t, err.Error(), "both stay valid: `zensync rotate-secret` goes on with them, run it again")
		made := s.content(s.Files.Secret)
		assert.Len(t, made, 64)
		s.holds(made, "first", err)

		s.refuses = nil
		result, err := s.run(t.Context())
		require.NoError(t, err)
		assert.True(t, result.Resumed)
		assert.Equal(t, made, s.okta)
		s.holds(made, "", err)
	})
}

func TestARelayThatIsDownChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, "first", "")
		s.down = true
		_, err := s.run(t.Context())
		require.ErrorIs(t, err, errDown)
		assert.Contains(t, err.Error(), "nothing was changed")
		s.holds("first", "", err)
	})
}

func TestARelayWithAnotherSecretChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, "first", "")
		other := prepare(t, "another", "")
		s.Relay = other.Relay
		_, err := s.run(t.Context())
		require.ErrorContains(t, err, "does not take the secret in "+s.Files.Secret)
		s.holds("first", "", err)
	})
}

// stubborn is a relay that has its secret from elsewhere, and not again.
func (s *stage) stubborn(secret string) {
	other := prepare(s.t, secret, "")
	s.Relay.dial = other.Relay.dial
}

func TestWhatTheRelayDoesNotTakeIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, "first", "")
		s.stubborn("first")
		_, err := s.run(t.Context())
		require.ErrorContains(t, err, "the relay has not taken the new secret within 10s; one that has its secret from systemd's credentials")
		assert.Contains(t, err.Error(), "both files are as they were")
		assert.Equal(t, "first", s.okta)
		s.holds("first", "", err)
	})
}

func TestOfAnUnfinishedRotationNothingIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, "second", "first")
		s.stubborn("first")
		_, err := s.run(t.Context())
		require.ErrorContains(t, err, "has not taken the new secret")
		assert.Contains(t, err.Error(), "both stay valid")
		s.holds("second", "first", err)
	})
}

func TestASignalLeavesWhatOktaMayHave(t *testing.T) {
	for name, tc := range map[string]struct {
		at, says string
		both     bool
	}{
		"while the relay has not taken it": {"waiting for the relay", "interrupted; both files are as they were", false},
		"during the grace time":            {"Okta has verified", "interrupted; Okta has the new secret, and the old one stays valid", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := prepare(t, "first", "")
				s.Grace = time.Hour
				ctx, cancel := context.WithCancel(t.Context())
				s.Tell = func(format string, _ ...any) {
					if strings.Contains(format, tc.at) {
						cancel()
					}
				}
				_, err := s.run(ctx)
				require.ErrorContains(t, err, tc.says)
				assert.NotErrorIs(t, err, context.Canceled, "it has words of its own")
				if !tc.both {
					s.holds("first", "", err)
					return
				}
				s.holds(s.okta, "first", err)
				s.Grace = 0
				made := s.okta
				_, err = s.run(t.Context())
				require.NoError(t, err)
				assert.Equal(t, made, s.okta)
				s.holds(made, "", err)
			})
		})
	}
}

func TestAnOldSecretThatTheRelayGoesOnTakingIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, "second", "first")
		dir := t.TempDir() // a relay that has both from elsewhere
		f := Files{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
		require.NoError(t, os.WriteFile(f.Secret, []byte("second"), 0o600))
		require.NoError(t, os.WriteFile(f.Previous, []byte("first"), 0o600))
		s.Relay.dial = serveRelay(t, f)
		_, err := s.run(t.Context())
		require.ErrorContains(t, err, "the relay still takes it: restart the relay")
		s.holds("second", "", err)
	})
}
