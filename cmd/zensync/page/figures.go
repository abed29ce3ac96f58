package page

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// figures are the metrics that are read when somebody asks. Those of the store
// are absent while it does not answer; zensync_store_up says so.
type figures struct{ page *Page }

// emit gives a figure its value, for each value of its labels.
type emit func(value float64, labels ...string)

// figure is a metric, and where its values come from.
type figure[T any] struct {
	name, help string
	labels     []string
	read       func(T, emit)
}

func (f figure[T]) desc() *prometheus.Desc { return prometheus.NewDesc(f.name, f.help, f.labels, nil) }

func (f figure[T]) collect(from T, to chan<- prometheus.Metric) {
	desc := f.desc()
	f.read(from, func(value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	})
}

func (f *figures) Describe(to chan<- *prometheus.Desc) {
	for _, one := range ofReading {
		to <- one.desc()
	}
	for _, one := range ofStore {
		to <- one.desc()
	}
	for _, one := range ofWorker {
		to <- one.desc()
	}
}

// Collect runs in a goroutine of the library's: a bug must not end the worker.
func (f *figures) Collect(to chan<- prometheus.Metric) {
	defer func() {
		if r := recover(); r != nil {
			f.page.log.Error("a bug: metrics could not be collected", "kind", fmt.Sprintf("%T", r))
		}
	}()
	s := f.page.glass.look()
	for _, one := range ofReading {
		one.collect(s, to)
	}
	if s.err == nil {
		for _, one := range ofStore {
			one.collect(s, to)
		}
	}
	if subject := f.page.subject.Load(); subject != nil {
		for _, one := range ofWorker {
			one.collect(subject, to)
		}
	}
}

// ofReading tells of the reading itself.
var ofReading = []figure[*standing]{
	{"zensync_store_up", "Whether the store answered (1) or not (0). While it does not, what it would say is absent.", nil,
		func(s *standing, set emit) { set(truth(s.err == nil)) }},
	{"zensync_store_read_seconds", "How long the last reading of the store for this page took.", nil,
		func(s *standing, set emit) { set(s.took.Seconds()) }},
}

// ofStore is what the store says, of all processes that use it.
var ofStore = []figure[*standing]{
	{"zensync_state", "Where the installation stands: 1 for the one of new, active, paused, unlinking and unlinked.", []string{"state"},
		func(s *standing, set emit) {
			for _, life := range []reconcile.Life{reconcile.New, reconcile.Active, reconcile.Paused, reconcile.Unlinking, reconcile.Unlinked} {
				set(truth(s.life == life), lifeWord(life))
			}
		}},
	{"zensync_part_alive", "Whether the relay and the worker are up; a command that does the worker's work is none.", []string{"part"},
		func(s *standing, set emit) { set(truth(s.relay), "relay"); set(truth(s.worker), "worker") }},
	{"zensync_queue_promises", "Promises that are not kept yet: ready now or being worked on, waiting for a time, held by the brake, dead (given up).", []string{"state"},
		func(s *standing, set emit) {
			set(float64(s.queue.Ready), "ready")
			set(float64(s.queue.Waiting), "waiting")
			set(float64(s.queue.Held), "held")
			set(float64(s.queue.Dead), "dead")
		}},
	{"zensync_queue_oldest_age_seconds", "Age of the oldest promise that is ready; 0 without one.", nil,
		func(s *standing, set emit) { set(s.queue.Oldest.Seconds()) }},
	{"zensync_held_promises", "What the brake holds until a person decides, by action.", []string{"action"},
		func(s *standing, set emit) {
			for _, action := range []store.Action{store.ActDeactivate, store.ActActivate, store.ActRemoveRole} {
				set(float64(s.held[action]), string(action))
			}
		}},
	{"zensync_skipped_users", "Users who are skipped, wholly or in part, by reason.", []string{"reason"},
		func(s *standing, set emit) {
			for _, code := range []store.SkipCode{store.SkipMissing, store.SkipConflict, store.SkipAmbiguous, store.SkipRefused} {
				set(float64(s.skips[code]), string(code))
			}
		}},
	{"zensync_links", "Okta users who are linked to an account of ZenQMS, by whether that is active.", []string{"state"},
		func(s *standing, set emit) {
			if s.links != nil {
				set(float64(s.links.Active), "active")
				set(float64(s.links.Inactive), "inactive")
			}
		}},
	{"zensync_frozen", "Okta groups that cannot be read, and ZenQMS roles that cannot be found: nobody loses what they feed.", []string{"kind"},
		func(s *standing, set emit) { set(float64(s.groups), "group"); set(float64(s.roles), "role") }},
	{"zensync_drain_stopped", "Whether nothing is sent because a credential is refused.", nil,
		func(s *standing, set emit) { set(truth(s.stopped != "")) }},
	{"zensync_credential_refused", "Whether a side refused our credential the last time it was tried.", []string{"side"},
		func(s *standing, set emit) {
			set(truth(s.refuses("okta")), "okta")
			set(truth(s.refuses("zenqms")), "zenqms")
		}},
	{"zensync_hook_working", "Whether Okta's event hook is there, active and verified, as Okta said at the last reconcile or deploy.", nil,
		func(s *standing, set emit) { set(truth(s.hookWord() == "ok")) }},
	{"zensync_last_event_timestamp_seconds", "When the relay last stored an event.", nil,
		func(s *standing, set emit) { moment(s.lastEvent, set) }},
	{"zensync_last_reconcile_timestamp_seconds", "When the last walk over all users ended, an initial sync or a reconcile.", nil,
		func(s *standing, set emit) { of(s.lastRun, func(r store.Run) { moment(r.Finished, set) }) }},
	{"zensync_last_reconcile_duration_seconds", "How long it took, until all it wants stood in the queue.", nil,
		func(s *standing, set emit) {
			of(s.lastRun, func(r store.Run) { set(r.Finished.Sub(r.Started).Seconds()) })
		}},
	{"zensync_last_reconcile_success", "Whether it came through (1) or failed (0).", nil,
		func(s *standing, set emit) { of(s.lastRun, func(r store.Run) { set(truth(r.State == store.RunDone)) }) }},
	{"zensync_last_reconcile_users", "How many users of Okta it saw.", nil,
		func(s *standing, set emit) { of(s.lastRun, func(r store.Run) { set(float64(r.Users)) }) }},
	{"zensync_last_successful_reconcile_timestamp_seconds", "When the last one that came through ended.", nil,
		func(s *standing, set emit) { of(s.lastDone, func(r store.Run) { moment(r.Finished, set) }) }},
	{"zensync_next_reconcile_timestamp_seconds", "When the next one begins.", nil,
		func(s *standing, set emit) { moment(s.next, set) }},
	{"zensync_log_head_seq", "Number of the last row of the log.", nil,
		func(s *standing, set emit) { set(float64(s.head.Seq)) }},
	{"zensync_store_size_bytes", "Size of the database.", nil,
		func(s *standing, set emit) { set(float64(s.space.file)) }},
	{"zensync_store_wal_size_bytes", "Size of the database's write-ahead log.", nil,
		func(s *standing, set emit) { set(float64(s.space.wal)) }},
	{"zensync_store_disk_free_bytes", "What is left of the disk that the database is on.", nil,
		func(s *standing, set emit) { set(float64(s.space.free)) }},
	{"zensync_store_disk_size_bytes", "Size of that disk.", nil,
		func(s *standing, set emit) { set(float64(s.space.total)) }},
}

