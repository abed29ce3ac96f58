//go:build crash

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// What zensync does when the disk or the files of its database are not what
// they should be, with the program as a service is.

// injecting is strace such that system calls fail, as in
// "fsync,fdatasync:error=EIO".
func injecting(t *testing.T, inject string) []string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no disk can be made to fail: there is no strace")
	}
	calls, _, _ := strings.Cut(inject, ":")
	return []string{strace, "-f", "-o", "/dev/null", "-e", "trace=" + calls, "-e", "inject=" + inject}
}

// spoil makes system calls of a process fail from now on, until it is mended.
func (p *process) spoil(inject string) (mend func()) {
	p.site.Helper()
	line := append(injecting(p.site.T, inject), "-p", fmt.Sprint(p.cmd.Process.Pid))
	strace := exec.Command(line[0], line[1:]...)
	var said spool
	strace.Stderr = &said
	require.NoError(p.site, strace.Start())
	p.site.until("strace is attached", func() bool {
		if strings.Contains(said.String(), "not permitted") {
			p.site.Skip("no disk can be made to fail: this user may not trace a process")
		}
		return strings.Contains(said.String(), "attached")
	})
	return func() {
		p.site.Helper()
		// Asked to end in good order it now and then waits for ever for a thread
		// that sleeps. The kernel lets go of all that a dead one has traced.
		require.NoError(p.site, strace.Process.Kill())
		_ = strace.Wait()                         // it is killed
		_ = p.cmd.Process.Signal(syscall.SIGCONT) // a thread may have been stopped; the process may be over
	}
}

// faults are what a disk does to who writes to it, and the words that say so.
var faults = map[string]struct{ inject, remedy string }{
	"it does not flush":           {"fsync,fdatasync:error=EIO", "look into the kernel's log"},
	"it does not write":           {"pwrite64:error=EIO", "look into the kernel's log"},
	"it is full":                  {"pwrite64:error=ENOSPC", "make room"},
	"it was remounted read-only":  {"pwrite64:error=EROFS", "look into the kernel's log"},
	"its log cannot grow":         {"ftruncate,pwrite64:error=EDQUOT", "look into the kernel's log"},
	"it fails now and then":       {"fsync,fdatasync:error=EIO:when=1+2", "look into the kernel's log"},
	"it writes half and then not": {"pwrite64:error=EIO:when=2+2", "look into the kernel's log"},
}

func TestDisks_E5_WhenTheDiskFailsTheRelayAnswers503AndLosesNothing(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &deliveries{site: newSite(t)}
			relay := d.startRelay()
			require.Equal(t, http.StatusNoContent, d.send(d.names["ann"]))
			mend := relay.spoil(fault.inject)
			refused := 0
			for range 6 {
				answer := d.send(d.names["ann"])
				require.Contains(t, []int{http.StatusNoContent, http.StatusServiceUnavailable}, answer, "E5: never a 4xx for what is ours")
				if answer == http.StatusServiceUnavailable {
					refused++
				}
			}
			mend()
			assert.NotZero(t, refused, "E5: 503 when it cannot store")
			d.until("the log says what to do", func() bool { return strings.Contains(relay.stderr.String(), fault.remedy) })
			require.Equal(t, http.StatusNoContent, d.send(d.names["ann"]), "E5: it goes on by itself; stderr: %s", &relay.stderr)
			relay.kill() // what is on the disk counts
			d.kept()
		})
	}
}

func TestDisks_E4_WhenTheDiskFailsTheWorkerGoesOnAfterwardsAndDoublesNothing(t *testing.T) {
	for name := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &deliveries{site: newSite(t)}
			d.deploy()
			relay, worker := d.startRelay(), d.startWorker()
			mend := worker.spoil(faults[name].inject)
			require.Equal(t, http.StatusNoContent, d.send(d.names["dan"]))
			d.until("the worker has met it, and says what to do", func() bool {
				return strings.Contains(worker.stderr.String(), faults[name].remedy)
			})
			mend()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the worker: %s", &worker.stderr)
				}
			})
			d.danIsDone()
			worker.stop()
			relay.stop()
			d.kept()
			d.sound("active")
			creates := slices.DeleteFunc(d.account.Writes(), func(c zenqmstest.Call) bool {
				return c.Method != http.MethodPost || c.Path != "/v2/users" || c.Body["external_id"] != d.names["dan"]
			})
			assert.Len(t, creates, 1, "C5: dan is created once")
		})
	}
}

