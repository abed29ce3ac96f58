package page

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/cmd/zensync/page/chart"
	"github.com/zensync/zensync/store"
)

//go:embed front
var frontFiles embed.FS

var frontTemplates = template.Must(template.New("").Funcs(template.FuncMap{
	"show": output.Show, "escape": output.Escape, "moment": func(t, now time.Time) instant { return instant{t, now} }, "iso": store.FormatTime, "said": said, "number": output.IsNumber,
}).ParseFS(frontFiles, "front/*.html"))

// handleFront adds what is for people.
func (p *Page) handleFront(mux *http.ServeMux) {
	mux.HandleFunc("/{$}", p.front)
	mux.HandleFunc("/explain", p.explain)
	mux.HandleFunc("/chart/{picture}", p.picture)
	for name, kind := range map[string]string{"style.css": "text/css; charset=utf-8", "good.svg": "image/svg+xml", "fair.svg": "image/svg+xml", "bad.svg": "image/svg+xml"} {
		text, err := frontFiles.ReadFile("front/" + name)
		if err != nil {
			panic(err) // the file is embedded
		}
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(text) // a caller that is gone needs no answer
		})
	}
}

// sight is what the front page shows.
type sight struct {
	head
	Errands []errand
	Parts   []partSight
	Counts  []output.Pair
	Lists   []list
	Runs    []runSight
	Next    time.Time // reconcile; zero: none is planned
	Plates  []plate
	Head    string // of the log, SEQ:HASH
	Verify  string
	Version string
}

// head is what every page for people begins with.
type head struct {
	Verdict verdict
	Title   string
	Made    time.Time
	Who     string // is asked for
	Sides   string
}

// failing is what there is to show without a store.
type failing struct {
	head
	Error string
	Do    []string
}

// partSight is a part with its last sign of life.
type partSight struct {
	Name, Word string
	Level      string // good, fair or bad
	Life       string
	Since      time.Time // of what Life says; may be zero
}

// list is people of whom something waits.
type list struct {
	ID, Title, Help, More string
	Total                 int64
	Rows                  []row
}

type runSight struct {
	store.Run
	Took   string
	Counts []output.Pair // not 0
	Note   string        // why there are no more of them
}

func (p *Page) front(w http.ResponseWriter, _ *http.Request) {
	var s *standing
	var sh *sheet
	var a *album
	var all sync.WaitGroup // side by side, for each waits for the disk
	all.Go(func() { s = p.glass.look() })
	all.Go(func() { sh = p.sheet.look() })
	all.Go(func() { a = p.album.look() })
	all.Wait()
	if err := errors.Join(s.err, sh.err); err != nil {
		p.show(w, http.StatusServiceUnavailable, "failing", failing{
			head:  head{Verdict: verdict{"bad", "The database does not answer"}, Title: "failing", Made: time.Now().UTC()},
			Error: err.Error(), Do: []string{p.command("doctor")},
		})
		return
	}
	p.show(w, http.StatusOK, "front", p.sight(s, sh, a))
}

func (p *Page) sight(s *standing, sh *sheet, a *album) sight {
	all := p.errands(s, sh, a)
	v := sight{
		head:    head{Verdict: judge(all), Made: sh.made},
		Errands: all, Parts: p.parts(s, sh), Lists: p.lists(s, sh), Plates: a.plates(s.links),
		Version: p.build.Version,
	}
	v.Title = v.Verdict.Text
	if sh.okta != "" {
		v.Sides = strings.TrimPrefix(sh.okta, "https://") + " → " + strings.TrimPrefix(sh.zenqms, "https://")
	}
	v.Counts = []output.Pair{
		{Key: "ready to be done", Value: s.queue.Ready}, {Key: "waiting for their time", Value: s.queue.Waiting},
		{Key: "held by the brake", Value: s.queue.Held}, {Key: "given up", Value: s.queue.Dead}, {Key: "people skipped", Value: s.skipped()},
	}
	if s.links != nil {
		v.Counts = append(v.Counts, output.Pair{Key: "links, active", Value: s.links.Active}, output.Pair{Key: "links, inactive", Value: s.links.Inactive})
	}
	if s.queue.Ready > 0 {
		v.Counts[0].Key = fmt.Sprintf("ready, the oldest for %s", chart.Duration(float64(s.queue.Oldest.Milliseconds())))
	}
	for _, r := range sh.runs {
		shown := runSight{Run: r, Took: chart.Duration(float64(r.Finished.Sub(r.Started).Milliseconds())), Counts: countsOf(r, a.counts[r.ID])}
		switch {
		case a.large[r.ID]:
			shown.Note = fmt.Sprintf("; it did very much: `%s`", p.command("report runs --run %d", r.ID))
		case a.counts[r.ID] == nil:
			shown.Note = " (counts are not known yet)"
		}
		v.Runs = append(v.Runs, shown)
	}
	v.Next = s.next
	if s.head.Seq > 0 {
		v.Head = fmt.Sprintf("%d:%s", s.head.Seq, s.head.Hash)
		v.Verify = p.command("verify --head %s", v.Head)
	}
	return v
}

