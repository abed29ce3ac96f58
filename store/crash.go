//go:build crash

package store

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// This file is only in programs that are built with the tag crash, for `make
// crash`: they kill themselves where they are told to.

// CrashAt is the environment variable that says where: a point, and which time
// it is passed, as in "after commit:3".
const CrashAt = "ZENSYNC_CRASH_AT"

// crashing is the point that is to come, and how often it is passed until then.
var crashing struct {
	sync.Mutex
	point string
	left  int
}

func init() {
	point, times, found := strings.Cut(os.Getenv(CrashAt), ":")
	if !found {
		return
	}
	n, err := strconv.Atoi(times)
	if err != nil {
		panic(CrashAt + ": " + err.Error())
	}
	crashing.point, crashing.left = point, n
}

func crash(point string) { Crash(point) }

// Crash is passed at a point. It kills the process as kill -9 does, when it is
// the one; nothing is flushed, closed or said.
func Crash(point string) {
	crashing.Lock()
	defer crashing.Unlock()
	if point != crashing.point {
		return
	}
	if crashing.left--; crashing.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // nothing goes on until it arrives
	}
}