// smallDisk is a folder of the site's that is a disk of its own.
func (c *site) smallDisk() (folder string) {
	c.Helper()
	folder = filepath.Join(c.folder, "disk")
	require.NoError(c, os.Mkdir(folder, 0o700))
	err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=4m")
	if err != nil {
		c.Skipf("this user may not mount a file system, so no disk can be filled: %v", err)
	}
	c.Cleanup(func() { require.NoError(c, syscall.Unmount(folder, 0)) })
	return folder
}

// onDisk moves the site's store to a small disk of its own.
func (c *site) onDisk() (folder string) {
	c.Helper()
	folder = c.smallDisk()
	text, err := os.ReadFile(c.vars["ZENSYNC_CONFIG"])
	require.NoError(c, err)
	text = bytes.Replace(text, []byte("path: zensync.db"), []byte("path: disk/zensync.db"), 1)
	require.NoError(c, os.WriteFile(c.vars["ZENSYNC_CONFIG"], text, 0o600))
	return folder
}

func TestDisks_E5_WhenTheDiskIsFullRelayAndWorkerWaitForRoom(t *testing.T) {
	t.Parallel()
	d := &deliveries{site: newSite(t)}
	folder := d.onDisk()
	d.deploy()
	relay, worker := d.startRelay(), d.startWorker()
	filler := filepath.Join(folder, "filler")
	require.ErrorIs(t, os.WriteFile(filler, make([]byte, 4<<20), 0o600), syscall.ENOSPC)
	d.until("E5: a full disk is 503", func() bool { return d.send(d.names["dan"]) == http.StatusServiceUnavailable })
	d.until("the log says what to do", func() bool { return strings.Contains(relay.stderr.String(), "make room") })
	d.must(exitDone, "report", "held") // to look takes no room
	require.NoError(t, os.Remove(filler))
	d.until("E5: it goes on by itself", func() bool { return d.send(d.names["dan"]) == http.StatusNoContent })
	d.until("the worker does, too", func() bool {
		_, found := d.account.ByExternalID(d.names["dan"])
		return found
	})
	worker.stop()
	relay.stop()
	d.kept()
}

// A host that starts with its disk full is mended by who makes room.
func TestDisks_E5_WhenTheDiskIsFullAtTheStartBothWaitForRoom(t *testing.T) {
	t.Parallel()
	d := &deliveries{site: newSite(t)}
	folder := d.onDisk()
	d.deploy()
	d.withRelay(func() { require.Equal(t, http.StatusNoContent, d.send(d.names["ann"])) })
	filler := filepath.Join(folder, "filler")
	require.ErrorIs(t, os.WriteFile(filler, make([]byte, 4<<20), 0o600), syscall.ENOSPC)
	relay, worker := d.waiting("make room")
	require.NoError(t, os.Remove(filler))
	d.recover(relay, worker)
	d.kept()
}

func TestDisks_WhatIsMountedReadOnlyIsSaidAtTheStart(t *testing.T) {
	t.Parallel()
	d := &deliveries{site: newSite(t)}
	folder := d.onDisk()
	d.deploy()
	d.withRelay(func() { require.Equal(t, http.StatusNoContent, d.send(d.names["dan"])) })
	require.NoError(t, syscall.Mount("", folder, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	relay, worker := d.waiting("mount it anew")
	assert.Contains(t, relay.stderr.String(), "read-only")
	p := d.start("sync", "$dan")
	assert.Equal(t, exitFailed, p.wait())
	assert.Contains(t, p.stderr.String(), "mount it anew")
	require.NoError(t, syscall.Mount("", folder, "", syscall.MS_REMOUNT, ""))
	d.recover(relay, worker)
	d.kept()
}

// spoilt writes over all pages of a database but those at its beginning.
func spoilt(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	const begin = 2 * 4096
	_, err = file.WriteAt(bytes.Repeat([]byte("no page"), int(info.Size()-begin)/7), begin)
	return err
}

// A file that is not whole is refused with what to do, and a backup takes its
// place without anybody's hand at the files.
func TestDisks_ADamagedDatabaseIsRefusedAndRestored(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"cut":                   func(path string) error { return os.Truncate(path, 3*4096+100) },
		"emptied":               func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte{0}, 8192), 0o600) },
		"gone but for its name": func(path string) error { return os.Truncate(path, 0) },
		"overwritten":           func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("no database"), 4096), 0o600) },
		"spoilt":                spoilt,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &deliveries{site: newSite(t)}
			d.deploy()
			d.withRelay(func() { require.Equal(t, http.StatusNoContent, d.send(d.names["dan"])) })
			d.must(exitDone, "backup", "copy.db")
			require.NoError(t, harm(filepath.Join(d.folder, "zensync.db")))
			relay, worker := d.waiting("`zensync restore` the last backup")
			p := d.start("sync", "$dan")
			assert.Equal(t, exitFailed, p.wait())
			assert.Contains(t, p.stderr.String(), "`zensync restore` the last backup")
			d.must(exitDone, "restore", "copy.db", "--reason", "x")
			d.recover(relay, worker)
			d.kept()
			d.sound("active")
		})
	}
}

