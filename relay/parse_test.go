package relay

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// sample reads a real delivery or event.
func sample(t testing.TB, name string) string {
	t.Helper()
	return samples(t, "hooks")[name]
}

// samples reads a folder: hooks has real deliveries and events, odd has a real
// delivery with something wrong.
func samples(t testing.TB, folder string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(filepath.Join("testdata", folder))
	require.NoError(t, err)
	texts := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join("testdata", folder, file.Name()))
		require.NoError(t, err)
		texts[file.Name()] = string(text)
	}
	return texts
}

// envelope puts events into a delivery.
func envelope(events ...string) string {
	return `{"data": {"events": [` + strings.Join(events, ",") + `]}}`
}

// nested is a list in a list in a list, with something at the bottom, or an
// object so with what stands before each.
func nested(levels int, before, bottom string) string {
	opening, closing := "[", "]"
	if before != "" {
		opening, closing = "{"+before, "}"
	}
	return strings.Repeat(opening, levels) + bottom + strings.Repeat(closing, levels)
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return parsed
}

func TestE5_RealEventsAreRead(t *testing.T) {
	want := map[string]store.Event{
		"demisto.group.user_membership.add.event.json": {
			UUID: "5741ef53-d699-11e9-a08c-d549acc8afb2", Type: store.MemberAdd, Published: at(t, "2019-09-14T02:42:49.379Z"),
			Actor: "dorsha@demisto.com", Users: []string{"00ued6gq9jItNhAsN0h7"}, Groups: []string{"00g8mo0l5wuTxmoIC0h7"},
		},
		"mule-test.user.account.update_profile.event.json": {
			UUID: "f5f48b1b-9ba7-464b-ac87-8b046057ce3f", Type: store.UserUpdateProfile, Published: at(t, "2018-11-26T19:23:24.093Z"),
			Actor: "muleuserdev@example.com", Ignored: "it has no target",
		},
		"okta-docs.user.lifecycle.deactivate.event.json": {
			UUID: "ab62c0bc-2837-11eb-9823-9fb8f750c5a9", Type: store.UserDeactivate, Published: at(t, "2020-11-16T18:15:12.862Z"),
			Actor: "okta.trainer@okta.com", Users: []string{"00u3m90rxKjGQ0G6L1d6"},
		},
		"rapid7.user.lifecycle.suspend.event.json": {
			UUID: "9de5069c-5afe-602b-2ea0-a04b66beb2c0", Type: store.UserSuspend, Published: at(t, "2023-04-27T07:49:21.764Z"),
			Actor: "user@example.com", Users: []string{"12345"},
		},
		"okta-docs.user.session.start.envelope.json": {
			UUID: "f1d0b993-cc19-11ed-a688-db22c99ef6c4", Type: "user.session.start", Published: at(t, "2023-03-26T21:05:32.159Z"),
			Actor: "admin@okta.com", Ignored: "none of its targets is a user",
		},
		"worldfixture-emulator.user.lifecycle.create.envelope.json": {
			UUID: "c0ff81b2-eec9-4c15-9711-59232624a456", Type: store.UserCreate, Published: at(t, "2026-11-24T20:43:40.399Z"),
			Actor: "admin@example.com", Users: []string{"00u13cd45a88f704f41b"},
		},
		"worldfixture-emulator.user.lifecycle.delete.initiated.envelope.json": {
			UUID: "307de3af-c5b9-4b3d-848a-b52db6846253", Type: store.UserDeleteInitiated, Published: at(t, "2026-11-24T20:43:40.569Z"),
			Actor: "admin@example.com", Users: []string{"00u13cd45a88f704f41b"},
		},
	}
	texts := samples(t, "hooks")
	assert.Len(t, texts, len(want), "every sample is expected to be something")
	for name, body := range texts {
		t.Run(name, func(t *testing.T) {
			if strings.HasSuffix(name, ".event.json") {
				_, err := Parse([]byte(body))
				require.ErrorIs(t, err, ErrNoEnvelope, "a bare event is no delivery")
				body = envelope(body)
			}
			events, err := Parse([]byte(body))
			require.NoError(t, err)
			assert.Equal(t, []store.Event{want[name]}, events)
		})
	}
}

