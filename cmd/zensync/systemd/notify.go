package systemd

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Manager is the service manager (sd_notify(3)), as the parts of one service
// see it. It is safe for concurrent use. A notice that does not get through is
// logged: the manager draws its own conclusions.
type Manager struct {
	log      *slog.Logger
	send     func(state string) error
	watchdog time.Duration // how long it waits for a sign of life; 0: forever

	mu    sync.Mutex
	parts []*Part
	told  bool // that the service is ready
	anew  int  // parts that take up a new configuration
}

// Part is one part of a service. The service is ready when all its parts are,
// and alive as long as all of them are.
type Part struct {
	manager *Manager
	name    string
	ready   bool // guarded by manager.mu, as status and anew are
	anew    bool
	status  string
	beats   atomic.Int64
	counted int64 // the beats when the manager was last told of them; guarded by manager.mu
}

// Connect finds the service manager of this process, with the named parts of
// the service. Without one, what the parts say goes nowhere.
func Connect(log *slog.Logger, parts ...string) (*Manager, []*Part) {
	watchdog, err := daemon.SdWatchdogEnabled(true)
	if err != nil {
		log.Warn("systemd's watchdog stays without signs of life", "error", err)
	}
	m := &Manager{log: log, watchdog: watchdog, send: func(state string) error {
		_, err := daemon.SdNotify(false, state)
		return err
	}}
	for _, name := range parts {
		m.parts = append(m.parts, &Part{manager: m, name: name})
	}
	return m, m.parts
}

// Ready says that the part does its work, with status as in Status.
func (p *Part) Ready(status string) {
	p.say(status, true)
}

// Reloading says that the part takes up a new configuration, until Ready says
// that it does its work again, by that or the old one. A service that is not
// ready yet just starts.
func (p *Part) Reloading() {
	m := p.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.anew || !m.told {
		return
	}
	p.anew = true
	if m.anew++; m.anew == 1 {
		m.tell(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
	}
}

// Status says in a few words what the part is at, for `systemctl status`.
func (p *Part) Status(status string) {
	p.say(status, false)
}

// Beat is a sign of life. A part that is ready gives one at least every
// quarter of the watchdog's time (Pulse).
func (p *Part) Beat() { p.beats.Add(1) }

// Pulse is how often at least a part has to beat, 0 when nobody listens.
func (p *Part) Pulse() time.Duration { return p.manager.watchdog / 4 }

func (p *Part) say(status string, ready bool) {
	m := p.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	p.status, p.ready = status, p.ready || ready
	state := "STATUS=" + m.status()
	if p.anew && ready {
		p.anew = false
		m.anew--
		if m.anew == 0 {
			state = daemon.SdNotifyReady + "\n" + state
		}
	}
	if m.ready() && !m.told {
		m.told = true
		state = daemon.SdNotifyReady + "\n" + state
	}
	m.tell(state)
}

// Stopping says that the service is on its way out, in good order.
func (m *Manager) Stopping() {
	m.tell(daemon.SdNotifyStopping + "\nSTATUS=stopping")
}

// Watch tells the manager at half the watchdog's time that the service is
// alive, as long as every part that is ready has beaten since. It returns when
// ctx ends.
func (m *Manager) Watch(ctx context.Context) {
	if m.watchdog <= 0 {
		return
	}
	tick := time.NewTicker(m.watchdog / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if silent := m.silent(); len(silent) > 0 {
			m.log.Error("no sign of life: systemd will restart this service", "part", strings.Join(silent, " and "))
			continue
		}
		m.tell(daemon.SdNotifyWatchdog)
	}
}

// silent names the parts that are ready and have not beaten since it was last
// asked.
func (m *Manager) silent() (names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.parts {
		beats := p.beats.Load()
		if p.ready && beats == p.counted {
			names = append(names, p.name)
		}
		p.counted = beats
	}
	return names
}

func (m *Manager) ready() bool {
	for _, p := range m.parts {
		if !p.ready {
			return false
		}
	}
	return true
}

// status is what all parts are at, on one line: a line is all that the
// protocol has room for.
func (m *Manager) status() string {
	var all []string
	for _, p := range m.parts {
		switch {
		case p.status == "":
		case len(m.parts) == 1:
			all = append(all, p.status)
		default:
			all = append(all, p.name+": "+p.status)
		}
	}
	return strings.ReplaceAll(strings.Join(all, "; "), "\n", " ")
}

func (m *Manager) tell(state string) {
	if err := m.send(state); err != nil {
		m.log.Warn("systemd could not be told", "notice", state, "error", err)
	}
}
