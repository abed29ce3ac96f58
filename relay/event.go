package relay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/zensync/zensync/store"
)

// ErrNoEnvelope says that a body is no event hook delivery at all.
var ErrNoEnvelope = errors.New("not an event hook delivery: it has to be a JSON object with a list data.events")

// maxUUID is the longest uuid kept as it came. Okta's have 36 bytes.
const maxUUID = 200

// logEvent is what matters of an Okta System Log event.
type logEvent struct {
	UUID      string  `json:"uuid"`
	Type      string  `json:"eventType"`
	Published string  `json:"published"`
	Actor     party   `json:"actor"`
	Target    []party `json:"target"`
}

// party is somebody or something an event is about.
type party struct {
	ID          string `json:"id"`
	Type        string `json:"type"`
	AlternateID string `json:"alternateId"`
}

// Parse reads the events of a delivery, in their order, each uuid once. The
// error is ErrNoEnvelope, perhaps with the place, and quotes nothing.
//
// Whatever stands in the list becomes an event: one that cannot be acted upon
// says why in Ignored, so that evidence of it is kept and its neighbours are
// not held up. What is nested too deep to be read counts as null. What an event
// says of its outcome does not matter; it is only a reason to look at the user.
func Parse(body []byte) ([]store.Event, error) {
	list, err := open(body)
	if err != nil {
		return nil, err
	}
	var events []store.Event // grows as it must: a body of 8 MiB can list millions of nothing
	seen := map[string]bool{}
	for _, raw := range list {
		e := parseEvent(raw)
		if !seen[e.UUID] {
			seen[e.UUID] = true
			events = append(events, e)
		}
	}
	return events, nil
}

// open takes the list of events out of a delivery.
func open(body []byte) ([]json.RawMessage, error) {
	list, err := unwrap(body)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		if shallow, cut := cutDeep(body); cut {
			if again, still := unwrap(shallow); !errors.As(still, new(*json.SyntaxError)) {
				list, err = again, still
			}
		}
	}
	switch {
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("%w (no JSON at byte %d of %d)", ErrNoEnvelope, syntax.Offset, len(body))
	case err != nil || list == nil:
		return nil, ErrNoEnvelope
	}
	return list, nil
}

func unwrap(body []byte) ([]json.RawMessage, error) {
	var envelope struct {
		Data struct {
			Events []json.RawMessage `json:"events"`
		} `json:"data"`
	}
	err := json.Unmarshal(body, &envelope)
	return envelope.Data.Events, err
}

// parseEvent reads one element of data.events, which is valid JSON of
// whatever kind.
func parseEvent(raw json.RawMessage) store.Event {
	var in logEvent
	_ = json.Unmarshal(raw, &in) // a field of another type stays empty; the checks below say what is missing then
	users, oddUsers := ids(in.Target, "User")
	groups, _ := ids(in.Target, "UserGroup")
	e := store.Event{
		UUID: uuid(in.UUID, raw), Type: in.Type, Published: published(in.Published),
		Actor: actor(in.Actor), Users: users, Groups: groups,
	}
	switch {
	case !bytes.HasPrefix(raw, []byte("{")):
		e.Ignored = "it is not a JSON object"
	case e.Type == "":
		e.Ignored = "it has no eventType"
	case e.Type == store.GroupDelete && len(groups) > 0:
		// It names a group and nobody; the store knows what to do with it.
	case len(in.Target) == 0:
		e.Ignored = "it has no target"
	case len(users) == 0 && oddUsers:
		e.Ignored = "the id of its user is not one that Okta gives"
	case len(users) == 0:
		e.Ignored = "none of its targets is a user"
	}
	return e
}

// ids are the ids of the targets of one type, in their order, each once. Those
// that are no Okta ids are left out, and odd tells that there were some: where
// a good one stands beside them, it is better looked at than lost with them.
func ids(targets []party, kind string) (good []string, odd bool) {
	seen := map[string]bool{}
	for _, t := range targets {
		switch {
		case t.Type != kind || seen[t.ID]:
		case !isID(t.ID):
			odd = true
		default:
			seen[t.ID] = true
			good = append(good, t.ID)
		}
	}
	return good, odd
}

// isID tells what may stand for a user or a group in a call to Okta: letters
// and digits, but not "me", which means whoever calls.
func isID(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != "" && !strings.EqualFold(s, "me")
}

// uuid is what tells an event from others: Okta's, or a hash of the event
// where it has none, or a hash of the uuid where that is absurdly long.
func uuid(given string, raw json.RawMessage) string {
	switch {
	case given == "":
		var compact bytes.Buffer
		_ = json.Compact(&compact, raw) // raw is valid JSON
		return hash(compact.Bytes())
	case len(given) > maxUUID:
		return hash([]byte(given))
	}
	return given
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// published is the time in s, zero when there is none, or none that fits the
// store's four digits of a year.
func published(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	t = t.UTC()
	if t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// actor is who did it in Okta: the login, or the id of what has no login.
// "unknown" is Okta's word for none.
func actor(p party) string {
	if p.AlternateID != "" && p.AlternateID != "unknown" {
		return p.AlternateID
	}
	return p.ID
}
