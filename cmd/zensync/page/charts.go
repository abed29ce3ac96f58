package page

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/zensync/zensync/cmd/zensync/page/chart"
	"github.com/zensync/zensync/store"
)

// The charts, by the names their pictures have.
const (
	chartEvents  = "events"
	chartLatency = "latency"
	chartLeavers = "leavers"
	chartLinks   = "links"
)

// plate is a chart on the page, and the same in words and numbers.
type plate struct {
	Name, Title string
	Words       string // what it shows, in a sentence
	Failed      bool   // it could not be read; Words say so
	chart       chart.Chart
	Columns     []string
	Rows        [][]string
}

// plates are the charts of the page, in its order.
// links are those there are now; nil: not counted yet.
func (a *album) plates(links *store.LinkCount) []plate {
	now, wrong := int64(0), maps.Clone(a.err)
	switch {
	case links != nil:
		now = links.Active + links.Inactive
	case wrong[chartLinks] == nil && len(a.links) == 0: // the days alone do not tell
		wrong[chartLinks] = errReading
	}
	all := []plate{a.eventsPlate(), a.latencyPlate(), a.leaversPlate(), a.linksPlate(now)}
	for i := range all {
		if err := wrong[all[i].Name]; err != nil {
			words := "It could not be read in time, and is tried again: " + err.Error() + "."
			if errors.Is(err, errReading) {
				words = "It is being read, which takes its time where the database is large: look again in a while."
			}
			all[i] = plate{Name: all[i].Name, Title: all[i].Title, Failed: true, Words: words}
		}
	}
	return all
}

func (a *album) eventsPlate() plate {
	p := plate{Name: chartEvents, Title: "Events per hour", Columns: []string{"hour (UTC)", "events"}, chart: chart.Chart{Bars: true}}
	by := map[time.Time]int64{}
	for _, h := range a.hours {
		by[h.hour] = h.events
	}
	line := chart.Line{Name: "events"}
	total, most := int64(0), hourly{}
	last := a.made.Truncate(time.Hour)
	for hour := last.Add(-(eventHours - 1) * time.Hour); !hour.After(last); hour = hour.Add(time.Hour) {
		n := by[hour]
		p.chart.Labels = append(p.chart.Labels, hour.Format("Mon 15:00"))
		line.Values = append(line.Values, float64(n))
		if total += n; n > most.events {
			most = hourly{hour, n}
		}
		if n > 0 {
			p.Rows = append(p.Rows, []string{hour.Format("2006-01-02 15:00"), fmt.Sprint(n)})
		}
	}
	p.chart.Lines = []chart.Line{line}
	p.Words = fmt.Sprintf("No event reached the relay in the last %d hours.", eventHours)
	if total > 0 {
		p.Words = fmt.Sprintf("%s reached the relay in the last %d hours, %d of them in the hour from %s UTC.",
			many(total, "event"), eventHours, most.events, most.hour.Format("2006-01-02 15:00"))
	}
	return p
}

func (a *album) latencyPlate() plate {
	p := plate{Name: chartLatency, Title: "From the hook to ZenQMS", Columns: []string{"day (UTC)", "events done", "half within", "95 % within", "longest"},
		chart: chart.Chart{Durations: true}}
	by := map[string]latency{}
	for _, l := range a.latency {
		by[l.day] = l
	}
	half, most := chart.Line{Name: "half within"}, chart.Line{Name: "95 % within"}
	for at := a.timed; !startOf(at).After(startOf(a.made)); at = at.Add(day) {
		l, any := by[at.Format(time.DateOnly)]
		p.chart.Labels = append(p.chart.Labels, at.Format("Jan 2"))
		p50, p95 := math.NaN(), math.NaN()
		if any {
			p50, p95 = float64(l.p50), float64(l.p95)
			p.Rows = append(p.Rows, []string{l.day, fmt.Sprint(l.events), chart.Duration(p50), chart.Duration(p95), chart.Duration(float64(l.max))})
		}
		half.Values, most.Values = append(half.Values, p50), append(most.Values, p95)
	}
	p.chart.Lines = []chart.Line{half, most}
	p.Words = fmt.Sprintf("No event was done in the last %d days.", days)
	if len(a.latency) > 0 {
		l := a.latency[0]
		p.Words = fmt.Sprintf("On %s half of the %s took %s or less from the relay to the end of the work, 95 %% took %s or less, and the longest %s. "+
			"Outages and the wait for a person are included.", l.day, many(l.events, "event"), chart.Duration(float64(l.p50)), chart.Duration(float64(l.p95)), chart.Duration(float64(l.max)))
		if a.made.Sub(a.timed) < (days-1)*day {
			p.Words += fmt.Sprintf(" Reckoned are events since %s UTC, for there are many.", a.timed.Format("2006-01-02 15:04"))
		}
	}
	return p
}

