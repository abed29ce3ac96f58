package config_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/cmd/zensync/config"
)

var update = flag.Bool("update", false, "write the expected errors anew")

// checks stands in for the rules of other packages.
var checks = config.Checks{
	Schedule: func(spec string) error {
		if strings.HasPrefix(spec, "@every ") || len(strings.Fields(spec)) == 5 {
			return nil
		}
		return errors.New("expected 5 fields")
	},
	Notify: func(address string) error {
		if strings.Contains(address, "://") || strings.HasPrefix(address, "mailto:") {
			return nil
		}
		return errors.New("is no URL")
	},
}

// TestWrongInput loads every file of testdata/wrong and compares the whole error
// with the text beside it. Wherever a credential could stand, the files say
// S3CR3T, which no error may repeat.
func TestWrongInput(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			c, err := config.Load(file, checks)
			require.Error(t, err)
			assert.Nil(t, c)
			var wrong *config.Error
			require.ErrorAs(t, err, &wrong)
			assert.NotContains(t, err.Error(), "S3CR3T")
			for _, p := range wrong.Problems {
				assert.Equal(t, file, p.File)
				assert.Positive(t, p.Line)
				assert.Positive(t, p.Column)
				assert.NotEmpty(t, p.What)
				assert.NotEmpty(t, p.Remedy, p.What)
			}

			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644))
			}
			want, readErr := os.ReadFile(golden)
			require.NoError(t, readErr)
			assert.Equal(t, string(want), err.Error()+"\n")
		})
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.yaml")
	_, err := config.Load(missing, checks)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.Equal(t, missing+": cannot be read: no such file or directory; name it with --config or ZENSYNC_CONFIG, "+
		"or begin with `zensync setup`", err.Error())

	_, err = config.Load(t.TempDir(), checks)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "cannot be read: is a directory")
}

// minimal is the shortest configuration that loads.
const minimal = "testdata/minimal.yaml"

func TestDefaults(t *testing.T) {
	c, err := config.Load(minimal, checks)
	require.NoError(t, err)
	assert.Equal(t, 0.5, c.Okta.RateShare)
	assert.Equal(t, "Authorization", c.ZenQMS.AuthHeader)
	assert.Equal(t, "Bearer ", c.ZenQMS.AuthPrefix)
	assert.Equal(t, 10.0, c.ZenQMS.MaxRequestsPerSecond)
	assert.Equal(t, 8, c.ZenQMS.Concurrency)
	assert.Equal(t, "127.0.0.1:8080", c.Relay.Listen)
	assert.Equal(t, config.Sync{Schedule: "17 */6 * * *", BatchSize: 100, OutOfScope: "ignore"}, c.Sync)
	assert.Empty(t, c.Roles)
	assert.Equal(t, config.Safety{
		MaxDeactivations: 10, MaxDeactivationPercent: 5,
		MaxRoleRemovals: 10, MaxRoleRemovalPercent: 5,
		MaxActivations: 10, MaxActivationPercent: 5,
		NeverRoles: []string{"*Super User*"},
	}, c.Safety)
	assert.Equal(t, config.Worker{MaxAttempts: 12, Listen: "127.0.0.1:9180"}, c.Worker)
	assert.Equal(t, config.Store{Path: "/var/lib/zensync/zensync.db", Keep: 400 * 24 * time.Hour}, c.Store)
	assert.Equal(t, config.Notify{URLs: []string{}, Digest: "0 7 * * 1"}, c.Notify)
	assert.Equal(t, minimal, c.Path)
}

// load writes extra below the minimal configuration and loads it.
func load(t *testing.T, extra string) *config.Config {
	t.Helper()
	c, err := config.Load(write(t, extra), checks)
	require.NoError(t, err)
	return c
}

func write(t *testing.T, extra string) string {
	t.Helper()
	text, err := os.ReadFile(minimal)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "zensync.yaml")
	require.NoError(t, os.WriteFile(file, append(text, extra...), 0o600))
	return file
}

func TestB1_LimitsDefaultToThoseOfDeactivations(t *testing.T) {
	for name, test := range map[string]struct {
		yaml string
		want config.Safety
	}{
		"from deactivations": {
			"safety: {max_deactivations: 3, max_deactivation_percent: 2}",
			config.Safety{MaxDeactivations: 3, MaxDeactivationPercent: 2, MaxRoleRemovals: 3, MaxRoleRemovalPercent: 2, MaxActivations: 3, MaxActivationPercent: 2},
		},
		"a zero is inherited": {
			"safety: {max_deactivations: 0}",
			config.Safety{MaxDeactivationPercent: 5, MaxRoleRemovalPercent: 5, MaxActivationPercent: 5},
		},
		"a zero is not unset": {
			"safety: {max_role_removals: 0, max_activation_percent: 0}",
			config.Safety{MaxDeactivations: 10, MaxDeactivationPercent: 5, MaxRoleRemovals: 0, MaxRoleRemovalPercent: 5, MaxActivations: 10, MaxActivationPercent: 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := load(t, test.yaml).Safety
			got.NeverRoles = nil
			assert.Equal(t, test.want, got)
		})
	}
}

