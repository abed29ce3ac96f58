package rotation

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func secretFiles(t *testing.T, mode fs.FileMode) Files {
	dir := t.TempDir()
	f := Files{filepath.Join(dir, "hook.secret"), filepath.Join(dir, "hook.secret.previous")}
	require.NoError(t, os.WriteFile(f.Secret, []byte("first"), mode))
	return f
}

func read(t *testing.T, name string) string {
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

func TestWhoReadTheOldSecretReadsTheNewOne(t *testing.T) {
	f := secretFiles(t, 0o400)
	const stranger = 12345
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(f.Secret, stranger, stranger))
	}
	made, err := f.renew("first")
	require.NoError(t, err)
	assert.Equal(t, made+"\n", read(t, f.Secret))
	assert.Equal(t, "first\n", read(t, f.Previous))
	for _, name := range []string{f.Secret, f.Previous} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o400), info.Mode(), name)
		if owner := info.Sys().(*syscall.Stat_t); os.Geteuid() == 0 {
			assert.Equal(t, [2]uint32{stranger, stranger}, [2]uint32{owner.Uid, owner.Gid}, name)
		}
	}
}

func TestALinkToTheSecretStaysOne(t *testing.T) {
	f := secretFiles(t, 0o600)
	file := filepath.Join(t.TempDir(), "elsewhere")
	require.NoError(t, os.Rename(f.Secret, file))
	require.NoError(t, os.Symlink(file, f.Secret))
	made, err := f.renew("first")
	require.NoError(t, err)
	assert.Equal(t, made+"\n", read(t, file))
	info, err := os.Lstat(f.Secret)
	require.NoError(t, err)
	assert.Equal(t, fs.ModeSymlink, info.Mode().Type())
}

func TestFilesThatCannotBeWrittenStayAsTheyWere(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, f *Files){
		"the previous one": func(_ *testing.T, f *Files) { f.Previous = filepath.Join(filepath.Dir(f.Secret), "none", "previous") },
		"the secret": func(t *testing.T, f *Files) {
			require.NoError(t, os.MkdirAll(filepath.Join(draft(f.Secret), "in the way"), 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := secretFiles(t, 0o600)
			spoil(t, &f)
			_, err := f.renew("first")
			require.ErrorContains(t, err, "has to own the file and to be allowed to write in its folder")
			assert.Equal(t, "first", read(t, f.Secret))
			assert.NoFileExists(t, f.Previous)
		})
	}
}

func TestTwoNamesOfOneFileAreRefused(t *testing.T) {
	f := secretFiles(t, 0o600)
	require.NoError(t, f.check())
	require.NoError(t, os.Link(f.Secret, f.Previous))
	require.ErrorContains(t, f.check(), "are one file")
}
