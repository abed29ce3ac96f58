package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/coreos/go-systemd/v22/journal"
)

// ErrNoJournal says that there is no journal on this host.
var ErrNoJournal = errors.New("there is no systemd journal here")

// LogsToJournal tells whether the journal takes what this process writes to
// stderr (JOURNAL_STREAM, systemd.exec(5)).
func LogsToJournal() bool {
	is, err := journal.StderrIsJournalStream()
	return err == nil && is
}

// Journal is a log that writes to the journal: the message with its attributes
// as text, as journalctl shows it, and each attribute as a field besides, its
// name in capitals (`journalctl RUN=12`). What the journal does not take goes
// to fallback, a line each with its priority before it.
func Journal(level slog.Leveler, fallback io.Writer) (slog.Handler, error) {
	if !journal.Enabled() {
		return nil, ErrNoJournal
	}
	return &journalHandler{level: level, fallback: fallback, send: journal.Send}, nil
}

type journalHandler struct {
	level    slog.Leveler
	fallback io.Writer
	send     func(message string, priority journal.Priority, fields map[string]string) error
	prefix   string // of keys: the names of the open groups
	pairs    []pair
}

// pair is an attribute as text; the key of one in groups has dots.
type pair struct{ key, value string }

func (h *journalHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.pairs = slices.Clone(h.pairs)
	for _, a := range attrs {
		with.pairs = appendPairs(with.pairs, h.prefix, a)
	}
	return &with
}

func (h *journalHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.prefix += name + "."
	return &with
}

func (h *journalHandler) Handle(_ context.Context, r slog.Record) error {
	pairs := slices.Clone(h.pairs)
	r.Attrs(func(a slog.Attr) bool {
		pairs = appendPairs(pairs, h.prefix, a)
		return true
	})
	message := r.Message
	fields := map[string]string{"SYSLOG_IDENTIFIER": "zensync"}
	for _, p := range pairs {
		message += " " + p.key + "=" + quoted(p.value)
		fields[fieldName(p.key)] = p.value
	}
	priority := priorityOf(r.Level)
	if err := h.send(message, priority, fields); err != nil {
		_, err = fmt.Fprintf(h.fallback, "<%d>%s\n", priority, message)
		return err
	}
	return nil
}

// appendPairs adds an attribute, a group as the attributes in it.
func appendPairs(pairs []pair, prefix string, a slog.Attr) []pair {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range value.Group() {
			pairs = appendPairs(pairs, prefix, inner)
		}
		return pairs
	}
	if a.Key == "" {
		return pairs
	}
	text := value.String()
	if value.Kind() == slog.KindTime {
		text = value.Time().Format(time.RFC3339Nano)
	}
	return append(pairs, pair{prefix + a.Key, text})
}

// quoted is a value as one word of a line.
func quoted(value string) string {
	odd := func(c rune) bool { return c <= ' ' || c == '"' || c == '=' || !unicode.IsPrint(c) }
	if value == "" || strings.ContainsFunc(value, odd) {
		return strconv.Quote(value)
	}
	return value
}

// taken are fields with a meaning of their own (systemd.journal-fields(7)).
var taken = []string{"MESSAGE", "MESSAGE_ID", "PRIORITY", "ERRNO", "UNIT", "USER_UNIT", "SYSLOG_IDENTIFIER"}

// fieldName makes a key a name that the journal takes: capitals, digits and
// underscores, neither of the latter two in front.
func fieldName(key string) string {
	name := strings.Map(func(c rune) rune {
		switch c = unicode.ToUpper(c); {
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			return c
		}
		return '_'
	}, key)
	name = strings.TrimLeft(name, "_")
	if name == "" || name[0] <= '9' || slices.Contains(taken, name) {
		name = "ZENSYNC_" + name
	}
	return name
}

func priorityOf(level slog.Level) journal.Priority {
	switch {
	case level >= slog.LevelError:
		return journal.PriErr
	case level >= slog.LevelWarn:
		return journal.PriWarning
	case level >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}