func TestE5_RealEventWithSomethingOddIsRead(t *testing.T) {
	plain := store.Event{
		UUID: "c0ff81b2-eec9-4c15-9711-59232624a456", Type: store.UserCreate, Published: at(t, "2026-11-24T20:43:40.399Z"),
		Actor: "admin@example.com", Users: []string{"00u13cd45a88f704f41b"},
	}
	without := func(change func(*store.Event)) store.Event {
		e := plain
		change(&e)
		return e
	}
	want := map[string]store.Event{
		"broken-utf8.json":  plain,
		"deep.json":         plain,
		"huge-numbers.json": plain,
		"null-target.json":  without(func(e *store.Event) { e.Users, e.Ignored = nil, "it has no target" }),
		"missing-fields.json": { // jq -cj '.data.events[0]' | sha256sum
			UUID: "sha256:bff116c3a4a1cba3c6cb82ecdd10228b78fbd67f1413b3b8645e79b38bbf6580", Type: store.UserCreate, Users: plain.Users,
		},
		"several-targets.json": without(func(e *store.Event) {
			e.Type, e.Groups = store.MemberAdd, []string{"00g8mo0l5wuTxmoIC0h7"}
			e.Users = []string{"00u13cd45a88f704f41b", "00u3m90rxKjGQ0G6L1d6"}
		}),
		"unknown-type.json": without(func(e *store.Event) { e.Type = "user.lifecycle.teleport" }), // for the store to ignore
	}
	texts := samples(t, "odd")
	assert.Len(t, texts, len(want), "every sample is expected to be something")
	for name, body := range texts {
		events, err := Parse([]byte(body))
		require.NoError(t, err, name)
		assert.Equal(t, []store.Event{want[name]}, events, name)
	}
}

