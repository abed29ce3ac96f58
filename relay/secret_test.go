package relay

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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
		time.Sleep(lookEvery)
		assert.True(t, s.Accepts("other"))
		assert.False(t, s.Accepts("first"))
		assert.Empty(t, log.String())

		require.NoError(t, os.Remove(path))
		for range 5 {
			time.Sleep(lookEvery)
			assert.True(t, s.Accepts("other"), "a file that vanished leaves the last good secret in force")
		}
		write(t, dir, "hook.secret", " \n")
		time.Sleep(lookEvery)
		assert.True(t, s.Accepts("other"), "so does an empty one")
		assert.False(t, s.Accepts(""))
		assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"), "it is said once: %s", log)
		assert.Contains(t, log.String(), path)

		write(t, dir, "hook.secret", "third")
		time.Sleep(lookEvery)
		assert.True(t, s.Accepts("third"))
		require.NoError(t, os.Remove(path))
		time.Sleep(lookEvery)
		assert.True(t, s.Accepts("third"))
		assert.Equal(t, 2, strings.Count(log.String(), "level=WARN"), "the next failure is said again")
		for _, secret := range []string{"first", "other", "third"} {
			assert.NotContains(t, log.String(), secret)
		}
	})
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
				require.Error(t, err)
				assert.Contains(t, err.Error(), tc.path)
				assert.Contains(t, err.Error(), tc.remedy)
				assert.NotContains(t, err.Error(), "s3cret")
			}
		})
	}
}
