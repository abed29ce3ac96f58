package relay

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// diskSize is that of the small disk: the store takes some 300 KiB.
const diskSize = 4 << 20

// smallDisk is a folder on a file system of its own, which ends with the test.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize))
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("this user may not mount a file system, so no disk can be filled")
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	return dir
}

func TestE5_WhenTheDiskIsFullIs503AndNothingAcceptedIsLost(t *testing.T) {
	dir := smallDisk(t)
	h := listenIn(t, dir)
	accepted := map[string]bool{}
	deliver := func(id string) int {
		status, text := h.post(envelope(event(id, "00u1")))
		if status == http.StatusNoContent {
			accepted[id] = true
		} else {
			assert.Contains(t, text, "send them again")
		}
		return status
	}
	require.Equal(t, http.StatusNoContent, deliver("before"))

	filler := filepath.Join(dir, "filler")
	full := os.WriteFile(filler, []byte(strings.Repeat("x", diskSize)), 0o600)
	require.ErrorIs(t, full, syscall.ENOSPC)
	refused := 0
	for i := range 200 { // the first ones find room in pages that are there
		status := deliver(fmt.Sprintf("full-%d", i))
		require.Contains(t, []int{http.StatusNoContent, http.StatusServiceUnavailable}, status, "E5: never a 4xx for something that is ours")
		if status == http.StatusServiceUnavailable {
			refused++
		}
	}
	require.Positive(t, refused)
	assert.Contains(t, h.log.String(), "disk is full")

	require.NoError(t, os.Remove(filler))
	assert.Equal(t, http.StatusNoContent, deliver("after"), "E5: it goes on by itself")
	stored := map[string]bool{}
	for _, row := range h.events() {
		stored[row[0].(string)] = true
	}
	assert.Equal(t, accepted, stored)
}

// A store that nobody will find again is none: no 204 for what goes there.
func TestE5_WhenTheStoreIsTakenAwayIs503(t *testing.T) {
	h := listen(t)
	status, _ := h.post(envelope(event("a", "00u1")))
	require.Equal(t, http.StatusNoContent, status)
	require.NoError(t, os.Rename(h.db.Path(), h.db.Path()+".old"))
	status, _ = h.post(envelope(event("b", "00u1")))
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, h.log.String(), "restart every zensync that uses this store")
}

// The other process has the file for longer than anybody may wait: a worker
// that was stopped in the middle, or an administrator with a tool of his own.
func TestE5_WhileAnotherProcessHoldsTheStoreIs503(t *testing.T) {
	t.Parallel()
	h := listen(t)
	other, err := store.Open(t.Context(), h.db.Path())
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	begun, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- other.Update(t.Context(), func(*store.Tx) error {
			close(begun)
			<-release
			return nil
		})
	}()
	<-begun
	status, _ := h.post(envelope(event("a", "00u1")))
	assert.Equal(t, http.StatusServiceUnavailable, status, "E5: never a 4xx for something that is ours")
	close(release)
	require.NoError(t, <-done)
	status, _ = h.post(envelope(event("a", "00u1")))
	assert.Equal(t, http.StatusNoContent, status, "E5: Okta's second try")
	assert.Len(t, h.events(), 1)
}
