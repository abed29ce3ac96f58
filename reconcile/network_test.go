package reconcile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// hurry bounds a call where one hangs: it is to be given up soon, and a call that is
// well takes a hundredth of it. Elsewhere calls have patience, for a busy machine.
const hurry = 400 * time.Millisecond

// wire is one connection of a world, with toxiproxy on it.
type wire struct {
	*testing.T
	proxy *toxiproxy.Proxy
}

func newWire(t *testing.T, to http.Handler) *wire {
	server := httptest.NewServer(to)
	t.Cleanup(server.Close)
	w := &wire{T: t}
	w.lay("127.0.0.1:0", strings.TrimPrefix(server.URL, "http://"))
	t.Cleanup(func() { w.proxy.Stop() })
	return w
}

func (w *wire) lay(listen, upstream string) {
	w.Helper()
	w.proxy = toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), w.Name(), listen, upstream)
	require.NoError(w, w.proxy.Start())
}

func (w *wire) url() string { return "http://" + w.proxy.Listen }

// toxic is what toxiproxy does to a connection; none of a kind is a cable that
// is pulled out.
type toxic struct {
	kind, stream string
	attributes   map[string]int
	say          string // part of what the log has to say of it
}

func (w *wire) poison(x toxic) {
	if x.kind == "" {
		w.proxy.Stop()
		return
	}
	text, err := json.Marshal(map[string]any{"type": x.kind, "stream": x.stream, "attributes": x.attributes})
	require.NoError(w, err)
	_, err = w.proxy.Toxics.AddToxicJson(strings.NewReader(string(text)))
	require.NoError(w, err)
}

// heal lays a new cable in place of the old one: to take a toxic off a
// connection that is busy can hang in toxiproxy.
func (w *wire) heal() {
	w.Helper()
	w.proxy.Stop()
	w.lay(w.proxy.Listen, w.proxy.Upstream)
}

// newWiredWorld is a world whose calls go over sockets.
func newWiredWorld(t *testing.T) (w *world, toOkta, toZenQMS *wire) {
	w = newWorld(t)
	toOkta, toZenQMS = newWire(t, w.org), newWire(t, w.acct)
	w.over(toOkta, toZenQMS, patience)
	return w, toOkta, toZenQMS
}

// over has the worker call over these wires, and wait so long for an answer.
func (w *world) over(toOkta, toZenQMS *wire, timeout time.Duration) {
	w.Helper()
	var err error
	w.w.Okta, err = okta.New(okta.Config{OrgURL: toOkta.url(), APIToken: "token", Timeout: timeout, Transport: newTransport(w.T)})
	require.NoError(w, err)
	w.w.ZenQMS, err = zenqms.New(zenqms.Config{BaseURL: toZenQMS.url(), APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: zenqms.NoLimit, Timeout: timeout, Transport: newTransport(w.T)})
	require.NoError(w, err)
}

// newTransport is net/http's own, for this test alone.
func newTransport(t *testing.T) *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// toxics are the bad networks. The clients' own tests hold what each call says.
var toxics = map[string]toxic{
	"the cable is out":          {say: "connection refused"},
	"too slow to wait for":      {kind: "latency", stream: "downstream", attributes: map[string]int{"latency": 1200}, say: "no answer within|Timeout exceeded|deadline exceeded"},
	"requests are lost":         {kind: "timeout", stream: "upstream", attributes: map[string]int{"timeout": 0}, say: "no answer within|Timeout exceeded|deadline exceeded"},
	"answers are lost":          {kind: "timeout", stream: "downstream", attributes: map[string]int{"timeout": 0}, say: "no answer within|Timeout exceeded|deadline exceeded"},
	"reset after the request":   {kind: "reset_peer", stream: "downstream", attributes: map[string]int{"timeout": 0}, say: "reset|closed|EOF"},
	"reset within the request":  {kind: "reset_peer", stream: "upstream", attributes: map[string]int{"timeout": 1}, say: "reset|closed|EOF|broken pipe"},
	"answers break off":         {kind: "limit_data", stream: "downstream", attributes: map[string]int{"bytes": 40}, say: "EOF|closed"},
	"answers in drops":          {kind: "slicer", stream: "downstream", attributes: map[string]int{"average_size": 8, "size_variation": 2, "delay": 100_000}, say: "no answer within|Timeout exceeded|deadline exceeded"},
	"answers at a snail's pace": {kind: "bandwidth", stream: "downstream", attributes: map[string]int{"rate": 0}, say: "no answer within|Timeout exceeded|deadline exceeded"},
}