func startOf(t time.Time) time.Time { return t.Truncate(day) } // UTC's days begin there

// steps are the bars of the leavers' clock.
var steps = []struct {
	name  string
	below time.Duration
}{
	{"1 s", time.Second}, {"10 s", 10 * time.Second}, {"1 min", time.Minute}, {"10 min", 10 * time.Minute},
	{"1 h", time.Hour}, {"6 h", 6 * time.Hour}, {"1 day", day}, {"longer", math.MaxInt64},
}

func (a *album) leaversPlate() plate {
	p := plate{Name: chartLeavers, Title: "Leavers' clock", Columns: []string{"out of ZenQMS within", "people"}, chart: chart.Chart{Bars: true}}
	took := slices.DeleteFunc(slices.Clone(a.clock.took), func(d time.Duration) bool { return d == unmeasured })
	slices.Sort(took)
	line := chart.Line{Name: "people"}
	from := 0
	for _, step := range steps {
		n, _ := slices.BinarySearch(took, step.below)
		p.chart.Labels = append(p.chart.Labels, step.name)
		line.Values = append(line.Values, float64(n-from))
		p.Rows = append(p.Rows, []string{step.name, fmt.Sprint(n - from)})
		from = n
	}
	p.chart.Lines = []chart.Line{line}
	when := fmt.Sprintf("in the last %d days", monthDays)
	if a.made.Sub(a.clock.since) < monthDays*day {
		when = "since " + a.clock.since.Format("2006-01-02 15:04") + " UTC (of before, there are too many to be shown)"
	}
	p.Words = "Nobody left in Okta " + when
	if n := len(a.clock.took); n > 0 || len(a.clock.pending) > 0 {
		p.Words = fmt.Sprintf("%s who left in Okta %s lost access", people(int64(n)), when)
	}
	if n := len(took); n > 0 {
		p.Words += fmt.Sprintf(", half of them within %s of Okta's word and the slowest after %s",
			chart.Duration(float64(took[(n-1)/2].Milliseconds())), chart.Duration(float64(took[n-1].Milliseconds())))
	}
	if n := len(a.clock.took) - len(took); n > 0 {
		p.Words += fmt.Sprintf("; of %d it is not known when they left", n)
	}
	return p.withPending(a.clock.pending)
}

// withPending adds those whose clock has not stopped, or never will.
func (p plate) withPending(pending map[string]int) plate {
	words := map[string]string{
		"held": "held by the brake", "dead": "given up", "open": "on their way", "unclear": "unclear: several accounts could be theirs",
		"no account": "without an account", "back": "back before it was done",
	}
	var rest []string
	for _, state := range []string{"held", "dead", "unclear", "open", "no account", "back"} {
		if n := pending[state]; n > 0 {
			rest = append(rest, fmt.Sprintf("%d %s", n, words[state]))
			p.Rows = append(p.Rows, []string{words[state], fmt.Sprint(n)})
		}
	}
	if len(rest) > 0 {
		p.Words += ". Besides: " + strings.Join(rest, ", ")
	}
	p.Words += "."
	return p
}

func (a *album) linksPlate(now int64) plate {
	p := plate{Name: chartLinks, Title: "Links over time", Columns: []string{"day (UTC)", "new", "links"}}
	by := map[string]linked{}
	at := now // before the first day on which one was made
	for _, l := range a.links {
		by[l.day], at = l, l.links-l.made
	}
	line := chart.Line{Name: "links"}
	first := at
	for when := a.made.Add(-(monthDays - 1) * day); !when.After(a.made); when = when.Add(day) {
		if l, any := by[when.Format(time.DateOnly)]; any {
			at = l.links
			p.Rows = append(p.Rows, []string{l.day, fmt.Sprint(l.made), fmt.Sprint(l.links)})
		}
		p.chart.Labels = append(p.chart.Labels, when.Format("Jan 2"))
		line.Values = append(line.Values, float64(at))
	}
	p.chart.Lines = []chart.Line{line}
	p.Words = fmt.Sprintf("%s between Okta and ZenQMS, of inactive accounts as well; %d of them made in the last %d days.", many(at, "link"), at-first, monthDays)
	return p
}

// many is a number of things: "1 attempt", "2 attempts".
func many(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
