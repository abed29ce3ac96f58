package relay

import (
	"crypto/sha256"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// write puts content into the file called name of a folder and returns its
// path.
func write(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// defaultLog makes slog's default logger write into the journal it returns.
func defaultLog(t testing.TB) *journal {
	t.Helper()
	var j journal
	before := slog.Default()
	slog.SetDefault(j.logger())
	t.Cleanup(func() { slog.SetDefault(before) })
	return &j
}

func TestE5_WhatCountsAsTheSecret(t *testing.T) {
	for name, tc := range map[string]struct {
		file, header string
		want         bool
	}{
		"the same":                 {"s3cret", "s3cret", true},
		"line end in the file":     {"s3cret\r\n", "s3cret", true},
		"behind a scheme":          {"s3cret", "Bearer s3cret", true},
		"scheme in the file":       {"Bearer s3cret", "Bearer s3cret", true},
		"another scheme":           {"Bearer s3cret", "Basic s3cret", false},
		"scheme in the file alone": {"Bearer s3cret", "s3cret", false},
		"none":                     {"s3cret", "", false},
		"a scheme alone":           {"s3cret", "Bearer ", false},
		"another":                  {"s3cret", "s3creT", false},
		"a beginning":              {"s3cret", "s3cre", false},
		"longer":                   {"s3cret", "s3crets", false},
		"two words behind":         {"s3cret", "Bearer s3cret s3cret", false},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := OpenSecret(write(t, t.TempDir(), "hook.secret", tc.file), "")
			require.NoError(t, err)
			assert.Equal(t, tc.want, s.Accepts(tc.header))
		})
	}
}

func TestE5_TwoSecretsAreValidWhileRotating(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenSecret(write(t, dir, "new", "new-one"), write(t, dir, "old", "old-one"))
	require.NoError(t, err)
	assert.True(t, s.Accepts("new-one"))
	assert.True(t, s.Accepts("old-one"))
	assert.False(t, s.Accepts("older"))
}

func TestE5_ChangedSecretFileIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := defaultLog(t)
		dir := t.TempDir()
		path := write(t, dir, "hook.secret", "first")
		s, err := OpenSecret(path, "")
		require.NoError(t, err)

		write(t, dir, "hook.secret", "other") // of the same length, in the same instant
		assert.True(t, s.Accepts("first"), "the file is looked at once a second")
		time.Sleep(LookEvery)
		assert.True(t, s.Accepts("other"))
		assert.False(t, s.Accepts("first"))
		assert.Empty(t, log.String())

		require.NoError(t, os.Remove(path))
		for range 5 {
			time.Sleep(LookEvery)
			assert.True(t, s.Accepts("other"), "a file that vanished leaves the last good secret in force")
		}
		write(t, dir, "hook.secret", " \n")
		time.Sleep(LookEvery)
		assert.True(t, s.Accepts("other"), "so does an empty one")
		assert.False(t, s.Accepts(""))
		assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"), "it is said once: %s", log)
		assert.Contains(t, log.String(), path)

		write(t, dir, "hook.secret", "third")
		time.Sleep(LookEvery)
		assert.True(t, s.Accepts("third"))
		require.NoError(t, os.Remove(path))
		time.Sleep(LookEvery)
		assert.True(t, s.Accepts("third"))
		assert.Equal(t, 2, strings.Count(log.String(), "level=WARN"), "the next failure is said again")
		for _, secret := range []string{"first", "other", "third"} {
			assert.NotContains(t, log.String(), secret)
		}
	})
}

func TestE5_ThePreviousSecretComesAndGoesWithItsFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := defaultLog(t)
		dir := t.TempDir()
		path, previous := write(t, dir, "hook.secret", "first"), filepath.Join(dir, "hook.secret.previous")
		s, err := OpenSecret(path, previous)
		require.NoError(t, err, "a previous secret that is absent is none")
		assert.True(t, s.Accepts("first"))

		write(t, dir, "hook.secret.previous", "first")
		write(t, dir, "hook.secret", "second")
		time.Sleep(LookEvery)
		assert.True(t, s.Accepts("second"))
		assert.True(t, s.Accepts("first"), "it appeared")

		require.NoError(t, os.Remove(previous))
		assert.True(t, s.Accepts("first"), "the files are looked at once a second")
		time.Sleep(LookEvery)
		assert.True(t, s.Accepts("second"))
		assert.False(t, s.Accepts("first"), "it vanished")
		assert.False(t, s.Accepts(""))
		assert.Empty(t, log.String(), "all of that is a rotation, and no trouble")
	})
}

func TestE5_APairOfSecretsIsTakenTogetherOrNotAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := defaultLog(t)
		dir := t.TempDir()
		path, previous := write(t, dir, "hook.secret", "first"), filepath.Join(dir, "hook.secret.previous")
		s, err := OpenSecret(path, previous)
		require.NoError(t, err)

		require.NoError(t, os.Mkdir(previous, 0o700)) // there is something, and it cannot be read
		write(t, dir, "hook.secret", "second")
		time.Sleep(LookEvery)
		assert.True(t, s.Accepts("first"), "the new secret without the previous one would refuse what Okta sends")
		assert.False(t, s.Accepts("second"))
		assert.Contains(t, log.String(), previous)

		require.NoError(t, os.Remove(previous))
		write(t, dir, "hook.secret.previous", "first")
		time.Sleep(LookEvery)
		assert.True(t, s.Accepts("first"))
		assert.True(t, s.Accepts("second"))
	})
}

// TestE5_NoMomentOfARotationRefusesASecretInUse changes the files as a rotation
// and its taking back do, all the while they are read.
func TestE5_NoMomentOfARotationRefusesASecretInUse(t *testing.T) {
	dir := t.TempDir()
	path, previous := write(t, dir, "hook.secret", "first"), filepath.Join(dir, "hook.secret.previous")
	replace := func(name, content string) {
		require.NoError(t, os.Rename(write(t, dir, "new", content), name))
	}
	first := sha256.Sum256([]byte("first"))
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				secrets, err := readSecrets(path, previous)
				if !assert.NoError(t, err) || !assert.Contains(t, secrets, first) {
					return
				}
			}
		}
	})
	for i := range 500 {
		replace(previous, "first")
		replace(path, "second-"+strconv.Itoa(i)) // no two rotations make the same secret
		replace(path, "first")
		require.NoError(t, os.Remove(previous))
	}
	close(done)
	wg.Wait()
}

func TestE5_SecretThatCannotBeReadNamesFileAndRemedy(t *testing.T) {
	dir := t.TempDir()
	good := write(t, dir, "good", "s3cret")
	for name, tc := range map[string]struct{ path, remedy string }{
		"missing":     {filepath.Join(dir, "none"), "make the file"},
		"empty":       {write(t, dir, "empty", "\n"), "put the secret into it"},
		"a folder":    {t.TempDir(), "name the file"},
		"much longer": {write(t, dir, "long", strings.Repeat("s3cret", maxSecret)), "nothing else"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, paths := range [][2]string{{tc.path, ""}, {good, tc.path}} {
				_, err := OpenSecret(paths[0], paths[1])
				if (name == "missing" || name == "empty") && paths[0] == good {
					require.NoError(t, err, "a previous secret that is absent, or empty as a credential is, is none")
					continue
				}
				require.Error(t, err)
				assert.Contains(t, err.Error(), tc.path)
				assert.Contains(t, err.Error(), tc.remedy)
				assert.NotContains(t, err.Error(), "s3cret")
			}
		})
	}
}
