package main

import (
	"context"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

func TestRootDoesNotOpenAnothersStore(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	in := &installation{Config: &config.Config{Store: config.Store{Path: filepath.Join(t.TempDir(), "zensync.db")}}}
	require.NoError(t, in.checkOwner(), "none yet")
	require.NoError(t, os.WriteFile(in.Store.Path, nil, 0o600))
	require.NoError(t, in.checkOwner(), "its own")
	require.NoError(t, os.Chown(in.Store.Path, 4242, 4242))
	err := in.checkOwner()
	assert.ErrorContains(t, err, "belongs to 4242")
	assert.ErrorContains(t, err, "sudo -u 4242 zensync")
	assert.Equal(t, exitUsage, statusOf(err))
}

func TestRootMakesNoStoreInAnothersFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	beside := t.TempDir()
	folder := filepath.Join(beside, "state")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.Chown(folder, 4242, 4242))
	for name, text := range map[string]string{
		"okta.token": "token", "zenqms.key": "key", "hook.secret": "secret", "zensync.yaml": "state/zensync.db", "deep.yaml": "state/below/zensync.db",
	} {
		if filepath.Ext(name) == ".yaml" {
			text = "okta: {org_url: 'http://127.0.0.1:9', api_token_file: okta.token}\n" +
				"zenqms: {base_url: 'http://127.0.0.1:9', api_key_file: zenqms.key}\n" +
				"relay: {listen: '127.0.0.1:0', public_url: https://hooks.example.com/, secret_file: hook.secret}\n" +
				"worker: {listen: off}\nstore: {path: " + text + "}\n"
		}
		require.NoError(t, os.WriteFile(filepath.Join(beside, name), []byte(text), 0o600))
	}
	for _, args := range [][]string{
		{"relay"}, {"worker"}, {"run"}, {"pause", "--reason", "maintenance"}, {"sync", "ann"}, {"deploy", "--yes"}, {"unlink", "--yes"},
	} {
		for _, name := range []string{"zensync.yaml", "deep.yaml"} {
			var said strings.Builder
			// A service that is not refused ends at once, too.
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			status := run(ctx, append([]string{"zensync", "--config", filepath.Join(beside, name)}, args...), strings.NewReader(""), io.Discard, &said)
			cancel()
			assert.Equal(t, exitUsage, status, "%v: %s", args, &said)
			assert.Contains(t, said.String(), folder+", where the store is to be, belongs to 4242", args)
			assert.Contains(t, said.String(), "sudo -u 4242 zensync", args)
			left, err := os.ReadDir(folder)
			require.NoError(t, err)
			assert.Empty(t, left, "%v makes nothing there", args)
		}
	}
}

func TestPolicyIsWhatTheConfigSays(t *testing.T) {
	in := &installation{Config: &config.Config{Sync: config.Sync{
		DefaultTitle: "Employee",
		Statuses:     map[string]string{"LOCKED_OUT": "inactive", "SUSPENDED": "active", "STAGED": "ignore"},
	}}}
	p := in.policy()
	assert.Equal(t, "Employee", p.DefaultTitle)
	assert.Equal(t, reconcile.Gone, p.Meaning("LOCKED_OUT"))
	assert.Equal(t, reconcile.Live, p.Meaning("SUSPENDED"))
	assert.Equal(t, reconcile.LeaveAlone, p.Meaning("STAGED"))
	assert.Equal(t, reconcile.Live, p.Meaning("ACTIVE"), "what the config does not name keeps its meaning")
}

func TestTheShareOfOktasRateLimitIsTheConfigs(t *testing.T) {
	for share, want := range map[string]int{"": 5, "rate_share: 0.2": 2, "rate_share: 1": 10} {
		org := oktatest.New(oktatest.Options{Token: "token", RateLimits: map[string]int{"user": 10}})
		server := httptest.NewServer(org)
		t.Cleanup(server.Close)
		folder := t.TempDir()
		for name, text := range map[string]string{
			"okta.token": "token",
			"zensync.yaml": "okta: {org_url: '" + server.URL + "', api_token_file: okta.token, " + share + "}\n" +
				"zenqms: {base_url: http://127.0.0.1, api_key_file: zenqms.key}\n" +
				"relay: {public_url: https://hooks.example.com/, secret_file: hook.secret}\n",
		} {
			require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
		}
		cfg, err := config.Load(filepath.Join(folder, "zensync.yaml"), config.Checks{Schedule: func(string) error { return nil }})
		require.NoError(t, err)
		client, err := (&installation{Config: cfg}).oktaClient()
		require.NoError(t, err)

		answered := 0
		for err = nil; err == nil || okta.IsNotFound(err); answered++ {
			_, err = client.User(okta.WithoutWaiting(t.Context()), "00u1")
		}
		assert.Equal(t, want, answered-1, "%q of 10: %v", share, err)
	}
}

func TestTheActorIsWhoAsked(t *testing.T) {
	ask := func(args ...string) (who string) {
		app := newApp(strings.NewReader(""), io.Discard, io.Discard)
		find(app.Commands, "deploy").Action = func(c *cli.Context) error { who = actor(c); return nil }
		require.NoError(t, app.Run(arrange(app, append([]string{"zensync", "deploy"}, args...))))
		return who
	}
	t.Setenv("SUDO_USER", "grace")
	assert.Equal(t, "Ada", ask("--by", "Ada"))
	assert.Equal(t, "grace", ask("--by", "  "))
	assert.Equal(t, "grace", ask())
	t.Setenv("SUDO_USER", "")
	assert.NotEmpty(t, ask())
	assert.NotEqual(t, "grace", ask())
}

func TestUserIDs(t *testing.T) {
	assert.True(t, isUserID("00ub0oNGTSWTBKOLGLNR"))
	for _, text := range []string{"", "me", "00ub0oNGTSWTBKOLGLN", "00gb0oNGTSWTBKOLGLNR", "00ub0oNGTSWTBKOLGLN-", "00u@oNGTSWTBKOLGLNRx"} {
		assert.False(t, isUserID(text), text)
	}
}
