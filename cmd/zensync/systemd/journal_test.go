package systemd

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// entry is what the journal was given.
type entry struct {
	message  string
	priority journal.Priority
	fields   map[string]string
}

func journalOf(entries *[]entry) *journalHandler {
	return &journalHandler{level: slog.LevelInfo, fallback: io.Discard,
		send: func(message string, priority journal.Priority, fields map[string]string) error {
			*entries = append(*entries, entry{message, priority, fields})
			return nil
		}}
}

type masked struct{}

func (masked) LogValue() slog.Value { return slog.StringValue("***") }

func TestAttributesAreTextAndFields(t *testing.T) {
	var entries []entry
	log := slog.New(journalOf(&entries))
	log.Debug("too small")
	log.With("run", 12).WithGroup("page").With("no", 3).Warn("walk slow",
		"user", "00u1", "error", `said "no" = never`, "took", 2*time.Second, slog.Group("deep", "key", masked{}), slog.Group("", "flat", true))
	log.Info("bare", "message", "m", "priority", 1, "log-seq", 7, "1st", "", "_x", "line\nbreak", "at", time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC))
	log.Error("bad")
	require.Len(t, entries, 3)
	assert.Equal(t, entry{
		`walk slow run=12 page.no=3 page.user=00u1 page.error="said \"no\" = never" page.took=2s page.deep.key=*** page.flat=true`,
		journal.PriWarning, map[string]string{
			"SYSLOG_IDENTIFIER": "zensync", "RUN": "12", "PAGE_NO": "3", "PAGE_USER": "00u1", "PAGE_ERROR": `said "no" = never`,
			"PAGE_TOOK": "2s", "PAGE_DEEP_KEY": "***", "PAGE_FLAT": "true",
		}}, entries[0])
	assert.Equal(t, entry{
		`bare message=m priority=1 log-seq=7 1st="" _x="line\nbreak" at=2026-01-02T03:04:05.000006Z`,
		journal.PriInfo, map[string]string{
			"SYSLOG_IDENTIFIER": "zensync", "ZENSYNC_MESSAGE": "m", "ZENSYNC_PRIORITY": "1", "LOG_SEQ": "7", "ZENSYNC_1ST": "", "X": "line\nbreak",
			"AT": "2026-01-02T03:04:05.000006Z",
		}}, entries[1])
	assert.Equal(t, journal.PriErr, entries[2].priority)
}

func TestWhatTheJournalDoesNotTakeIsNotLost(t *testing.T) {
	stderr := new(strings.Builder)
	h := &journalHandler{level: slog.LevelInfo, fallback: stderr, send: func(string, journal.Priority, map[string]string) error {
		return errors.New("journald restarts")
	}}
	slog.New(h).Warn("a sync did not come through", "user", "00u1")
	assert.Equal(t, "<4>a sync did not come through user=00u1\n", stderr.String())
}

func TestTheJournalIsFoundByWhatStderrIs(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "")
	assert.False(t, LogsToJournal())
	t.Setenv("JOURNAL_STREAM", "1:1")
	assert.False(t, LogsToJournal(), "stderr was redirected since")
	t.Setenv("JOURNAL_STREAM", stream(t, os.Stderr))
	assert.True(t, LogsToJournal())
}

// stream names a file as JOURNAL_STREAM does, by device and inode.
func stream(t *testing.T, f *os.File) string {
	info, err := f.Stat()
	require.NoError(t, err)
	stat, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