func TestE5_OnlyNoEnvelopeIsRefused(t *testing.T) {
	for name, body := range map[string]string{
		"empty":             ``,
		"no JSON":           `events=1`,
		"cut off":           `{"data": {"events": [{"uuid": "1"`,
		"two documents":     envelope() + envelope(),
		"null":              `null`,
		"a list":            `[{"uuid": "1"}]`,
		"a text":            `"data"`,
		"no data":           `{"eventType": "com.okta.event_hook"}`,
		"data is null":      `{"data": null}`,
		"data is a list":    `{"data": []}`,
		"no events":         `{"data": {}}`,
		"events are null":   `{"data": {"events": null}}`,
		"events an object":  `{"data": {"events": {"uuid": "1"}}}`,
		"nothing but depth": nested(10001, "", ""),
		"too deep to end":   `{"data": {"events": [` + strings.Repeat("[", 10001),
		"deep and wrong":    `{"data": {"events": [` + nested(10001, "", "") + `, nothing]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(body))
			assert.ErrorIs(t, err, ErrNoEnvelope)
		})
	}
	events, err := Parse([]byte(envelope()))
	require.NoError(t, err, "an empty list is a list")
	assert.Empty(t, events)
}

func TestE5_OddEventIsKeptWithItsReason(t *testing.T) {
	const user = `{"type": "User", "id": "00u1"}`
	for name, tc := range map[string]struct {
		event   string
		ignored string
		users   []string
	}{
		"null":                 {`null`, "it is not a JSON object", nil},
		"a number":             {`17`, "it is not a JSON object", nil},
		"a list":               {`[{"uuid": "u"}]`, "it is not a JSON object", nil},
		"a text":               {`"user.lifecycle.create"`, "it is not a JSON object", nil},
		"empty":                {`{}`, "it has no eventType", nil},
		"no type":              {`{"uuid": "u", "target": [` + user + `]}`, "it has no eventType", []string{"00u1"}},
		"type null":            {`{"uuid": "u", "eventType": null, "target": [` + user + `]}`, "it has no eventType", []string{"00u1"}},
		"type a number":        {`{"uuid": "u", "eventType": 5, "target": [` + user + `]}`, "it has no eventType", []string{"00u1"}},
		"no target":            {`{"uuid": "u", "eventType": "user.lifecycle.create"}`, "it has no target", nil},
		"target null":          {`{"uuid": "u", "eventType": "user.lifecycle.create", "target": null}`, "it has no target", nil},
		"target empty":         {`{"uuid": "u", "eventType": "user.lifecycle.create", "target": []}`, "it has no target", nil},
		"target an object":     {`{"uuid": "u", "eventType": "user.lifecycle.create", "target": ` + user + `}`, "it has no target", nil},
		"target nobody":        {`{"uuid": "u", "eventType": "user.lifecycle.create", "target": [null, 1, {"type": null}]}`, "none of its targets is a user", nil},
		"target a group":       {`{"uuid": "u", "eventType": "group.user_membership.add", "target": [{"type": "UserGroup", "id": "00g1"}]}`, "none of its targets is a user", nil},
		"user without id":      {`{"uuid": "u", "eventType": "user.lifecycle.create", "target": [{"type": "User", "id": null}]}`, "the id of its user is not one that Okta gives", nil},
		"group deleted":        {`{"uuid": "u", "eventType": "group.lifecycle.delete", "target": [{"type": "UserGroup", "id": "00g1"}]}`, "", nil},
		"no group deleted":     {`{"uuid": "u", "eventType": "group.lifecycle.delete", "target": [{"type": "UserGroup", "id": "../x"}]}`, "none of its targets is a user", nil},
		"nulls and odd fields": {`{"uuid": 7, "published": [], "actor": 3, "outcome": null, "eventType": "user.lifecycle.create", "target": [` + user + `]}`, "", []string{"00u1"}},
		"outcome FAILURE":      {`{"uuid": "u", "outcome": {"result": "FAILURE"}, "eventType": "user.lifecycle.create", "target": [` + user + `]}`, "", []string{"00u1"}},
	} {
		t.Run(name, func(t *testing.T) {
			const good = `{"uuid": "good", "eventType": "user.lifecycle.create", "target": [` + user + `]}`
			events, err := Parse([]byte(envelope(tc.event, good)))
			require.NoError(t, err)
			require.Len(t, events, 2, "both are kept")
			assert.Equal(t, tc.ignored, events[0].Ignored)
			assert.Equal(t, tc.users, events[0].Users)
			assert.NotEmpty(t, events[0].UUID)
			assert.Equal(t, store.Event{UUID: "good", Type: store.UserCreate, Users: []string{"00u1"}}, events[1])
		})
	}
}

func TestE2_OnlyIDsOfOktasFormAreTaken(t *testing.T) {
	for _, id := range []string{"", "me", "ME", "jane@example.com", "../groups", "00u 1", "00u-1", "00u%2f", "00ü1", "00u1\u0000", "00u1/lifecycle/deactivate"} {
		t.Run(id, func(t *testing.T) {
			quoted, err := json.Marshal(id)
			require.NoError(t, err)
			odd := `{"type": "User", "id": ` + string(quoted) + `}`

			events, err := Parse([]byte(envelope(`{"uuid": "u", "eventType": "user.lifecycle.create", "target": [` + odd + `]}`)))
			require.NoError(t, err)
			assert.Empty(t, events[0].Users)
			assert.Equal(t, "the id of its user is not one that Okta gives", events[0].Ignored)

			events, err = Parse([]byte(envelope(`{"uuid": "u", "eventType": "user.lifecycle.create", "target": [` + odd + `, {"type": "User", "id": "00u1"}]}`)))
			require.NoError(t, err)
			assert.Equal(t, []string{"00u1"}, events[0].Users, "the good one is not lost with the odd one")
			assert.Empty(t, events[0].Ignored)
		})
	}
}

func TestE2_TargetsAreChosenByType(t *testing.T) {
	events, err := Parse([]byte(envelope(`{"uuid": "u", "eventType": "group.user_membership.add", "target": [
		{"type": "AppInstance", "id": "0oa1"}, {"type": "UserGroup", "id": "00g2"}, {"type": "User", "id": "00u2"}, null,
		{"type": "User", "id": "00u1"}, {"type": "UserGroup", "id": "00g1"}, {"type": "User", "id": "00u2"},
		{"type": "UserGroup", "id": "00g2"}, {"type": "UserGroup", "id": "a/b"}, {"type": "user", "id": "00u3"}]}`)))
	require.NoError(t, err)
	assert.Equal(t, []string{"00u2", "00u1"}, events[0].Users)
	assert.Equal(t, []string{"00g2", "00g1"}, events[0].Groups)
}

func TestE2_OneUUIDIsOneEvent(t *testing.T) {
	events, err := Parse([]byte(envelope(
		`{"uuid": "a", "eventType": "x"}`, `{"uuid": "b", "eventType": "x"}`, `{"uuid": "a", "eventType": "x"}`)))
	require.NoError(t, err)
	require.Len(t, events, 2)
	assert.Equal(t, "a", events[0].UUID)
	assert.Equal(t, "b", events[1].UUID)
}

func TestE5_EventWithoutUUIDGetsAHashOfItsContent(t *testing.T) {
	hashOf := func(event string) string {
		events, err := Parse([]byte(envelope(event)))
		require.NoError(t, err)
		require.Len(t, events, 1)
		return events[0].UUID
	}
	first := hashOf(`{"eventType": "user.lifecycle.create", "target": null}`)
	// printf '%s' '{"eventType":"user.lifecycle.create","target":null}' | sha256sum
	assert.Equal(t, "sha256:2bfaefe6ca59986f4021a60e4047381b012a1ce840da9a54de92b6640e63cf26", first)
	assert.Equal(t, first, hashOf("{\n  \"eventType\":\t\"user.lifecycle.create\",\"target\":null }"), "layout is no content")
	assert.NotEqual(t, first, hashOf(`{"eventType": "user.lifecycle.activate", "target": null}`))
	assert.NotEqual(t, hashOf(`1`), hashOf(`2`))

	long := strings.Repeat("u", maxUUID)
	assert.Equal(t, long, hashOf(`{"uuid": "`+long+`"}`))
	longer := hashOf(`{"uuid": "` + long + `u", "eventType": "x"}`)
	assert.Regexp(t, `^sha256:[0-9a-f]{64}$`, longer)
	assert.Equal(t, longer, hashOf(`{"uuid": "`+long+`u", "eventType": "y"}`), "it is still the uuid that tells events apart")
}

func TestE5_TimeThatCannotBeReadIsNone(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2023-03-26T21:05:32.159Z":      time.Date(2023, 3, 26, 21, 5, 32, 159e6, time.UTC),
		"2023-03-26T23:05:32+02:00":     time.Date(2023, 3, 26, 21, 5, 32, 0, time.UTC),
		"":                              {},
		"yesterday":                     {},
		"2023-03-26 21:05:32":           {},
		"1679864732":                    {},
		"0000-01-01T00:00:00+14:00":     {}, // a year before 0 has no place in the store's form
		"9999-12-31T23:59:59.999-14:00": {}, // nor has the year 10000
	} {
		events, err := Parse([]byte(envelope(`{"uuid": "u", "published": "` + text + `"}`)))
		require.NoError(t, err)
		assert.Equal(t, want, events[0].Published, text)
	}
}

func TestE5_ActorIsTheLoginOrElseTheID(t *testing.T) {
	for actor, want := range map[string]string{
		`{"id": "00u1", "alternateId": "ann@example.com"}`: "ann@example.com",
		`{"id": "00u1", "alternateId": null}`:              "00u1",
		`{"id": "00u1", "alternateId": ""}`:                "00u1",
		`{"id": "0oa1", "alternateId": "unknown"}`:         "0oa1",
		`{"id": null}`: "",
		`null`:         "",
	} {
		events, err := Parse([]byte(envelope(`{"uuid": "u", "actor": ` + actor + `}`)))
		require.NoError(t, err)
		assert.Equal(t, want, events[0].Actor, actor)
	}
}

// An event nested deeper than encoding/json reads takes nobody down with it.
func TestE5_DeepNestingLosesNothingBesideIt(t *testing.T) {
	const target = `"eventType": "user.lifecycle.create", "target": [{"type": "User", "id": "00u2"}]`
	good := store.Event{UUID: "good", Type: store.UserCreate, Users: []string{"00u1"}}
	for _, levels := range []int{1, maxNesting - 4, maxNesting, 9_990, 9_997, 10_000, 10_001, 100_000} {
		for name, tc := range map[string]struct {
			odd  string
			want store.Event
		}{
			"a field":       {`{"uuid": "u", "debugContext": ` + nested(levels, `"a": `, `"]}\\\"[{"`) + `, ` + target + `}`, store.Event{UUID: "u", Type: store.UserCreate, Users: []string{"00u2"}}},
			"a target":      {`{"uuid": "u", "eventType": "user.lifecycle.create", "target": ` + nested(levels, "", "{}") + `}`, store.Event{UUID: "u", Type: store.UserCreate, Ignored: "none of its targets is a user"}},
			"nothing else":  {nested(levels, "", ""), store.Event{Ignored: "it is not a JSON object"}},
			"two and texts": {`{"uuid": "u", "a": ` + nested(levels, "", `"[[[`+"`"+`"`) + `, "b": "\\", "c": ` + nested(levels, "", "1") + `, ` + target + `}`, store.Event{UUID: "u", Type: store.UserCreate, Users: []string{"00u2"}}},
		} {
			events, err := Parse([]byte(envelope(event("good", "00u1"), tc.odd, event("later", "00u3"))))
			require.NoError(t, err, "%s, %d deep", name, levels)
			require.Len(t, events, 3)
			assert.Equal(t, good, events[0])
			assert.Equal(t, []string{"00u3"}, events[2].Users)
			if tc.want.UUID == "" {
				tc.want.UUID = events[1].UUID
			}
			assert.Equal(t, tc.want, events[1], "%s, %d deep", name, levels)
		}
	}
}

