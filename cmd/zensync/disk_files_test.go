//go:build crash

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// makers are the commands that put a file in its place, and which one was there
// before.
var makers = map[string]struct {
	args  []string
	older string
	relay bool
	bare  bool // it makes the file where it is to be, and takes it away again
}{
	"backup":        {args: []string{"backup", "new.db"}},
	"restore":       {args: []string{"restore", "copy.db"}, older: "zensync.db"},
	"archive":       {args: []string{"archive", "--keep", "1ms", "--output", "old.jsonl"}},
	"rotate-secret": {args: []string{"rotate-secret", "--grace", "0s"}, older: "hook.secret", relay: true},
	"report":        {args: []string{"report", "log", "--output", "log.csv"}, older: "log.csv"},
	"export":        {args: []string{"export", "--output", "log.jsonl"}, bare: true},
	"pack":          {args: []string{"report", "pack", "--since", "90d", "--output", "pack"}, bare: true},
	"setup": {args: []string{"setup", "--org-url", "$OKTA_URL", "--client-id", clientID, "--key-file", "okta.pem", "--key-id", keyID,
		"--zenqms-url", "$ZENQMS_URL", "--zenqms-token-file", "zenqms.key", "--public-url", "http://$RELAY/okta/events",
		"--store-path", "zensync.db", "--config", "etc/zensync.yaml"}},
	"setup anew": {args: []string{"setup", "--force", "--org-url", "$OKTA_URL", "--client-id", clientID, "--key-file", "okta.pem", "--key-id", keyID,
		"--zenqms-url", "$ZENQMS_URL", "--zenqms-token-file", "zenqms.key", "--public-url", "http://$RELAY/okta/events",
		"--store-path", "zensync.db"}, older: "zensync.yaml"},
}

// ailments are what the disk may answer who makes a file, and what that says.
var ailments = map[string]struct{ inject, remedy string }{
	"it does not rename": {"rename,renameat,renameat2,link,linkat:error=EIO", "look into the kernel's log"},
	"the second one":     {"rename,renameat,renameat2,link,linkat:error=EIO:when=2", "look into the kernel's log"},
	"it is full":         {"rename,renameat,renameat2,link,linkat:error=ENOSPC", "make room"},
	"it is read-only":    {"rename,renameat,renameat2,link,linkat:error=EROFS", "mount it anew"},
	"it does not flush":  {"fsync,fdatasync:error=EIO", "look into the kernel's log"},
}

// What puts a file in its place does so whole or not at all.
func TestDisks_WhenAFileCannotBePutInItsPlaceNothingIsChanged(t *testing.T) {
	for name, maker := range makers {
		for ailing, ailment := range ailments {
			t.Run(name+"/"+ailing, func(t *testing.T) {
				t.Parallel()
				c := newSite(t)
				c.deploy()
				c.must(exitDone, "backup", "copy.db")
				require.NoError(t, os.Mkdir(filepath.Join(c.folder, "etc"), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(c.folder, "log.csv"), []byte("of yesterday"), 0o600))
				work := func() {
					older, there := c.files(), c.text(maker.older)
					p := c.startWith(injecting(t, ailment.inject), nil, maker.args...)
					exit := p.wait()
					if exit == exitDone && (ailing == "the second one" || maker.bare && ailing != "it does not flush") {
						return // there is none
					}
					require.Equal(t, exitFailed, exit, "stdout: %s; stderr: %s", &p.stdout, &p.stderr)
					assert.Contains(t, p.stderr.String(), ailment.remedy)
					assert.Equal(t, older, c.files(), "nothing half made is left, and nothing is gone")
					assert.Equal(t, there, c.text(maker.older))
					c.must(exitDone, "verify")
					assert.Equal(t, 3, c.links())
					c.must(exitDone, maker.args...)
				}
				if maker.relay {
					c.withRelay(work)
				} else {
					work()
				}
			})
		}
	}
}

// So it is where the file is to be on a disk of its own, which cannot be written.
func TestDisks_WhenThereIsNoPlaceForAFileNothingIsChanged(t *testing.T) {
	for name, spoil := range map[string]struct {
		remedy string
		do     func(folder string) (mend func() error, err error)
	}{
		"full": {"make room", func(folder string) (func() error, error) {
			filler := filepath.Join(folder, "filler")
			err := os.WriteFile(filler, make([]byte, 8<<20), 0o600)
			if !errors.Is(err, syscall.ENOSPC) {
				return nil, fmt.Errorf("the disk is not full: %w", err)
			}
			return func() error { return os.Remove(filler) }, nil
		}},
		"read-only": {"mount it anew", func(folder string) (func() error, error) {
			again := func() error { return syscall.Mount("", folder, "", syscall.MS_REMOUNT, "") }
			return again, syscall.Mount("", folder, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
		}},
	} {
		for _, args := range [][]string{
			{"backup", "disk/new"}, {"archive", "--keep", "1ms", "--output", "disk/new"}, {"report", "log", "--output", "disk/new"},
			{"export", "--output", "disk/new"}, {"report", "pack", "--since", "90d", "--output", "disk/new"},
		} {
			t.Run(name+"/"+strings.Join(args[:2], " "), func(t *testing.T) {
				t.Parallel()
				c := newSite(t)
				c.deploy()
				folder := c.smallDisk()
				mend, err := spoil.do(folder)
				require.NoError(t, err)
				p := c.start(args...)
				require.Equal(t, exitFailed, p.wait(), "stdout: %s; stderr: %s", &p.stdout, &p.stderr)
				assert.Contains(t, p.stderr.String(), spoil.remedy)
				require.NoError(t, mend())
				left, err := os.ReadDir(folder)
				require.NoError(t, err)
				assert.Empty(t, left, "nothing half made is left")
				c.must(exitDone, "verify")
				c.must(exitDone, args...)
				c.sound("active")
			})
		}
	}
}

// text is what a file of the site's holds; the database's is not the same for long.
func (c *site) text(name string) string {
	c.Helper()
	if name == "" || name == "zensync.db" {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(c.folder, name))
	require.NoError(c, err)
	return string(text)
}

// files are those of the site, but for what SQLite and the services keep beside
// the database, and what was printed.
func (c *site) files() (names []string) {
	c.Helper()
	for _, pattern := range []string{"*", ".*", "etc/*", "etc/.*"} {
		found, err := filepath.Glob(filepath.Join(c.folder, pattern))
		require.NoError(c, err)
		for _, name := range found {
			name, err = filepath.Rel(c.folder, name)
			require.NoError(c, err)
			beside := strings.HasPrefix(name, "zensync.db") && !strings.HasPrefix(name, "zensync.db.before-")
			if !beside && !strings.HasPrefix(name, "printed-") {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