// ofWorker is what the worker of this process knows.
var ofWorker = []figure[*Subject]{
	{"zensync_breaker_state", "Whether a side is taken for down: 1 for the one of closed (it is up), half_open (it is tried) and open (it is down).", []string{"side", "state"},
		func(s *Subject, set emit) {
			okta, zenqms := s.Worker.Breakers()
			for _, state := range []reconcile.Breaker{reconcile.Closed, reconcile.HalfOpen, reconcile.Open} {
				set(truth(okta == state), "okta", string(state))
				set(truth(zenqms == state), "zenqms", string(state))
			}
		}},
	{"zensync_okta_rate_limit_calls", "Calls that Okta allows in a window of about a minute, by endpoint, as it last said.", []string{"endpoint"},
		func(s *Subject, set emit) {
			for endpoint, r := range s.Worker.Okta.Rates() {
				set(float64(r.Limit), endpoint)
			}
		}},
	{"zensync_okta_rate_remaining_calls", "Calls left of it in the window, as Okta last said.", []string{"endpoint"},
		func(s *Subject, set emit) {
			for endpoint, r := range s.Worker.Okta.Rates() {
				set(float64(r.Remaining), endpoint)
			}
		}},
	{"zensync_okta_waiting_calls", "Calls that wait for our share of Okta's rate limit.", nil,
		func(s *Subject, set emit) { set(float64(s.Worker.Okta.Waiting())) }},
	{"zensync_zenqms_pace_calls_per_second", "Calls a second that ZenQMS is sent at most.", nil,
		func(s *Subject, set emit) { perSecond, _ := s.Pace(); set(perSecond) }},
	{"zensync_zenqms_pause_seconds", "How much longer ZenQMS has asked to be left alone.", nil,
		func(s *Subject, set emit) { _, pause := s.Pace(); set(pause.Seconds()) }},
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// moment is a time as Prometheus has it; one that never was is absent.
func moment(t time.Time, set emit) {
	if !t.IsZero() {
		set(float64(t.UnixMilli()) / 1000)
	}
}

// of is for what may be absent.
func of(r *store.Run, tell func(store.Run)) {
	if r != nil {
		tell(*r)
	}
}
