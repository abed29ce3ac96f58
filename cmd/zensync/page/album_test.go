package page

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/zensync/zensync/store"
)

// TestStatusPageDoesNotWaitForCharts: those of a large database take their time
// the first time, and nobody is to wait for them who wants to know how it stands.
func TestStatusPageDoesNotWaitForCharts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		f.deployed()
		f.up()
		f.page.album.patience = f.page.newAlbum().patience
		read := f.page.album.read
		drawn := make(chan struct{})
		f.page.album.last, f.page.album.read = nil, func(ctx context.Context) *album {
			<-drawn
			return read(ctx)
		}
		began := time.Now()
		text := f.reads()
		assert.Equal(t, drawWithin, time.Since(began))
		assert.Contains(t, text, "1 link", "all else is there")
		assert.Contains(t, text, "(counts are not known yet)")
		assert.NotContains(t, text, "could not be read")
		for _, chart := range []string{chartEvents, chartLatency, chartLeavers, chartLinks} {
			status, _ := f.get("/chart/" + chart + "-light-wide.svg")
			assert.Equal(t, http.StatusNotFound, status)
		}
		assert.Contains(t, text, "It is being read, which takes its time where the database is large: look again in a while.")
		close(drawn)
		synctest.Wait()
		assert.Contains(t, f.reads(), "3 events reached the relay")
		f.page.album.read = func(ctx context.Context) *album {
			<-ctx.Done()
			return read(ctx)
		}
		assert.Contains(t, f.reads(), "3 events reached the relay", "the charts before are shown")
		time.Sleep(albumParts * readWithin)
		synctest.Wait()
	})
}

// TestStatusPageDoesNotWaitForTheNumberOfLinks, nor do health and metrics.
func TestStatusPageDoesNotWaitForTheNumberOfLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		f.deployed()
		f.up()
		f.page.tally.patience = f.page.newTally().patience
		read := f.page.tally.read
		counted := make(chan struct{})
		f.page.tally.last, f.page.tally.read = nil, func(ctx context.Context) *tally {
			<-counted
			return read(ctx)
		}
		began := time.Now()
		_, metrics := f.get("/metrics")
		assert.Equal(t, countWithin, time.Since(began))
		assert.True(t, shows(metrics, "zensync_store_up 1"))
		assert.NotContains(t, metrics, "\nzensync_links", "what is not known is absent")
		text := f.reads()
		assert.NotContains(t, text, "links, active")
		assert.Contains(t, text, "Links over time", "which is known by its days")
		close(counted)
		synctest.Wait()
		assert.Contains(t, f.reads(), "1 links, active")
		_, metrics = f.get("/metrics")
		assert.True(t, shows(metrics, `zensync_links{state="active"} 1`))
	})
}

// TestStatusPageShowsAsManyLeaversAsCanBeRead, in time: the latest.
func TestStatusPageShowsAsManyLeaversAsCanBeRead(t *testing.T) {
	f := setup(t)
	left := func(from, to int) {
		f.do(func(tx *store.Tx) error {
			for i := from; i < to; i++ {
				if err := tx.AppendLog(store.LogRow{Origin: "hook", OktaID: fmt.Sprintf("00u%d", i), Action: store.ActDeactivate, Outcome: store.OutcomeOK}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	f.db.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	left(0, 10)
	f.db.Now = time.Now
	assert.Contains(t, f.reads(), "10 people who left in Okta in the last 30 days lost access")
	left(10, 10+clockMost)
	assert.Regexp(t, fmt.Sprintf(`%d people who left in Okta since 2\d{3}-\d\d-\d\d \d\d:\d\d UTC \(of before, there are too many to be shown\) lost access`, clockMost), f.reads())
}

// TestStatusPageLeavesTheCountsOfAVeryLargeRunToTheReport, which may take its time.
func TestStatusPageLeavesTheCountsOfAVeryLargeRunToTheReport(t *testing.T) {
	f := setup(t)
	f.deployed()
	assert.NotContains(t, f.reads(), "it did very much")
	read := f.page.album.read
	f.page.album.read = func(ctx context.Context) *album {
		a := read(ctx)
		a.large[1] = true
		return a
	}
	assert.Contains(t, f.reads(), "0 users; it did very much: sudo -u zensync zensync report runs --run 1")
}