// So it is when that happens under the hands of both services.
func TestDisks_E5_WhenTheDatabaseIsDamagedInUseIs503UntilItIsRestored(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"cut":         func(path string) error { return os.Truncate(path, 3*4096+100) },
		"emptied":     func(path string) error { return os.Truncate(path, 0) },
		"overwritten": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("no database"), 4096), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &deliveries{site: newSite(t)}
			d.deploy()
			relay, worker := d.startRelay(), d.startWorker()
			require.Equal(t, http.StatusNoContent, d.send(d.names["dan"]))
			d.danIsDone()
			d.must(exitDone, "backup", "copy.db")
			require.NoError(t, harm(filepath.Join(d.folder, "zensync.db")))
			for range 3 {
				require.Equal(t, http.StatusServiceUnavailable, d.send(d.names["ann"]), "E5: 503 when it cannot store")
			}
			d.until("the log says what to do", func() bool { return strings.Contains(relay.stderr.String(), "`zensync restore` the last backup") })
			relay.end()
			worker.end()
			relay, worker = d.waiting("`zensync restore` the last backup") // as systemd starts them again
			d.must(exitDone, "restore", "copy.db", "--reason", "x")
			d.recover(relay, worker)
			d.kept()
			d.sound("active")
		})
	}
}

// Another program, such as a backup or sqlite3, keeps the database to itself.
func TestDisks_E5_WhileAnotherProgramHasTheDatabaseIs503InTime(t *testing.T) {
	t.Parallel()
	d := &deliveries{site: newSite(t)}
	d.deploy()
	relay, worker := d.startRelay(), d.startWorker()
	require.NoError(t, d.withStore(func(db *store.DB) error {
		return db.Update(t.Context(), func(*store.Tx) error {
			for range 2 {
				assert.Equal(t, http.StatusServiceUnavailable, d.send(d.names["dan"]), "E5: 503 when it cannot store")
			}
			return nil
		})
	}))
	d.until("the log says what to do", func() bool { return strings.Contains(relay.stderr.String(), "another program has the database open") })
	require.Equal(t, http.StatusNoContent, d.send(d.names["dan"]), "E5: it goes on by itself")
	d.danIsDone()
	worker.stop()
	relay.stop()
	d.kept()
	d.sound("active")
}

// end stops a service that may have ended by itself, or ends with an error.
func (p *process) end() {
	p.site.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be over
	require.Contains(p.site, []int{exitDone, exitFailed}, p.wait(), "stderr: %s", &p.stderr)
}

func TestDisks_C5_OfTwoWorkersThatStartAtOnceOneWorks(t *testing.T) {
	t.Parallel()
	c := newSite(t)
	c.deploy()
	one, other := c.start("worker"), c.start("worker")
	c.until("one of them gives up", func() bool {
		select {
		case <-one.ended:
			one, other = other, one
			return true
		case <-other.ended:
			return true
		default:
			return false
		}
	})
	assert.Equal(t, exitFailed, other.wait())
	assert.Contains(t, other.stderr.String(), "only one works at a time")
	c.until("the other works", one.works)
	one.stop()
}
