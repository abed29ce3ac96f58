package page

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zensync/zensync/store"
)

const (
	// readWithin is how long what fills one chart may be looked for.
	readWithin = 10 * time.Second
	// drawWithin is how long the page waits for its charts; whoever comes too
	// early has the charts before, or is told to look again.
	drawWithin = 500 * time.Millisecond
	// A chart is not older than this, or than so many times what it took to
	// read all: whoever looks all day costs a core one part in twenty at most.
	drawnEvery  = 20 * time.Second
	timesItTook = 20

	eventHours = 48               // shown, hour by hour
	days       = 14               // shown of the latency, and looked through for it
	timedMost  = 20_000           // events of which the latency is reckoned
	clockMost  = 2_000            // leavers whose clock is read, about
	countMost  = 100_000          // rows of the log that are looked through for what a run came to
	monthDays  = 30               // shown of leavers and links
	day        = 24 * time.Hour   // which is long enough, whatever a clock does in spring
	unmeasured = -1 * time.Second // of a leaver who has no time
)

// errReading is why there is nothing yet.
var errReading = errors.New("it is being read")

// album is what the charts show, and the counts of the latest runs. Each part
// stands by itself: err has why one could not be read.
type album struct {
	made    time.Time
	err     map[string]error
	hours   []hourly
	latency []latency
	timed   time.Time // the latency is of events since then
	clock   leavers
	links   []linked
	counts  map[int64]map[string]int64 // of runs
	large   map[int64]bool             // runs with too many rows for that
}

type hourly struct {
	hour   time.Time
	events int64
}

type latency struct {
	day           string
	events        int64
	p50, p95, max int64 // milliseconds from the relay's storing to the end of the work
}

// leavers are those of a month, or of as much of it as has not too many.
type leavers struct {
	since   time.Time
	took    []time.Duration // of who is out, unmeasured where no time is known
	pending map[string]int  // who is not, by state
}

type linked struct {
	day         string
	made, links int64 // on it, and at its end
}

// shownRuns is how many of the latest runs are shown.
const shownRuns = 6

func (p *Page) newAlbum() *glass[album] {
	return &glass[album]{
		read:   p.readAlbum,
		within: albumParts * readWithin, patience: drawWithin,
		fresh: func(took time.Duration) time.Duration { return max(drawnEvery, timesItTook*took) },
		slow: func(last *album) *album {
			if last != nil {
				return last
			}
			return &album{err: map[string]error{chartEvents: errReading, chartLatency: errReading, chartLeavers: errReading, chartLinks: errReading}}
		},
	}
}

// albumParts is how many are read one after the other.
const albumParts = 5

// readAlbum is one reading. Each part has a transaction and a time of its own, so
// that one which takes too long spoils no other.
func (p *Page) readAlbum(ctx context.Context) *album {
	a := &album{err: map[string]error{}}
	for _, part := range [albumParts]struct {
		name string
		read func(*store.Tx) error
	}{
		{chartEvents, a.readHours}, {chartLatency, a.readLatency}, {chartLeavers, a.readLeavers}, {chartLinks, a.readLinks},
		{"runs", a.readCounts},
	} {
		ctx, cancel := context.WithTimeout(ctx, readWithin)
		a.err[part.name] = p.safely(ctx, func(tx *store.Tx) error {
			a.made = tx.Now
			return part.read(tx)
		})
		cancel()
	}
	return a
}

// safely reads the store. A bug in what is read must not be the worker's.
func (p *Page) safely(ctx context.Context, read func(*store.Tx) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a bug in zensync: %T", r)
			p.log.Error("a bug: what the page shows cannot be read", "kind", fmt.Sprintf("%T", r))
		}
	}()
	return p.db.View(ctx, read)
}

// reportRows runs a report, and calls each with its rows by column.
func reportRows(tx *store.Tx, name string, args store.ReportArgs, each func(map[string]any) error) error {
	report, err := store.ReportByName(name)
	if err != nil {
		return err
	}
	columns, rows, err := tx.Report(report, args)
	if err != nil {
		return err
	}
	for _, row := range rows {
		by := make(map[string]any, len(columns))
		for i, column := range columns {
			by[column] = row[i]
		}
		if err := each(by); err != nil {
			return fmt.Errorf("report %s: %w", name, err)
		}
	}
	return nil
}

func textOf(cell any) string  { text, _ := cell.(string); return text } // "": NULL
func numberOf(cell any) int64 { n, _ := cell.(int64); return n }        // 0: NULL

// readHours reads the events of all days, the latest first.
func (a *album) readHours(tx *store.Tx) error {
	a.hours = nil
	return reportRows(tx, "hourly", store.ReportArgs{Since: a.made.Add(-days * day)}, func(row map[string]any) error {
		at, err := time.Parse("2006-01-02T15", textOf(row["hour"]))
		a.hours = append(a.hours, hourly{at, numberOf(row["events"])})
		return err
	})
}

// readLatency goes back as far as there are not too many events: an org may
// have some hundred thousand a day.
func (a *album) readLatency(tx *store.Tx) error {
	a.timed, a.latency = a.made.Add(-days*day), nil
	events := int64(0)
	for i, h := range a.hours {
		if events += h.events; events > timedMost && i > 0 {
			a.timed = a.hours[i-1].hour
			break
		}
	}
	return reportRows(tx, "latency", store.ReportArgs{Since: a.timed}, func(row map[string]any) error {
		a.latency = append(a.latency, latency{textOf(row["day"]), numberOf(row["events"]),
			numberOf(row["here_p50"]), numberOf(row["here_p95"]), numberOf(row["here_max"])})
		return nil
	})
}

// readLeavers goes back as far as there are not too many: what is known of each
// stands in many places.
func (a *album) readLeavers(tx *store.Tx) error {
	a.clock = leavers{pending: map[string]int{}, since: a.made.Add(-monthDays * day)}
	if many, err := tx.DeparturesSince(clockMost); err != nil {
		return err
	} else if many.After(a.clock.since) {
		a.clock.since = many
	}
	return reportRows(tx, "leavers", store.ReportArgs{Since: a.clock.since}, func(row map[string]any) error {
		state := textOf(row["state"])
		if state != "done" {
			a.clock.pending[state]++
			return nil
		}
		took := unmeasured
		if seconds, known := row["seconds"].(float64); known {
			took = max(0, time.Duration(seconds*float64(time.Second)))
		}
		a.clock.took = append(a.clock.took, took)
		return nil
	})
}

func (a *album) readLinks(tx *store.Tx) error {
	a.links = nil
	return reportRows(tx, "growth", store.ReportArgs{Since: a.made.Add(-monthDays * day)}, func(row map[string]any) error {
		a.links = append(a.links, linked{textOf(row["day"]), numberOf(row["made"]), numberOf(row["links"])})
		return nil
	})
}

// readCounts reads what the latest runs came to. Of a run that did very much,
// such as the initial sync of a large org, that takes too long.
func (a *album) readCounts(tx *store.Tx) error {
	a.counts, a.large = map[int64]map[string]int64{}, map[int64]bool{}
	runs, err := tx.EndedWalks(shownRuns, store.RunDone, store.RunFailed)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if a.large[run.ID], err = tx.LoggedMore(run.ID, countMost); err != nil {
			return err
		} else if a.large[run.ID] {
			continue
		}
		if err := reportRows(tx, "runs", store.ReportArgs{Run: run.ID}, func(row map[string]any) error {
			counts := map[string]int64{}
			for column, cell := range row {
				if n, isNumber := cell.(int64); isNumber {
					counts[column] = n
				}
			}
			a.counts[run.ID] = counts
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
