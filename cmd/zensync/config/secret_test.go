package config_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/cmd/zensync/config"
)

const pem = "-----BEGIN PRIVATE KEY-----\nS3CR3T\n-----END PRIVATE KEY-----"

// folder is a directory with the minimal configuration and its secrets.
func folder(t *testing.T) (dir string) {
	t.Helper()
	file := write(t, "")
	dir = filepath.Dir(file)
	for name, content := range map[string]string{"okta.token": "t0ken\n", "zenqms.key": "zk\r\n", "hook.secret": "hs"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir
}

func open(t *testing.T, dir string) *config.Config {
	t.Helper()
	c, err := config.Load(filepath.Join(dir, "zensync.yaml"), checks)
	require.NoError(t, err)
	return c
}

func TestSecretsAreReadBesideTheFile(t *testing.T) {
	dir := folder(t)
	c := open(t, dir)
	assert.Equal(t, filepath.Join(dir, "zenqms.key"), c.ZenQMS.APIKeyFile)
	for want, read := range map[string]func() ([]byte, error){
		"t0ken": c.OktaToken, "zk": c.ZenQMSKey, "hs": c.HookSecret, "": c.PreviousHookSecret,
	} {
		got, err := read()
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	require.NoError(t, c.CheckSecrets())
}

func TestSecretsAreReadWhenAskedFor(t *testing.T) {
	dir := folder(t)
	require.NoError(t, os.Remove(filepath.Join(dir, "okta.token")))
	c := open(t, dir)
	_, err := c.HookSecret()
	require.NoError(t, err, "the relay does without Okta's credentials")
	_, err = c.OktaToken()
	require.ErrorIs(t, err, fs.ErrNotExist)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "hook.secret"), []byte("changed"), 0o600))
	secret, err := c.HookSecret()
	require.NoError(t, err)
	assert.Equal(t, "changed", string(secret), "E5: a changed secret file is re-read")
}

func TestServiceApp(t *testing.T) {
	dir := folder(t)
	text, err := os.ReadFile(filepath.Join(dir, "zensync.yaml"))
	require.NoError(t, err)
	app := strings.Replace(string(text), "  api_token_file: okta.token\n", "  client_id: 0oa1\n  private_key_file: okta.pem\n  private_key_id: k\n", 1)
	app = strings.TrimSpace(app) + "\n  previous_secret_file: older.secret\n  tls_cert_file: relay.crt\n  tls_key_file: relay.key\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "zensync.yaml"), []byte(app), 0o600))
	for name, mode := range map[string]fs.FileMode{"okta.pem": 0o400, "relay.key": 0o600, "relay.crt": 0o644} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(pem+"\n"), mode))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "older.secret"), []byte("older"), 0o600))
	c := open(t, dir)
	key, err := c.OktaKey()
	require.NoError(t, err)
	assert.Equal(t, pem, string(key))
	previous, err := c.PreviousHookSecret()
	require.NoError(t, err)
	assert.Equal(t, "older", string(previous))
	require.NoError(t, c.CheckSecrets())

	_, err = c.OktaToken()
	require.Error(t, err)
	assert.Contains(t, err.Error(), "okta.api_token_file: is not set; name the file that holds the API token")
}