// TestE4_ABadNetworkLosesAndDoublesNothing puts Okta and ZenQMS behind each bad
// network, while somebody comes, somebody moves and somebody leaves.
func TestE4_ABadNetworkLosesAndDoublesNothing(t *testing.T) {
	var all sync.WaitGroup // they wait for most of their time, so that more at once than there are processors
	for name, x := range toxics {
		for _, side := range []string{"okta", "zenqms"} {
			all.Go(func() {
				t.Run(side+": "+name, func(t *testing.T) {
					w, toOkta, toZenQMS := newWiredWorld(t)
					sick := map[string]*wire{"okta": toOkta, "zenqms": toZenQMS}[side]
					c := newCrisis(w)
					sick.poison(x)
					w.over(toOkta, toZenQMS, hurry)
					c.rage(2)
					c.says(side, x.say)
					sick.heal()
					w.over(toOkta, toZenQMS, patience)
					c.settle()
				})
			})
		}
	}
	all.Wait()
}

// A slow network is no fault.
func TestE4_ASlowNetworkIsNoFault(t *testing.T) {
	w, toOkta, toZenQMS := newWiredWorld(t)
	c := newCrisis(w)
	slow := toxic{kind: "latency", stream: "downstream", attributes: map[string]int{"latency": 20, "jitter": 5}}
	toOkta.poison(slow)
	toZenQMS.poison(slow)
	c.settle()
	assert.Empty(t, c.failures(), "E4: what answers in time has not failed")
}

// crisis is a small company in motion: one joins, one moves, one leaves, and
// the hooks of it are in the inbox.
type crisis struct {
	*world
	joiner, mover, leaver string
}

func newCrisis(w *world) *crisis {
	c := &crisis{world: w}
	c.mover, c.leaver = w.hire("Mo", "Ver", "ACTIVE").ID, w.hire("Lea", "Ver", "ACTIVE").ID
	w.sync()
	require.Equal(w, 2, w.acct.Len())
	w.acct.ResetCalls()
	c.joiner = w.hire("Joy", "Ner", "ACTIVE").ID
	w.org.UpdateProfile(c.mover, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.org.SetStatus(c.leaver, "DEPROVISIONED")
	w.hooks()
	return c
}

// rage lets the worker try for some rounds, and holds that nothing is given up.
func (c *crisis) rage(rounds int) {
	c.Helper()
	for range rounds {
		c.drain()
		assert.Empty(c, c.report("dead", store.ReportArgs{}), "E4: an outage costs no attempts")
		c.breathe()
		c.pass(10 * time.Minute)
	}
}

// failures are the errors in the log.
func (c *crisis) failures() (all []string) {
	for _, row := range c.report("log", store.ReportArgs{Limit: 1000}) {
		if row["outcome"] == "failed" {
			all = append(all, fmt.Sprint(row["error"]))
		}
	}
	return all
}

// says holds that the log says which side failed, and what went wrong. On a busy
// machine the other side may be late as well.
func (c *crisis) says(side, what string) {
	c.Helper()
	failures := strings.Join(c.failures(), "\n")
	assert.Regexp(c, "(?m)^"+side+": .*("+what+")", failures, "A1: every attempt writes a row that says what was wrong")
	assert.NotContains(c, failures, zenqmstest.DefaultToken)
}

// settle works until everything is done, and judges what is left by the rules.
func (c *crisis) settle() {
	c.Helper()
	for range 60 {
		c.drain()
		if !c.anyOpen() {
			break
		}
		c.breathe()
		c.pass(10 * time.Minute)
	}
	require.False(c, c.anyOpen(), "E4: recovery needs nobody; open: %v, %v", c.states(c.joiner), c.failures())
	assert.Empty(c, c.report("dead", store.ReportArgs{}))
	assert.Equal(c, 3, c.acct.Len(), "nobody is created twice")
	created := 0
	for _, call := range c.writes() {
		if call.Method == http.MethodPost && call.Path == "/v2/users" && call.Status == http.StatusCreated {
			created++
		}
	}
	assert.Equal(c, 1, created, "L1: a lost answer to a create is looked for, not repeated")
	assert.True(c, c.account(c.joiner).Active)
	assert.Equal(c, "Chief", c.account(c.mover).Title)
	assert.False(c, c.account(c.leaver).Active, "whoever left is out")
	c.acct.ResetCalls()
	run := c.walk(store.ReconcileRun)
	assert.Equal(c, store.RunDone, run.State, "%s", run.Error)
	assert.Empty(c, c.writes(), "K4: a reconcile finds nothing to do")
	c.view(func(tx *store.Tx) error {
		_, err := tx.CheckLog(store.Head{}, nil)
		assert.NoError(c, err, "A1: the chain holds")
		return nil
	})
}

// anyOpen tells whether some promise is not kept yet.
func (c *crisis) anyOpen() (open bool) {
	c.view(func(tx *store.Tx) error {
		q, err := tx.Queue()
		open = q.Ready+q.Waiting > 0
		return err
	})
	return open
}
