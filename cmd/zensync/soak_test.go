//go:build crash

package main

import (
	"bufio"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// `make soak`: relay and worker under a steady load, while faults come and go.
// What they hold has to be as much at the end as it was after the first minutes.

var soakMinutes = flag.Float64("soak.minutes", 1, "how long the load lasts")

const (
	// spell is how long faults last, and how long there are none.
	spell = 15 * time.Second
	// settling is how long after a spell of faults what they have left is not
	// counted: waits of some seconds, connections that are closed.
	settling = 7 * time.Second
	// mostMinutes bounds a soak.
	mostMinutes = 24 * 60
)

// gauge is something that must not grow. An end above the beginning by more than
// both a share and an amount is growth.
type gauge struct {
	name, unit string
	share      float64 // of the beginning
	amount     float64
	least      bool // what is in hand comes and goes with the machine's other work: what never goes shows in the least
	series     []float64
}

// gauges are those of a soak, by the names that sample uses. The shares allow for
// what Go's collector does at its own time.
func gauges() map[string]*gauge {
	const mib = 1 << 20
	return map[string]*gauge{
		"worker goroutines": {name: "worker: goroutines", least: true, amount: 10, share: 0.2},
		"worker files":      {name: "worker: open files", amount: 8, share: 0.2},
		"worker memory":     {name: "worker: memory", unit: "MiB", amount: 24 * mib, share: 0.25},
		"worker heap":       {name: "worker: heap to collect at", unit: "MiB", amount: 8 * mib, share: 0.5},
		"relay threads":     {name: "relay: threads", amount: 6, share: 0.3},
		"relay files":       {name: "relay: open files", amount: 8, share: 0.2},
		"relay memory":      {name: "relay: memory", unit: "MiB", amount: 24 * mib, share: 0.25},
		"wal":               {name: "write-ahead log", unit: "MiB", amount: 4 * mib}, // who reads for long makes it grow; it is cut again
	}
}

func TestSoak_NothingGrows(t *testing.T) {
	minutes := min(*soakMinutes, mostMinutes)
	seed := uint64(rand.Uint32())
	fmt.Printf("soak: %v minutes, seed %d\n", minutes, seed)
	c := newChapter(t, 100)
	text, err := os.ReadFile(c.vars["ZENSYNC_CONFIG"])
	require.NoError(t, err)
	often := strings.Replace(string(text), `schedule: "0 0 29 2 *"`, `schedule: "@every 20s"`, 1)
	require.NotEqual(t, string(text), often)
	require.NoError(t, os.WriteFile(c.vars["ZENSYNC_CONFIG"], []byte(often), 0o600))

	fresh, worker := c.startRelay(), c.startWorker()
	c.must(exitDone, "deploy", "--yes")
	rested := fresh.goroutines()

	s := &soak{chapter: c, relay: c.startRelay(), worker: worker, gauges: gauges()}
	end := time.AfterFunc(time.Duration(minutes*float64(time.Minute)), c.stop)
	defer end.Stop()
	var all sync.WaitGroup
	for stream, work := range []func(*rand.Rand){c.live, s.storm, s.knock, s.approve, s.measure} {
		all.Go(func() {
			defer c.stop()
			work(rand.New(rand.NewPCG(seed, uint64(stream)+1)))
		})
	}
	all.Wait()
	require.False(t, t.Failed())
	c.account.Heal()
	c.org.ClearFaults()

	s.judgeGauges()
	left := s.relay.goroutines()
	fmt.Printf("soak: %-30s %8d after its first deliveries, %8d at the end\n", "relay: goroutines", rested, left)
	assert.LessOrEqual(t, left, rested+10, "soak: the relay's goroutines end")
	worker.goroutines()
	if t.Failed() {
		_, dump, _ := strings.Cut(worker.stderr.String(), "SIGQUIT")
		t.Logf("the worker's goroutines: %s", dump)
	}
	c.judge()
}

// soak is what goes on.
type soak struct {
	*chapter
	relay, worker *process
	calm          atomic.Bool // no fault has been for a while
	gauges        map[string]*gauge
}

// storm has spells of faults, every third of them an outage of ZenQMS, and
// spells without.
func (s *soak) storm(dice *rand.Rand) {
	for n := 1; s.ctx.Err() == nil; n++ {
		s.lull(settling)
		s.calm.Store(true)
		s.lull(spell - settling)
		s.calm.Store(false)
		over := time.Now().Add(spell)
		if n%3 == 0 {
			s.account.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Status: http.StatusServiceUnavailable})
		}
		for time.Now().Before(over) && s.ctx.Err() == nil {
			s.failOnce(dice)
			s.pause(dice, 600*time.Millisecond)
		}
		s.account.Heal()
		s.org.ClearFaults()
	}
}

