package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/cmd/zensync/config"
)

const full = `
sync:
  groups: ["QA: all", "*"]
  statuses: {LOCKED_OUT: inactive, STAGED: ignore}
  default_title: "yes"
roles: [{okta_group: "# QA", zenqms_role: "- Reviewer"}]
store: {path: data/zensync.db, keep: 36h}
notify: {urls: ["https://bot:S3CR3T@chat.example.com/S3CR3T", "mailto:S3CR3T@example.com"]}
`

func TestPrint(t *testing.T) {
	c := load(t, full)
	var out strings.Builder
	require.NoError(t, c.Print(&out))

	got := strings.ReplaceAll(out.String(), filepath.Dir(c.Path), "/etc/zensync")
	golden := "testdata/printed.yaml"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
	assert.NotContains(t, got, "S3CR3T")
	assert.Equal(t, "https://bot:S3CR3T@chat.example.com/S3CR3T", c.Notify.URLs[0], "printing changes nothing")
}

func TestPrintedConfigurationLoads(t *testing.T) {
	c := load(t, strings.Split(full, "notify:")[0])
	file := filepath.Join(t.TempDir(), "zensync.yaml")
	var out strings.Builder
	require.NoError(t, c.Print(&out))
	require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o600))

	again, err := config.Load(file, checks)
	require.NoError(t, err, out.String())
	assert.Equal(t, c.Okta, again.Okta)
	assert.Equal(t, c.ZenQMS, again.ZenQMS)
	assert.Equal(t, c.Relay, again.Relay)
	assert.Equal(t, c.Sync, again.Sync)
	assert.Equal(t, c.Roles, again.Roles)
	assert.Equal(t, c.Safety, again.Safety)
	assert.Equal(t, c.Worker, again.Worker)
	assert.Equal(t, c.Store, again.Store)
	assert.Equal(t, c.Notify, again.Notify)
}

func TestPrintReportsAFailedWrite(t *testing.T) {
	require.ErrorIs(t, load(t, "").Print(failing{}), errFull)
}

var errFull = errors.New("disk full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestHash(t *testing.T) {
	base := load(t, "").Hash()
	assert.Len(t, base, 64)
	assert.Equal(t, base, load(t, "# layout\nsafety: {max_deactivations: 10}\n").Hash(), "a default written out is the same configuration")
	assert.Equal(t, base, load(t, "safety:\n  never_roles:\n    - \"*Super User*\"\n").Hash(), "in another folder, too")

	seen := map[string]string{base: "minimal"}
	for _, extra := range []string{
		"safety: {max_deactivations: 0}\n",
		"safety: {max_activations: 0}\n",
		"safety: {never_roles: []}\n",
		"roles: [{okta_group: A, zenqms_role: B}]\n",
		"sync: {statuses: {LOCKED_OUT: inactive}}\n",
		"sync: {groups: [A]}\n",
		"store: {keep: 1d}\n",
		"store: {path: zensync.db}\n",
		"notify: {urls: [\"https://chat.example.com\"]}\n",
	} {
		hash := load(t, extra).Hash()
		assert.NotContains(t, seen, hash, "%s and %s", extra, seen[hash])
		seen[hash] = extra
	}
}

func TestHashIgnoresWhereSecretsAreFound(t *testing.T) {
	dir := folder(t)
	outside := open(t, dir).Hash()
	credentials := t.TempDir()
	for _, name := range []string{"zenqms.key", "hook.secret"} {
		require.NoError(t, os.WriteFile(filepath.Join(credentials, name), []byte("zk"), 0o400))
	}
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	inside := open(t, dir)
	require.Equal(t, filepath.Join(credentials, "zenqms.key"), inside.ZenQMS.APIKeyFile)
	assert.Equal(t, outside, inside.Hash())
}
