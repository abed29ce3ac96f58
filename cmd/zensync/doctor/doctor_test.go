package doctor

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/cmd/zensync/notify"
)

// Scripts of package main try the checks with both fakes. Here is what they do
// not reach.

func TestChecksNeedWhatComesBeforeThem(t *testing.T) {
	var before []string
	for _, c := range checks() {
		assert.NotContains(t, before, c.name)
		for _, need := range c.needs {
			assert.Contains(t, before, need, "%s needs it", c.name)
		}
		before = append(before, c.name)
	}
}

func TestWithoutAConfigurationAllElseIsSkipped(t *testing.T) {
	findings, err := Examine(t.Context(), func() (*Installation, error) { return nil, errors.New("there is none") })
	require.NoError(t, err)
	require.Len(t, findings, len(checks()))
	assert.Equal(t, Finding{"config", Failed, "there is none", "correct the configuration, and try it with `zensync config check`"}, findings[0])
	for _, f := range findings[1:] {
		assert.Equal(t, Finding{Check: f.Check, Result: Skipped, Seen: "it needs config, which failed"}, f)
	}
	assert.Equal(t, 1, Failures(findings))
}

func TestExamine_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Examine(ctx, func() (*Installation, error) { return nil, errors.New("there is none") })
	assert.ErrorIs(t, err, context.Canceled)
}

func TestResultOfACheckIsItsWorst(t *testing.T) {
	for _, c := range []struct {
		found []Finding
		want  Result
	}{
		{nil, OK},
		{[]Finding{ok("")}, OK},
		{[]Finding{skipped("")}, Skipped},
		{[]Finding{ok(""), skipped("")}, OK},
		{[]Finding{warning("", ""), ok("")}, Warning},
		{[]Finding{ok(""), failed("", ""), warning("", "")}, Failed},
		{[]Finding{failed("", ""), skipped("")}, Failed},
	} {
		v := &visit{results: map[string]Result{}}
		v.note(check{name: "x"}, c.found...)
		assert.Equal(t, c.want, v.results["x"], c.found)
	}
}

func TestNameless(t *testing.T) {
	for text, want := range map[string]string{
		"address ann@example.com is taken":            "address [address] is taken",
		`"Ann.Lee+x@example.com" (o'neil@exämple.ie)`: `"[address]" ([address])`,
		"run `zensync deploy` @every 6h":              "run `zensync deploy` @every 6h",
		"two\n\tlines":                                "two lines",
		"smtp://me:pass@mail.example.com":             "smtp://me:[address]",
	} {
		assert.Equal(t, want, nameless(text))
	}
}

func TestJudgeDisk(t *testing.T) {
	roomy := notify.Disk{Free: 50 << 30, Total: 100 << 30}
	for _, c := range []struct {
		kind int64
		disk notify.Disk
		want Result
	}{
		{0xef53, roomy, OK}, // ext4
		{0x58465342, roomy, OK},
		{0x6969, roomy, Failed},
		{0xff534d42, roomy, Failed},
		{-0xacb2be, roomy, Failed}, // SMB, on a machine whose numbers have 32 bits
		{0x65735546, roomy, Warning},
		{0xef53, notify.Disk{Free: 100 << 20, Total: 100 << 30}, Failed},
		{0xef53, notify.Disk{Free: 100 << 20, Total: 200 << 20}, OK},
	} {
		f := judgeDisk("/var/lib/zensync", c.kind, c.disk)
		assert.Equal(t, c.want, f.Result, "%x: %v", c.kind, f)
		assert.Equal(t, c.want == OK, f.Remedy == "")
	}
}

// answer is a server that says what time it is, and takes its time.
type answer struct {
	date  string
	took  time.Duration
	clock *time.Time
}

func (a answer) RoundTrip(*http.Request) (*http.Response, error) {
	*a.clock = a.clock.Add(a.took)
	return &http.Response{Header: http.Header{"Date": {a.date}}, Body: http.NoBody}, nil
}

func TestClock(t *testing.T) {
	start := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		ahead []time.Duration // of the server, for each answer
		took  []time.Duration
		want  Result
		off   string
	}{
		"none":                      {nil, nil, Skipped, ""},
		"in step":                   {[]time.Duration{0}, []time.Duration{time.Second}, OK, ""},
		"a little off":              {[]time.Duration{20 * time.Second}, []time.Duration{0}, OK, ""},
		"behind":                    {[]time.Duration{time.Minute}, []time.Duration{0}, Warning, "this host's clock is about 1m0s behind"},
		"ahead":                     {[]time.Duration{-10 * time.Minute}, []time.Duration{0}, Failed, "this host's clock is about 10m0s ahead of"},
		"too slow to tell":          {[]time.Duration{40 * time.Second}, []time.Duration{time.Minute}, OK, ""},
		"the quickest answer tells": {[]time.Duration{40 * time.Second, 0}, []time.Duration{20 * time.Second, 0}, OK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			now := start
			k := &clock{now: func() time.Time { return now }}
			for i, ahead := range c.ahead {
				k.base = answer{now.Add(c.took[i]/2 + ahead).Format(http.TimeFormat), c.took[i], &now}
				_, err := k.RoundTrip(nil)
				require.NoError(t, err)
			}
			f := k.finding("Okta")
			assert.Equal(t, c.want, f.Result, f)
			assert.Equal(t, c.off, k.off())
		})
	}
}

func TestClock_OfAnAnswerWithoutADate(t *testing.T) {
	now := time.Now()
	k := &clock{now: func() time.Time { return now }, base: answer{"", 0, &now}}
	resp, err := k.RoundTrip(nil)
	require.NoError(t, err)
	require.NotNil(t, resp)
	assert.Equal(t, Skipped, k.finding("Okta").Result)
}

func TestSecretChecksAreOfEverySecret(t *testing.T) {
	var keys []string
	for _, kind := range secretKinds {
		keys = append(keys, kind.keys...)
	}
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(keys))), 8, "as many as package config has files")
}
