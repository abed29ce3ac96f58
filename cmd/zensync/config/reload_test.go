package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
