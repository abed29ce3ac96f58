package demo

import (
	"os/exec"
	"syscall"
)

// leaveNoOrphan has the kernel tell a child to stop when the thread that starts
// it is gone, as when the demo is killed.
func leaveNoOrphan(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