// lull waits, or until the soak ends.
func (s *soak) lull(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
	}
}

// knock is what else comes: people and programs that look at the page, and
// strangers at the relay, some of whom say nothing.
func (s *soak) knock(dice *rand.Rand) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for s.ctx.Err() == nil {
		for _, address := range []string{s.vars["PAGE"] + "/", s.vars["PAGE"] + "/readyz", s.world.relay + "/"} {
			if resp, err := client.Get("http://" + address); err == nil {
				_ = resp.Body.Close()
			}
		}
		s.pause(dice, time.Second)
	}
}

// approve is a person who says yes to all that is held, and looks at how it
// stands.
func (s *soak) approve(*rand.Rand) {
	for s.ctx.Err() == nil {
		for _, args := range [][]string{{"approve", "--all", "--reason", "soak"}, {"status"}} {
			s.endOf(s.start(args...), patience)
		}
		s.lull(20 * time.Second)
	}
}

// measure reads the gauges every second while no faults are.
func (s *soak) measure(*rand.Rand) {
	for s.ctx.Err() == nil {
		s.lull(time.Second)
		for _, p := range []*process{s.relay, s.worker} {
			select {
			case <-p.ended:
				assert.Fail(s, "soak: a service ends while nobody stops it", "%v: %s", p.cmd.Args, &p.stderr)
				return
			default:
			}
		}
		if s.calm.Load() {
			s.sample()
		}
	}
}

func (s *soak) sample() {
	worker := s.metrics()
	status := statusOfProcess(s.relay.cmd.Process.Pid)
	wal, err := os.Stat(filepath.Join(s.folder, "zensync.db-wal"))
	files, err2 := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.relay.cmd.Process.Pid))
	if len(worker) == 0 || len(status) == 0 || err != nil || err2 != nil {
		return
	}
	for name, value := range map[string]float64{
		"worker goroutines": worker["go_goroutines"], "worker files": worker["process_open_fds"],
		"worker memory": worker["process_resident_memory_bytes"], "worker heap": worker["go_memstats_next_gc_bytes"],
		"relay threads": status["Threads"], "relay files": float64(len(files)), "relay memory": status["VmRSS"] * 1024,
		"wal": float64(wal.Size()),
	} {
		s.gauges[name].series = append(s.gauges[name].series, value)
	}
}

// metrics are those of the worker that have no labels; none if it does not answer.
func (s *soak) metrics() map[string]float64 {
	resp, err := http.Get("http://" + s.vars["PAGE"] + "/metrics")
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	all := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if name, value, found := strings.Cut(lines.Text(), " "); found {
			if number, err := strconv.ParseFloat(value, 64); err == nil {
				all[name] = number
			}
		}
	}
	return all
}

// statusOfProcess are the numbers of /proc/PID/status; sizes are in KiB.
func statusOfProcess(pid int) map[string]float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	all := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		if fields := strings.Fields(rest); len(fields) > 0 {
			if number, err := strconv.ParseFloat(fields[0], 64); err == nil {
				all[name] = number
			}
		}
	}
	return all
}

// judgeGauges compares the end with what was after a quarter of the time.
func (s *soak) judgeGauges() {
	for _, name := range slices.Sorted(maps.Keys(s.gauges)) {
		g := s.gauges[name]
		n := len(g.series)
		require.GreaterOrEqual(s, n, 16, "this test must see gauges: let it last longer")
		from, to := g.level(g.series[n/4:n*2/5]), g.level(g.series[n-n/5:])
		fmt.Printf("soak: %-30s %8s after a quarter, %8s at the end, %8s at most\n", g.name, g.text(from), g.text(to), g.text(slices.Max(g.series)))
		assert.LessOrEqual(s, to, from+max(from*g.share, g.amount), "soak: it does not grow: %s", g.name)
	}
}

func (g *gauge) text(value float64) string {
	if g.unit == "MiB" {
		return fmt.Sprintf("%.1f MiB", value/(1<<20))
	}
	return fmt.Sprintf("%.0f", value)
}

// level is what a gauge shows over a while.
func (g *gauge) level(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if g.least {
		return sorted[0]
	}
	return sorted[len(sorted)/2]
}

// goroutines ends a process and counts those it had.
func (p *process) goroutines() int {
	p.site.Helper()
	require.NoError(p.site, p.cmd.Process.Signal(syscall.SIGQUIT))
	<-p.ended
	n := strings.Count(p.stderr.String(), "\ngoroutine ")
	require.NotZero(p.site, n, "it says what it was at: %s", &p.stderr)
	return n
}
