package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// up lets relay and worker be alive.
func (f *fixture) up() {
	f.Helper()
	lock, err := f.db.TryLock(store.RelayPart, "relay")
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, lock.Release()) })
}

// reads tells what the page says, without its marks and in one line.
func (f *fixture) reads() string {
	f.Helper()
	status, body := f.get("/")
	require.Equal(f, http.StatusOK, status)
	return plain(body)
}

func plain(body string) string {
	text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")
	return strings.Join(strings.Fields(text), " ")
}

func TestStatusPageSaysThatAllIsWell(t *testing.T) {
	f := setup(t)
	f.up()
	f.set(store.LifeState, "active", store.HookID, "who1", store.HookStatus, "ACTIVE", store.HookVerified, store.FormatTime(time.Now()),
		store.BoundOkta, "https://example.okta.com", store.BoundZenQMS, "https://public-api.zenqms.com")
	f.working()
	f.page.Beat()
	text := f.reads()
	assert.Contains(t, text, "Working. Nothing waits for you.")
	assert.NotContains(t, text, "What to do")
	assert.Contains(t, text, "example.okta.com → public-api.zenqms.com")
	for _, part := range []string{"Relay ok last event stored not yet", "Worker ok last sign of life just now", "Event hook ok verified by Okta",
		"Okta ok last answered just now", "ZenQMS ok last answered just now", "Reconcile none yet", "None has ended yet."} {
		assert.Contains(t, text, part)
	}
	_, body := f.get("/")
	assert.Contains(t, body, `href="/good.svg"`, "the tab has a picture of it")
}

func TestStatusPageSaysWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		set     []string
		alone   bool // no relay
		silent  bool
		verdict string
		says    []string
	}{
		"new": {set: []string{store.LifeState, ""}, verdict: "Nothing is deployed yet.", says: []string{"sudo -u zensync zensync deploy"}},
		"paused": {set: []string{store.LifeState, "paused", store.LifeBy, "olga", store.LifeSince, "2026-03-01T12:00:00.000Z", store.LifeReason, "an audit"},
			verdict: "Paused by olga.", says: []string{"since", "2026-03-01 12:00:00", "“an audit”", "sudo -u zensync zensync resume", "None is planned in this state."}},
		"unlinking": {set: []string{store.LifeState, "unlinking", store.LifeBy, "olga"}, verdict: "Being taken down by olga.", says: []string{"sudo -u zensync zensync unlink"}},
		"unlinked":  {set: []string{store.LifeState, "unlinked"}, verdict: "Taken down.", says: []string{"sudo -u zensync zensync deploy"}},
		"stopped": {set: []string{store.DrainStopped, "zenqms: update user 7: status 401"}, verdict: "A credential is refused.",
			says: []string{"zenqms: update user 7: status 401", "ZenQMS refused", "sudo systemctl restart zensync-worker"}},
		"hook gone":       {set: []string{store.HookStatus, store.HookMissing}, verdict: "The event hook is missing in Okta.", says: []string{"Event hook missing", "sudo -u zensync zensync deploy"}},
		"no relay":        {alone: true, verdict: "The relay is down.", says: []string{"Relay down", "sudo systemctl start zensync-relay.socket zensync-relay"}},
		"a silent worker": {silent: true, verdict: "The worker gives no sign of life.", says: []string{"Worker silent", "sudo systemctl restart zensync-worker"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.deployed()
			f.set(c.set...)
			if !c.alone {
				f.up()
			}
			if c.silent {
				f.page.born = f.page.born.Add(-2 * silentAfter)
			}
			text := f.reads()
			assert.Contains(t, text, c.verdict+" As of", "the first thing on the page")
			for _, what := range append(c.says, "What to do") {
				assert.Contains(t, text, what)
			}
			_, body := f.get("/")
			assert.Contains(t, body, `href="/bad.svg"`)
		})
	}
}

