package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// loadText loads a configuration of minimal.yaml with some text behind it.
func loadText(t *testing.T, folder string, change ...string) *Config {
	t.Helper()
	text, err := os.ReadFile("testdata/minimal.yaml")
	require.NoError(t, err)
	name := filepath.Join(folder, "zensync.yaml")
	require.NoError(t, os.WriteFile(name, []byte(strings.NewReplacer(change...).Replace(string(text))), 0o600))
	c, err := Load(name, Checks{})
	require.NoError(t, err)
	return c
}

func TestKeepTakesOverWhatNeedsARestart(t *testing.T) {
	const head = "okta:\n"
	for name, c := range map[string]struct {
		change  []string
		restart []string
		applied func(*Config) any
		want    any
	}{
		"nothing": {},
		"what can change": {
			change:  []string{head, "sync: {schedule: \"@every 1h\"}\nsafety: {max_deactivations: 1}\n" + head},
			applied: func(c *Config) any { return c.Sync.Schedule }, want: "@every 1h",
		},
		"a credential": {
			change:  []string{"okta.token", "other.token"},
			applied: func(c *Config) any { return filepath.Base(c.Okta.APITokenFile) }, want: "other.token",
		},
		"another server": {
			change:  []string{"https://example.okta.com", "https://other.okta.com", "okta.token", "other.token"},
			restart: []string{"okta.org_url"},
			applied: func(c *Config) any { return c.Okta.OrgURL + " " + filepath.Base(c.Okta.APITokenFile) }, want: "https://example.okta.com other.token",
		},
		"addresses": {
			change: []string{head, "worker: {listen: \"127.0.0.1:1\", max_attempts: 3}\nstore: {path: other.db}\n" + head,
				"relay:\n", "relay:\n  listen: 127.0.0.1:2\n  tls_cert_file: a.crt\n  tls_key_file: a.key\n"},
			restart: []string{"relay.listen", "relay.tls_cert_file", "relay.tls_key_file", "worker.listen", "store.path"},
			applied: func(c *Config) any { return c.Worker.MaxAttempts }, want: 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			running := loadText(t, folder)
			next := loadText(t, folder, c.change...)
			assert.Equal(t, c.restart, next.Keep(running))
			assert.Empty(t, next.Keep(running), "it asks for nothing else any more")
			if c.applied != nil {
				assert.Equal(t, c.want, c.applied(next))
			}
			now, before := next.Values(), running.Values()
			for _, key := range c.restart {
				assert.Equal(t, before[key], now[key], "what is in effect is what runs: %s", key)
			}
			if c.applied == nil {
				assert.Equal(t, running.Hash(), next.Hash())
			}
		})
	}
}

// What was changed since systemd made its copy is what a reload is to find,
// whatever time the file has; an old one beside a copy is not, as where the copy
// was made of another file.
func TestAReloadFindsAChangedSecretBesideItsCopy(t *testing.T) {
	folder, handed := t.TempDir(), t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", handed)
	beside, copied := filepath.Join(folder, "zenqms.key"), filepath.Join(handed, "zenqms.key")
	reads := func(want, why string) {
		t.Helper()
		c := loadText(t, folder)
		key, err := c.ZenQMSKey()
		require.NoError(t, err)
		assert.Equal(t, want, string(key), why)
		assert.Empty(t, c.Copies("zenqms"), "a change of the file is seen")
	}
	later := func(name, text string) {
		t.Helper()
		before := time.Now()
		require.Eventually(t, func() bool { // the clock of the file system ticks every few milliseconds
			require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
			info, err := os.Stat(name)
			require.NoError(t, err)
			return info.ModTime().After(before)
		}, time.Second, time.Millisecond)
	}
	later(beside, "first\n")
	later(copied, "first-copy\n")
	reads("first-copy", "as the service started")
	later(beside, "second\n")
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(beside, old, old))
	reads("second", "after a change, by `cp -p` as well")
	later(copied, "third-copy\n")
	reads("third-copy", "after a restart")

	later(beside, "fourth\n")
	require.NoError(t, os.Chmod(beside, 0o644))
	_, err := loadText(t, folder).ZenQMSKey()
	assert.ErrorContains(t, err, "is open to other users", "it is held to what every secret is held to")
}

func TestCopiesAreSystemdsCredentials(t *testing.T) {
	folder := t.TempDir()
	handed := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", handed)
	require.NoError(t, os.WriteFile(filepath.Join(handed, "zenqms.key"), []byte("key\n"), 0o600))
	c := loadText(t, folder)
	assert.Equal(t, []string{"zenqms.api_key_file"}, c.Copies("okta", "zenqms"))
	assert.Empty(t, c.Copies("relay"))
}

func TestThePageMayBeTurnedOffOrNameItsHost(t *testing.T) {
	for listen, want := range map[string]string{
		`""`: Off, "off": Off, `"off"`: Off, "127.0.0.1:9000": "127.0.0.1:9000", "0.0.0.0:9180": "0.0.0.0:9180", `"[::1]:9180"`: "[::1]:9180",
	} {
		c := loadText(t, t.TempDir(), "okta:\n", "worker: {listen: "+listen+"}\nokta:\n")
		assert.Equal(t, want, c.Worker.Listen, listen)
	}
	assert.Equal(t, "127.0.0.1:9180", loadText(t, t.TempDir()).Worker.Listen)
}