func TestUnusableSecrets(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, file string)
		want  string
	}{
		"missing": {
			func(t *testing.T, file string) { require.NoError(t, os.Remove(file)) },
			"cannot open FILE: no such file or directory; create the file or correct the name",
		},
		"empty": {
			func(t *testing.T, file string) { require.NoError(t, os.WriteFile(file, []byte(" \n\n"), 0o600)) },
			"FILE is empty; put the secret into it",
		},
		"two lines": {
			func(t *testing.T, file string) { require.NoError(t, os.WriteFile(file, []byte("S3CR3T\nx\n"), 0o600)) },
			"FILE holds more than one word of plain ASCII; put the secret alone on one line, without blanks",
		},
		"binary": {
			func(t *testing.T, file string) {
				require.NoError(t, os.WriteFile(file, []byte("S3CR3T\x00\xff"), 0o600))
			},
			"FILE holds more than one word of plain ASCII; put the secret alone on one line, without blanks",
		},
		"too large": {
			func(t *testing.T, file string) {
				require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("S3CR3T", 11000)), 0o600))
			},
			"FILE is larger than 64 KiB; name the file that holds the secret and nothing else",
		},
		"readable by the group": {
			func(t *testing.T, file string) { require.NoError(t, os.Chmod(file, 0o640)) },
			"FILE is open to other users (mode 0640); chmod 600 FILE",
		},
		"writable by all": {
			func(t *testing.T, file string) { require.NoError(t, os.Chmod(file, 0o602)) },
			"FILE is open to other users (mode 0602); chmod 600 FILE",
		},
		"a directory": {
			func(t *testing.T, file string) {
				require.NoError(t, os.Remove(file))
				require.NoError(t, os.Mkdir(file, 0o700))
			},
			"FILE is a directory; name the file in it",
		},
		"a pipe nobody writes to": {
			func(t *testing.T, file string) {
				require.NoError(t, os.Remove(file))
				require.NoError(t, syscall.Mkfifo(file, 0o600))
			},
			"FILE is not a regular file; name a regular file",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			file := filepath.Join(dir, "zenqms.key")
			require.NoError(t, os.WriteFile(file, []byte("S3CR3T"), 0o600))
			test.spoil(t, file)
			c := open(t, dir)

			got, err := c.ZenQMSKey()
			require.Error(t, err)
			assert.Nil(t, got)
			want := c.Path + ":6:3: zenqms.api_key_file: " + strings.ReplaceAll(test.want, "FILE", file)
			assert.Equal(t, want, err.Error())
			assert.NotContains(t, err.Error(), "S3CR3T")
			assert.EqualError(t, c.CheckSecrets(), want)
		})
	}
}

func TestUnreadableSecret(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	dir := folder(t)
	file := filepath.Join(dir, "zenqms.key")
	require.NoError(t, os.Chmod(file, 0o000))
	_, err := open(t, dir).ZenQMSKey()
	require.ErrorIs(t, err, fs.ErrPermission)
	assert.Contains(t, err.Error(), "let the user zensync runs as read it, and nobody else")
}

func TestPrivateKeyThatIsNone(t *testing.T) {
	dir := folder(t)
	c := open(t, dir)
	c.Okta.PrivateKeyFile = filepath.Join(dir, "okta.token")
	_, err := c.OktaKey()
	require.Error(t, err)
	assert.Contains(t, err.Error(), "okta.token holds no PEM block; it begins with -----BEGIN")
}

func TestCheckSecretsReportsAll(t *testing.T) {
	dir := folder(t)
	for _, name := range []string{"okta.token", "zenqms.key", "hook.secret"} {
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
	}
	var wrong *config.Error
	require.ErrorAs(t, open(t, dir).CheckSecrets(), &wrong)
	require.Len(t, wrong.Problems, 3)
	for i, key := range []string{"okta.api_token_file", "zenqms.api_key_file", "relay.secret_file"} {
		assert.Equal(t, key, wrong.Problems[i].Key)
	}
}

func TestCredentialsComeFirst(t *testing.T) {
	dir := folder(t)
	credentials := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	require.NoError(t, os.WriteFile(filepath.Join(credentials, "zenqms.key"), []byte("from-systemd\n"), 0o440))

	c := open(t, dir)
	key, err := c.ZenQMSKey()
	require.NoError(t, err, "systemd guards its credentials itself")
	assert.Equal(t, "from-systemd", string(key))
	secret, err := c.HookSecret()
	require.NoError(t, err)
	assert.Equal(t, "hs", string(secret), "what is no credential is looked up beside the file")

	require.NoError(t, os.WriteFile(filepath.Join(credentials, "hook.secret"), []byte("\n"), 0o440))
	secret, err = open(t, dir).HookSecret()
	require.NoError(t, err)
	assert.Equal(t, "hs", string(secret), "nor is what our units make of a file that is not there")
}