func TestStatusPageListsWhoWaits(t *testing.T) {
	f := setup(t)
	f.deployed()
	f.up()
	f.do(func(tx *store.Tx) error {
		if _, err := tx.PutPerson(store.Person{OktaID: "00u3", Status: "SUSPENDED", Login: "cleo@example.com", FirstName: "Cleo", LastName: "Fox"}); err != nil {
			return err
		}
		if _, err := tx.Enqueue(store.Promise{OktaID: "00u5", Origin: store.FromHook, Priority: store.HookPriority}); err != nil {
			return err
		}
		epoch, err := tx.StartEpoch()
		if err != nil {
			return err
		}
		claims, err := tx.Claim(epoch, 10)
		for _, c := range claims {
			for _, r := range c.Rows {
				if c.OktaID == "00u5" {
					err = errors.Join(err, tx.Close(epoch, r.ID, store.StateDead, "zenqms: update user 9: status 500"))
				}
			}
		}
		return err
	})
	text := f.reads()
	assert.Contains(t, text, "Working. 3 things wait for you.")
	assert.Regexp(t, `Held until you decide 1 .*cleo@example.com Cleo Fox deactivate his account too many just now [-0-9]+ [0-9:]+ `+
		`sudo -u zensync zensync approve \d+ --reason &#34;...&#34; sudo -u zensync zensync discard \d+ --reason`, text)
	assert.Regexp(t, `Given up 1 .*00u5 given up zenqms: update user 9: status 500 .*sudo -u zensync zensync retry \d+ `, text)
	assert.Regexp(t, `Skipped 1 .*ann@example.com conflict ann@example.com is taken .*sudo -u zensync zensync sync 00u4`, text)
	assert.Regexp(t, `1 reconcile done just now .* 0 users`, text)
	assert.Regexp(t, `sudo -u zensync zensync verify --head \d+:[0-9a-f]{64}|zensync 1.2.3`, text)
}

func TestStatusPageShowsTheFirstOfMany(t *testing.T) {
	f := setup(t)
	f.deployed()
	f.do(func(tx *store.Tx) error {
		for i := range 3 * listedMost {
			if err := tx.AddHold(store.Promise{OktaID: fmt.Sprintf("00uheld%d", i), Origin: store.FromHook}, store.ActDeactivate, "too many"); err != nil {
				return err
			}
		}
		return nil
	})
	text := f.reads()
	assert.Contains(t, text, fmt.Sprintf("Held until you decide %d", 3*listedMost+1))
	assert.Equal(t, listedMost, strings.Count(text, "zensync approve ")-1, "the one besides is in the words above")
	assert.Contains(t, text, fmt.Sprintf("The first %d are shown. All of them: sudo -u zensync zensync report held", listedMost))
}

func TestStatusPageShowsHostileNamesAsText(t *testing.T) {
	hostile := []string{`<script>alert(1)</script>`, `"><img src=//evil.example/x onerror=alert(1)>`, `</code></td><svg/onload=alert(1)>`, "javascript:alert(1)", "back\u202etick`"}
	f := setup(t)
	f.deployed()
	f.do(func(tx *store.Tx) error {
		for i, name := range hostile {
			id := fmt.Sprintf("00uhostile%d", i)
			if _, err := tx.PutPerson(store.Person{OktaID: id, Status: "ACTIVE", Login: name, FirstName: name, LastName: name}); err != nil {
				return err
			}
			if err := tx.AddHold(store.Promise{OktaID: id, Origin: store.FromHook}, store.ActDeactivate, name); err != nil {
				return err
			}
			if err := tx.PutSkip(store.Skip{OktaID: "$(reboot)" + name, Code: store.SkipConflict, Reason: name, Login: name, Email: name}); err != nil {
				return err
			}
		}
		return nil
	})
	f.set(store.LifeState, "paused", store.LifeBy, hostile[0], store.LifeReason, hostile[1], store.LifeSince, "2026-03-01T12:00:00.000Z",
		store.DrainStopped, "zenqms: "+hostile[2], store.BoundOkta, "https://"+hostile[1], store.BoundZenQMS, hostile[0])
	_, body := f.get("/")
	for _, mark := range []string{"<script", "<img src=//", "<svg", "\u202e", `href="javascript`} {
		assert.NotContains(t, strings.ToLower(body), mark)
	}
	assert.Contains(t, body, "&lt;script&gt;alert(1)&lt;/script&gt;", "they are shown")
	assert.NotContains(t, body, "sync $(reboot)", "what is to be typed holds nothing for a shell")
	f.page.Show(Subject{Explain: func(_ context.Context, who string) (Explained, error) { return Explained{}, errors.New(who) }})
	_, body = f.get("/explain?user=" + "%3Cscript%3Ealert(1)%3C/script%3E")
	assert.NotContains(t, body, "<script")
	assert.Contains(t, body, "&lt;script&gt;")
}

