package demo

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const orphanage = "ZENSYNC_TEST_ORPHANAGE"

// Ensure that a demo that is killed leaves no service behind. The test is its
// own demo: the process that is killed.
func TestADemoThatIsKilledLeavesNoService(t *testing.T) {
	if folder := os.Getenv(orphanage); folder != "" {
		s := &stage{program: "sleep", log: filepath.Join(folder, "run.log")}
		svc, err := s.start("600")
		require.NoError(t, err)
		fmt.Println("pid", svc.cmd.Process.Pid)
		select {}
	}
	parent := exec.Command(os.Args[0], "-test.run=^TestADemoThatIsKilledLeavesNoService$")
	parent.Env = append(os.Environ(), orphanage+"="+t.TempDir())
	stdout, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	pid := 0
	for lines := bufio.NewScanner(stdout); pid == 0 && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "pid %d", &pid)
	}
	require.NotZero(t, pid)
	require.True(t, runs(pid), "this test must see it run")
	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait(), "killed")
	assert.Eventually(t, func() bool { return !runs(pid) }, 30*time.Second, 5*time.Millisecond, "zensync run is left")
	if p, err := os.FindProcess(pid); err == nil && runs(pid) {
		_ = p.Kill()
	}
}

// runs tells whether there is such a process, and it has not ended.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}