// Of brackets alone not much is made.
func TestE5_HostileBodiesCostLittle(t *testing.T) {
	brackets := maxBody / 2
	for name, tc := range map[string]struct {
		body   string
		events int
		err    error
	}{
		"opening":            {strings.Repeat("[", maxBody), 0, ErrNoEnvelope},
		"objects":            {strings.Repeat(`{"a":`, maxBody/5), 0, ErrNoEnvelope},
		"balanced":           {nested(brackets, "", ""), 0, ErrNoEnvelope},
		"closing":            {strings.Repeat("]", maxBody), 0, ErrNoEnvelope},
		"in an envelope":     {envelope(nested(brackets-100, "", "")), 1, nil},
		"opened in an event": {`{"data": {"events": [{"uuid": ` + strings.Repeat("[", maxBody-100), 0, ErrNoEnvelope},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			body := []byte(tc.body)
			require.LessOrEqual(t, len(body), maxBody)
			runtime.ReadMemStats(&before)
			began := time.Now()
			events, err := Parse(body)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			assert.ErrorIs(t, err, tc.err)
			assert.Len(t, events, tc.events)
			t.Logf("%v, %d MiB", took, (after.TotalAlloc-before.TotalAlloc)>>20)
			if tc.err != nil {
				assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20), "refused without building much")
			}
			assert.Less(t, took, answerWithin)
		})
	}
}

