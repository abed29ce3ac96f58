package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/cmd/zensync/config"
)

// told is a folder with a configuration that has this as its notify, and with
// a file of addresses unless that is empty.
func told(t *testing.T, section, addresses string) (dir string) {
	t.Helper()
	dir = folder(t)
	file := filepath.Join(dir, "zensync.yaml")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(text, "notify: {"+section+"}\n"...), 0o600))
	if addresses != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "notify.urls"), []byte(addresses), 0o600))
	}
	return dir
}

func TestRecipients(t *testing.T) {
	const first, second, third = "https://chat.example.com/1", "https://chat.example.com/2", "https://chat.example.com/3"
	for name, c := range map[string]struct {
		section, addresses string
		want               []config.Recipient
	}{
		"none":                 {`digest: ""`, "", nil},
		"of the configuration": {`urls: ["` + first + `"]`, second, []config.Recipient{{Key: "notify.urls[0]", URL: first}}},
		"of the file": {"urls_file: notify.urls", "# who is told\n\n  " + first + " \r\n#" + third + "\n" + second,
			[]config.Recipient{{Key: "notify.urls_file:3", URL: first}, {Key: "notify.urls_file:5", URL: second}}},
		"of both, each once": {`urls: ["` + first + `"], urls_file: notify.urls`, first + "\n" + second + "\n" + second + "\n",
			[]config.Recipient{{Key: "notify.urls[0]", URL: first}, {Key: "notify.urls_file:2", URL: second}}},
		"of a file that is not there": {`urls: ["` + first + `"], urls_file: notify.urls`, "", []config.Recipient{{Key: "notify.urls[0]", URL: first}}},
		"all taken out":               {"urls_file: notify.urls", "#" + first + "\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			loaded := open(t, told(t, c.section, c.addresses))
			got, err := loaded.Recipients()
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
			assert.NoError(t, loaded.CheckSecrets())
		})
	}
}

func TestTheFileOfRecipientsIsHeldToWhatSecretsAre(t *testing.T) {
	const good = "https://chat.example.com/S3CR3T\n"
	for name, c := range map[string]struct {
		section, addresses string
		mode               os.FileMode
		want               string
	}{
		"not there": {"urls_file: notify.urls", "", 0, "cannot open DIR/notify.urls: no such file or directory; create the file or correct the name"},
		"readable":  {"urls_file: notify.urls", good, 0o644, "DIR/notify.urls is open to other users (mode 0644); chmod 600 DIR/notify.urls"},
		"beside urls readable": {`urls: ["` + good[:len(good)-1] + `"], urls_file: notify.urls`, good, 0o640,
			"DIR/notify.urls is open to other users (mode 0640); chmod 600 DIR/notify.urls"},
		"empty":      {"urls_file: notify.urls", "\n", 0o600, "DIR/notify.urls is empty; put the secret into it"},
		"no address": {"urls_file: notify.urls", good + "#\nS3CR3T\n", 0o600, "DIR/notify.urls, line 3, is no URL; the README has examples of every kind, and `zensync notify test` tries them"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := told(t, c.section, c.addresses)
			if c.mode != 0 {
				require.NoError(t, os.Chmod(filepath.Join(dir, "notify.urls"), c.mode))
			}
			loaded := open(t, dir)
			_, err := loaded.Recipients()
			require.Error(t, err)
			assert.Contains(t, err.Error(), ": notify.urls_file: "+strings.ReplaceAll(c.want, "DIR", dir))
			assert.EqualError(t, loaded.CheckSecrets(), err.Error())
			assert.NotContains(t, err.Error(), "S3CR3T")
		})
	}
}

func TestAnAddressIsNoNameOfAFile(t *testing.T) {
	dir := told(t, `urls_file: "slack://hook:S3CR3T@webhook"`, "")
	_, err := config.Load(filepath.Join(dir, "zensync.yaml"), checks)
	require.ErrorContains(t, err, "notify.urls_file: looks like the secret itself, not like the name of a file")
	assert.NotContains(t, err.Error(), "S3CR3T")
}

// The relay, which faces the internet, is not handed the file: what is in effect
// is the same for it as for the worker, who is.
func TestRecipientsAreAmongTheCredentialsOfTheWorkerAlone(t *testing.T) {
	dir, handed := told(t, "urls_file: notify.urls", ""), t.TempDir()
	relay := open(t, dir)
	t.Setenv("CREDENTIALS_DIRECTORY", handed)
	require.NoError(t, os.WriteFile(filepath.Join(handed, "notify.urls"), []byte("https://chat.example.com/S3CR3T\n"), 0o440))
	worker := open(t, dir)
	got, err := worker.Recipients()
	require.NoError(t, err)
	assert.Equal(t, []config.Recipient{{Key: "notify.urls_file:1", URL: "https://chat.example.com/S3CR3T"}}, got)
	assert.Equal(t, []string{"notify.urls_file"}, worker.Copies("notify"))
	assert.Equal(t, relay.Hash(), worker.Hash())
	assert.Equal(t, "notify.urls", worker.Values()["notify.urls_file"])

	systemd := filepath.Join("..", "..", "..", "systemd")
	for unit, has := range map[string]bool{"zensync-worker.service": true, "zensync-relay.service": false} {
		text, err := os.ReadFile(filepath.Join(systemd, unit))
		require.NoError(t, err)
		if has {
			assert.Contains(t, string(text), "\nLoadCredential=notify.urls:/etc/zensync/notify.urls\nSetCredential=notify.urls:\\n\n", unit)
		} else {
			assert.NotContains(t, string(text), "notify.urls", unit)
		}
	}
	text, err := os.ReadFile(filepath.Join(systemd, "tmpfiles.d", "zensync.conf"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "\nz /etc/zensync/notify.urls 0600 zensync zensync\n")
}