// countsOf are what a run came to, but for what it did not do at all.
func countsOf(r store.Run, counts map[string]int64) []output.Pair {
	shown := []output.Pair{{Key: "users", Value: r.Users}}
	for _, name := range []string{"created", "linked", "updated", "activated", "deactivated", "skipped", "held", "failed"} {
		if n := counts[name]; n > 0 {
			shown = append(shown, output.Pair{Key: name, Value: n})
		}
	}
	return shown
}

// parts are how each part is, and when it was last seen alive.
func (p *Page) parts(s *standing, sh *sheet) []partSight {
	okta, zenqms := p.breakers()
	all := []partSight{
		{Name: "Relay", Word: aliveWord(s.relay), Life: "last event stored", Since: s.lastEvent},
		{Name: "Worker", Word: p.workerWord(s), Life: "last sign of life", Since: p.when(time.Duration(p.beat.Load()))},
		{Name: "Event hook", Word: s.hookWord(), Life: "verified by Okta", Since: timeOr(s.hookVerified)},
		{Name: "Okta", Word: s.sideWord("okta", okta), Life: "last answered", Since: p.when(time.Duration(p.seen["okta"].Load()))},
		{Name: "ZenQMS", Word: s.sideWord("zenqms", zenqms), Life: "last answered", Since: p.when(time.Duration(p.seen["zenqms"].Load()))},
	}
	if s.lastRun != nil {
		all = append(all, partSight{Name: "Reconcile", Word: string(s.lastRun.State), Life: "last ended", Since: s.lastRun.Finished})
	} else {
		all = append(all, partSight{Name: "Reconcile", Word: "none yet", Life: "last ended"})
	}
	for i := range all {
		switch all[i].Word {
		case "ok", string(store.RunDone):
			all[i].Level = "good"
		case "waiting", "none yet":
			all[i].Level = "fair"
		default:
			all[i].Level = "bad"
		}
	}
	return all
}

// when is a time since the page was made; zero for none.
func (p *Page) when(since time.Duration) time.Time {
	if since == 0 {
		return time.Time{}
	}
	return p.born.Add(since).UTC()
}

func timeOr(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, text) // zero: never
	return t
}

func (p *Page) lists(s *standing, sh *sheet) []list {
	return []list{
		{"held", "Held until you decide", "More than `safety` lets through at once. To approve carries it out, after reading the person in Okta once more; " +
			"to discard does not, until he changes again.", p.command("report held"), s.queue.Held, sh.held},
		{"dead", "Given up", "All attempts failed. When the cause is mended, try again.", p.command("report dead"), s.queue.Dead, sh.dead},
		{"skipped", "Skipped", "What is wrong stands beside each. He is looked at again when he changes in Okta, and but for missing fields " +
			"at every reconcile; at once with the command.", p.command("report skipped"), s.skipped(), sh.skipped},
	}
}

// ago is in words how long ago a time was, or in how long it will be.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	if d < -time.Minute { // less is a sign of life that came while this was read
		return "in " + chart.Duration(float64(max(time.Second, -d).Round(time.Second).Milliseconds()))
	}
	if d < time.Second {
		return "just now"
	}
	return chart.Duration(float64(d.Round(time.Second).Milliseconds())) + " ago"
}

// instant is a time as a page has it.
type instant struct{ At, Now time.Time }

// Ago is in words how long ago it was.
func (m instant) Ago() string { return ago(m.At, m.Now) }

// UTC is when that was.
func (m instant) UTC() string { return m.At.UTC().Format("2006-01-02 15:04:05") }

// span is a piece of a text; what is between ` and ` is to be typed, or a name.
type span struct {
	Code bool
	Text string
}

func said(text string) []span {
	var all []span
	for i, piece := range strings.Split(text, "`") {
		all = append(all, span{i%2 == 1, output.Escape(strings.ReplaceAll(piece, "\n", " "))})
	}
	return all
}

// picture draws a chart: NAME-light-wide.svg, and likewise dark and narrow.
func (p *Page) picture(w http.ResponseWriter, r *http.Request) {
	s, a := p.glass.look(), p.album.look()
	name, look, found := lookOf(r.PathValue("picture"))
	for _, plate := range a.plates(s.links) {
		if plate.Name != name || plate.Failed || !found {
			continue
		}
		text, err := plate.chart.SVG(look)
		if err != nil {
			p.log.Error("a chart cannot be drawn", "chart", name, "error", err)
			http.Error(w, "the chart cannot be drawn", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Security-Policy", policyChart)
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = w.Write(text) // a caller that is gone needs no answer
		return
	}
	http.NotFound(w, r)
}

func lookOf(file string) (name string, look chart.Look, found bool) {
	for _, look := range []chart.Look{{}, {Dark: true}, {Narrow: true}, {Dark: true, Narrow: true}} {
		if name, found := strings.CutSuffix(file, look.Suffix()); found {
			return name, look, true
		}
	}
	return "", chart.Look{}, false
}

// show answers with a page for people. Nothing is written if it cannot be made.
func (p *Page) show(w http.ResponseWriter, status int, name string, value any) {
	var text bytes.Buffer
	if err := frontTemplates.ExecuteTemplate(&text, name, value); err != nil {
		p.log.Error("a bug: the page cannot be made", "page", name, "error", fmt.Sprintf("%T", err))
		http.Error(w, "the page cannot be made; the log of the worker says more", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", policyFront)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = text.WriteTo(w) // a caller that is gone needs no answer
}