func TestAccepted(t *testing.T) {
	for name, extra := range map[string]string{
		"empty sections":        "sync:\nroles:\nsafety:\nworker:\nstore:\nnotify:\n",
		"flow style":            "safety: {max_deactivations: 1, never_roles: []}\n",
		"an interval":           "sync:\n  schedule: \"@every 6h\"\n",
		"told to listen abroad": "worker: {listen: \"0.0.0.0:9180\"}\n",
		"an IPv6 listener":      "worker: {listen: \"[::1]:9180\"}\n",
		"no digest":             "notify: {digest: \"\"}\n",
		"windows line ends":     "safety:\r\n  max_deactivations: 1\r\nworker:\r\n  max_attempts: 3\r\n",
		"a local alert":         "notify: {urls: [\"http://127.0.0.1:9093/alerts\", \"smtp://user:pw@mail.example.com:587\"]}\n",
		"every status":          "sync: {statuses: {" + strings.Join(config.Statuses, ": ignore, ") + ": ignore}}\n",
	} {
		t.Run(name, func(t *testing.T) { load(t, extra) })
	}
}

func TestLoopbackURLsMayBeHTTP(t *testing.T) {
	for host, accepted := range map[string]bool{
		"127.0.0.1:8081": true, "localhost:8081": true, "[::1]:8081": true, "127.8.9.10": true,
		"example.okta.com": false, "10.0.0.1": false, "localhost.example.com": false, "127.0.0.1.example.com": false,
	} {
		t.Run(host, func(t *testing.T) {
			text, err := os.ReadFile(minimal)
			require.NoError(t, err)
			file := filepath.Join(t.TempDir(), "zensync.yaml")
			changed := strings.ReplaceAll(string(text), "https://example.okta.com", "http://"+host)
			require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
			_, err = config.Load(file, checks)
			assert.Equal(t, accepted, err == nil, "%v", err)
		})
	}
}

func TestURLsAreNormalised(t *testing.T) {
	file := filepath.Join(t.TempDir(), "zensync.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
okta: {org_url: "HTTPS://Example.Okta.com/", api_token_file: okta.token}
zenqms: {base_url: https://Public-API.zenqms.com/, api_key_file: zenqms.key, auth_header: X-Api-Key, auth_prefix: ""}
relay: {public_url: https://hooks.example.com/Okta/Events, secret_file: hook.secret}
`), 0o600))
	c, err := config.Load(file, checks)
	require.NoError(t, err)
	assert.Equal(t, "https://example.okta.com", c.Okta.OrgURL)
	assert.Equal(t, "https://public-api.zenqms.com", c.ZenQMS.BaseURL)
	assert.Equal(t, "https://hooks.example.com/Okta/Events", c.Relay.PublicURL)
	assert.Empty(t, c.ZenQMS.AuthPrefix)
}

func TestW3_NeverRoles(t *testing.T) {
	safety := config.Safety{NeverRoles: []string{"*Super User*", "Admin?"}}
	for role, refused := range map[string]bool{
		"Super User": true, "zenqms SUPER USER (all)": true, "QA/Super User": true, "Admin1": true,
		"Admin": false, "User": false, "Superuser": false,
	} {
		pattern, got := safety.Refuses(role)
		assert.Equal(t, refused, got, role)
		assert.Equal(t, refused, pattern != "", role)
	}
}

func TestLocate(t *testing.T) {
	t.Setenv("ZENSYNC_CONFIG", "")
	assert.Equal(t, "/etc/zensync/zensync.yaml", config.Locate(""))
	t.Setenv("ZENSYNC_CONFIG", "/env.yaml")
	assert.Equal(t, "/env.yaml", config.Locate(""))
	assert.Equal(t, "/flag.yaml", config.Locate("/flag.yaml"))
}

func TestParseKeep(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"400d": 400 * 24 * time.Hour, "9600h": 9600 * time.Hour, "1h30m": 90 * time.Minute,
		"106751d": 106751 * 24 * time.Hour,
	} {
		keep, err := config.ParseKeep(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, keep, text)
		again, err := config.ParseKeep(config.FormatKeep(keep))
		require.NoError(t, err)
		assert.Equal(t, keep, again)
	}
	assert.Equal(t, "400d", config.FormatKeep(9600*time.Hour))
	for _, text := range []string{"", "d", "0d", "-3d", "106752d", "400", "1.5d", "0h", "-1h", "d400", "400 d"} {
		_, err := config.ParseKeep(text)
		assert.Error(t, err, text)
	}
}

// FuzzLoad holds that no file makes Load panic, and that whatever it accepts it
// prints in a form it accepts again.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	require.NoError(f, err)
	for _, file := range append(files, minimal) {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(config.Sample))
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(t.TempDir(), "zensync.yaml")
		require.NoError(t, os.WriteFile(file, text, 0o600))
		c, err := config.Load(file, checks)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		c.Notify.URLs = nil
		var out strings.Builder
		require.NoError(t, c.Print(&out))
		require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o600))
		_, err = config.Load(file, checks)
		require.NoError(t, err, out.String())
	})
}

func TestACommandRejectsAKeyWhereItStands(t *testing.T) {
	c, err := config.Load("testdata/minimal.yaml", checks)
	require.NoError(t, err)
	var wrong *config.Error
	require.ErrorAs(t, c.Reject("okta.org_url", "is not for me", "use another"), &wrong)
	require.Len(t, wrong.Problems, 1)
	assert.Equal(t, "testdata/minimal.yaml:2:3: okta.org_url: is not for me; use another", wrong.Error())
}
