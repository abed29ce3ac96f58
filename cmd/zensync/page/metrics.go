package page

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

const (
	scrapesAtOnce = 4
	scrapeWithin  = 10 * time.Second // Prometheus gives up after that, unless told otherwise
)

// metrics are the figures for Prometheus. Their labels have few values each:
// none is an id or anything else that grows with the number of users.
type metrics struct {
	registry  *prometheus.Registry
	calls     *prometheus.CounterVec
	durations *prometheus.HistogramVec
	received  *prometheus.CounterVec
	outcomes  *prometheus.CounterVec
	latency   *prometheus.HistogramVec

	place int64 // of the last event that was counted, in the order of arrival; -1: none was yet. Only one reading is made at a time
}

func newMetrics(p *Page, build Build) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zensync_api_calls_total",
			Help: "Calls of Okta's and ZenQMS's API since the start, by method and endpoint and by the HTTP status that came back; none: no answer."},
			[]string{"side", "call", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zensync_api_call_duration_seconds",
			Help:    "How long those calls took, without the wait for the rate limit.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}},
			[]string{"side", "call"}),
		received: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zensync_events_received_total",
			Help: "Okta events that the relay has stored since the worker's start, by type; other: of no type that is subscribed."},
			[]string{"type"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "zensync_event_outcomes_total",
			Help: "What became of events since the start, by type: done, skipped, held, dead or ignored; once for each user an event names, and again when a held one goes on."},
			[]string{"type", "outcome"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "zensync_event_latency_seconds",
			Help:    "How long events took until they were done in ZenQMS, since Okta says they happened (published) and since the relay stored them (received).",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600}},
			[]string{"since"}),
		place: -1,
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "zensync_build_info",
		Help:        "What this program is; always 1.",
		ConstLabels: prometheus.Labels{"version": build.Version, "commit": build.Commit, "goversion": build.Go}})
	info.Set(1)
	m.registry.MustRegister(m.calls, m.durations, m.received, m.outcomes, m.latency, info, &figures{p},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: scrapeLog{log}, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: scrapesAtOnce, Timeout: scrapeWithin,
	})
}

// scrapeLog takes what the library has to say of a scrape.
type scrapeLog struct{ log *slog.Logger }

func (l scrapeLog) Println(v ...any) {
	l.log.Warn("the metrics are not whole", "error", fmt.Sprint(v...))
}

func (m *metrics) call(side, call string, status int, d time.Duration) {
	code := "none"
	if status > 0 {
		code = strconv.Itoa(status)
	}
	m.calls.WithLabelValues(side, call, code).Inc()
	m.durations.WithLabelValues(side, call).Observe(d.Seconds())
}

func (m *metrics) kept(k reconcile.Kept) {
	m.outcomes.WithLabelValues(typeLabel(k.EventType), string(k.State)).Inc()
	if k.State != store.StateDone {
		return
	}
	if !k.Published.IsZero() {
		m.latency.WithLabelValues("published").Observe(max(k.Ended.Sub(k.Published), 0).Seconds()) // Okta's clock may be ahead
	}
	m.latency.WithLabelValues("received").Observe(max(k.Ended.Sub(k.Received), 0).Seconds())
}

// arrivals reads the events that have come since the last reading, and the place
// of the last. The first reading only finds out where they begin.
func (m *metrics) arrivals(tx *store.Tx) (all []store.Arrivals, last int64, err error) {
	if m.place < 0 {
		last, err = tx.LastArrival()
		return nil, last, err
	}
	return tx.ArrivalsAfter(m.place, arrivalsAtOnce)
}

// arrived counts what arrivals has read.
func (m *metrics) arrived(all []store.Arrivals, last int64) {
	m.place = last
	for _, a := range all {
		label := typeLabel(a.Type)
		m.received.WithLabelValues(label).Add(float64(a.Events))
		if a.Ignored {
			m.outcomes.WithLabelValues(label, string(store.StateIgnored)).Add(float64(a.Events))
		}
	}
}

// subscribed are the event types that the hook asks Okta for.
var subscribed = map[string]bool{
	store.UserCreate: true, store.UserActivate: true, store.UserDeactivate: true, store.UserSuspend: true, store.UserUnsuspend: true,
	store.UserReactivate: true, store.UserDeleteInitiated: true, store.UserUpdateProfile: true, store.UserLock: true,
	store.UserUnlock: true, store.MemberAdd: true, store.MemberRemove: true, store.GroupDelete: true,
}

// typeLabel is an event's type as a label: whoever knows the hook's secret can
// send others.
func typeLabel(eventType string) string {
	if subscribed[eventType] {
		return eventType
	}
	return "other"
}