func TestStatusPageHasChartsInWordsAsWell(t *testing.T) {
	f := setup(t)
	f.deployed()
	_, body := f.get("/")
	text := plain(body)
	for _, name := range []string{chartEvents, chartLatency, chartLeavers, chartLinks} {
		for _, look := range []string{"light-wide", "dark-wide", "light-narrow", "dark-narrow"} {
			assert.Contains(t, body, "/chart/"+name+"-"+look+".svg")
			status, svg := f.get("/chart/" + name + "-" + look + ".svg")
			assert.Equal(t, http.StatusOK, status)
			assert.True(t, strings.HasPrefix(svg, "<svg "), "%s %s: %.100s", name, look, svg)
			assert.NotContains(t, svg, "NaN", "%s %s", name, look)
		}
	}
	assert.Equal(t, 4, strings.Count(body, `alt="`))
	assert.NotContains(t, body, `alt=""`)
	for _, words := range []string{"3 events reached the relay in the last 48 hours", "No event was done in the last 14 days.",
		"Besides: 1 held by the brake.", "1 link between Okta and ZenQMS"} {
		assert.Contains(t, text, words)
	}
}

func TestStatusPageWithoutAStore(t *testing.T) {
	f := setup(t)
	f.page.sheet.read = func(context.Context) *sheet { return &sheet{err: errors.New("disk I/O error <b>")} }
	status, body := f.get("/")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, body, "The database does not answer.")
	assert.Contains(t, body, "disk I/O error &lt;b&gt;")
	assert.Contains(t, body, "sudo -u zensync zensync doctor")
}

// TestStatusPageIsCheapHoweverOftenItIsAskedFor: readings serve for a while, and
// the longer the more they cost.
func TestStatusPageIsCheapHoweverOftenItIsAskedFor(t *testing.T) {
	f := setup(t)
	f.deployed()
	readings := 0
	read := f.page.album.read
	f.page.album.read = func(ctx context.Context) *album { readings++; return read(ctx) }
	f.stale()
	for range 20 {
		f.page.album.look()
	}
	assert.Equal(t, 1, readings)
	assert.Equal(t, timesItTook*5*time.Second, f.page.album.fresh(5*time.Second))
	assert.Equal(t, drawnEvery, f.page.album.fresh(time.Millisecond))
	assert.Equal(t, sheetEvery, f.page.sheet.fresh(0))
}

func TestStatusPageTellsWhenAChartCannotBeRead(t *testing.T) {
	f := setup(t)
	f.deployed()
	f.page.album.read = func(ctx context.Context) *album {
		ctx, cancel := context.WithCancel(ctx)
		cancel() // as if the time were over
		return f.page.readAlbum(ctx)
	}
	text := f.reads()
	assert.Equal(t, 4, strings.Count(text, "It could not be read in time, and is tried again"))
	assert.Contains(t, text, "(counts are not known yet)")
	status, _ := f.get("/chart/events-light-wide.svg")
	assert.Equal(t, http.StatusNotFound, status)
}

// TestStatusPageLatencyGoesBackAsFarAsThereAreNotTooManyEvents keeps a page
// load cheap for an org with some hundred thousand events a day.
func TestStatusPageLatencyGoesBackAsFarAsThereAreNotTooManyEvents(t *testing.T) {
	f := setup(t)
	now := time.Date(2026, 3, 14, 12, 30, 0, 0, time.UTC)
	a := &album{made: now}
	for i := range 5 {
		a.hours = append(a.hours, hourly{now.Truncate(time.Hour).Add(-time.Duration(i) * time.Hour), timedMost / 3})
	}
	require.NoError(t, f.db.View(t.Context(), a.readLatency))
	assert.Equal(t, now.Truncate(time.Hour).Add(-2*time.Hour), a.timed)
	a.hours = a.hours[:2]
	require.NoError(t, f.db.View(t.Context(), a.readLatency))
	assert.Equal(t, now.Add(-days*day), a.timed)
}