// FuzzParse holds what the store and the worker rely on, whatever comes in.
func FuzzParse(f *testing.F) {
	for _, folder := range []string{"hooks", "odd"} {
		for _, text := range samples(f, folder) {
			f.Add([]byte(text))
			f.Add([]byte(envelope(text)))
		}
	}
	f.Add([]byte(envelope(event("a", "00u1"), nested(10_001, "", ""))))
	f.Add([]byte(envelope(`null`, `1`, `{}`, `{"target": [null]}`, `{"uuid": "\u0000", "published": "9999-12-31T23:59:59-23:59"}`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := Parse(body)
		if err != nil {
			assert.ErrorIs(t, err, ErrNoEnvelope)
			assert.Nil(t, events)
			return
		}
		seen := map[string]bool{}
		for _, e := range events {
			assert.NotEmpty(t, e.UUID)
			assert.LessOrEqual(t, len(e.UUID), maxUUID)
			assert.False(t, seen[e.UUID], "each uuid once")
			seen[e.UUID] = true
			if !e.Published.IsZero() {
				assert.Len(t, store.FormatTime(e.Published), len("2006-01-02T15:04:05.000Z"))
			}
			for _, id := range append(e.Users, e.Groups...) {
				assert.Regexp(t, `^[A-Za-z0-9]+$`, id)
			}
			if e.Ignored == "" {
				assert.NotEmpty(t, e.Type)
				assert.NotEmpty(t, append(e.Users, e.Groups...))
			}
		}
	})
}