func TestAPastedSecretIsTakenForAFileThatExists(t *testing.T) {
	dir := folder(t)
	name := "production-key-without-extension-2026"
	text, err := os.ReadFile(filepath.Join(dir, "zensync.yaml"))
	require.NoError(t, err)
	changed := strings.Replace(string(text), "zenqms.key", name, 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "zensync.yaml"), []byte(changed), 0o600))

	_, err = config.Load(filepath.Join(dir, "zensync.yaml"), checks)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), name)

	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("zk"), 0o600))
	key, err := open(t, dir).ZenQMSKey()
	require.NoError(t, err)
	assert.Equal(t, "zk", string(key))
}

func TestThePreviousSecretIsThereOnlyWhileRotating(t *testing.T) {
	dir := folder(t)
	c := open(t, dir)
	file := filepath.Join(dir, "hook.secret.previous")
	assert.Equal(t, file, c.Relay.PreviousSecretFile, "beside the secret, unless the configuration says otherwise")
	require.NoError(t, c.CheckSecrets(), "its absence is no fault")

	require.NoError(t, os.WriteFile(file, []byte("older\n"), 0o600))
	secret, err := c.PreviousHookSecret()
	require.NoError(t, err)
	assert.Equal(t, "older", string(secret))

	require.NoError(t, os.Chmod(file, 0o644))
	_, err = c.PreviousHookSecret()
	require.Error(t, err)
	assert.Contains(t, err.Error(), "relay.previous_secret_file: "+file+" is open to other users")
	assert.EqualError(t, c.CheckSecrets(), err.Error(), "one that is there is held to the rules of every secret")
}

func TestThePreviousSecretHasAFileOfItsOwn(t *testing.T) {
	for name, key := range map[string]string{"hook.secret": "relay.secret_file", "./zenqms.key": "zenqms.api_key_file"} {
		text, err := os.ReadFile(filepath.Join(folder(t), "zensync.yaml"))
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "zensync.yaml")
		changed := strings.TrimSpace(string(text)) + "\n  previous_secret_file: " + name + "\n"
		require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
		_, err = config.Load(file, checks)
		assert.EqualError(t, err, file+":10:3: relay.previous_secret_file: is the file of "+key+"; name a file of its own, or remove the key")
	}
}

func TestCredentialsOfAServiceCannotBeRotated(t *testing.T) {
	dir := folder(t)
	require.NoError(t, open(t, dir).CheckRotatable())
	credentials := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	require.NoError(t, open(t, dir).CheckRotatable(), "none of them is the secret")
	require.NoError(t, os.WriteFile(filepath.Join(credentials, "hook.secret"), []byte("hs\n"), 0o400))
	err := open(t, dir).CheckRotatable()
	require.Error(t, err)
	assert.Contains(t, err.Error(), "relay.secret_file: "+filepath.Join(credentials, "hook.secret")+" is the copy that systemd made for the service; run this outside the service")
}

// Of a credential whose file is not there our units make an empty line: between
// two rotations there is no previous secret, and the relay starts.
func TestE5_AnEmptyCredentialIsNoPreviousSecret(t *testing.T) {
	dir, credentials := folder(t), t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	for name, content := range map[string]string{"hook.secret": "present", "hook.secret.previous": "\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(credentials, name), []byte(content), 0o600))
	}
	c := open(t, dir)
	previous, err := c.PreviousHookSecret()
	require.NoError(t, err)
	assert.Empty(t, previous)
	require.NoError(t, c.CheckSecrets())

	require.NoError(t, os.WriteFile(filepath.Join(credentials, "hook.secret.previous"), []byte("older\n"), 0o600))
	previous, err = open(t, dir).PreviousHookSecret()
	require.NoError(t, err)
	assert.Equal(t, "older", string(previous))
}
