package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unit is what a unit says: values by section and key, as in Service.Type.
func unit(t *testing.T, name string) map[string][]string {
	text, err := os.ReadFile(filepath.Join("..", "..", "systemd", name))
	require.NoError(t, err)
	said := map[string][]string{}
	section := ""
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
		} else if key, value, is := strings.Cut(line, "="); is && !strings.HasPrefix(line, "#") {
			said[section+"."+key] = append(said[section+"."+key], value)
		}
	}
	return said
}

// Ensure that a service that crashes comes back, that one that crashes on end
// does not for ever, and that a configuration that cannot be followed is not
// tried again.
func TestTheUnitsRestartWhatMayWorkTheNextTime(t *testing.T) {
	for _, name := range []string{"zensync-relay.service", "zensync-worker.service"} {
		t.Run(name, func(t *testing.T) {
			said := unit(t, name)
			for key, want := range map[string]string{
				"Service.Type": "notify", "Service.Restart": "on-failure",
				"Service.RestartPreventExitStatus": strconv.Itoa(exitUsage), // else it is tried for ever
				"Service.Environment":              "GOTRACEBACK=crash",     // else a panic ends with that status, too
				"Service.User":                     packageUser, "Service.Group": packageUser,
				"Service.StateDirectory": "zensync", "Service.StateDirectoryMode": "0700", "Service.UMask": "0077",
			} {
				assert.Equal(t, []string{want}, said[key], key)
			}
			length := func(key string) time.Duration {
				require.Len(t, said[key], 1, key)
				d, err := time.ParseDuration(strings.TrimSuffix(said[key][0], "in")) // 10min
				require.NoError(t, err, key)
				return d
			}
			burst, err := strconv.Atoi(strings.Join(said["Unit.StartLimitBurst"], " "))
			require.NoError(t, err)
			worn := time.Duration(burst) * length("Service.RestartSec")
			assert.Less(t, worn, length("Unit.StartLimitIntervalSec"), "the limit is reached by one that crashes at once")
			assert.GreaterOrEqual(t, worn, 10*time.Minute, "what passes within ten minutes needs nobody")
			assert.NotZero(t, length("Service.WatchdogSec"), "one that hangs is ended")
			assert.Greater(t, length("Service.TimeoutStopSec"), 8*time.Second, "as long as requests under way may take")
		})
	}
}
