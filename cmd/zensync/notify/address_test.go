package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secret stands wherever an address can hold one.
const secret = "S3CR3Tpassw0rd"

// receiver is a webhook that keeps what it gets.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	last   *http.Request
	status int // what it answers; 0: 200
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.status != 0 {
			w.WriteHeader(r.status)
			_, _ = io.WriteString(w, q.URL.String())
			return
		}
		r.bodies, r.last = append(r.bodies, string(body)), q
	}))
	t.Cleanup(r.Close)
	return r
}

// fail makes it answer with a status, and quote what it was asked; 0 mends it.
func (r *receiver) fail(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// got returns the messages since the last call.
func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.bodies
	r.bodies = nil
	return all
}

// address is the receiver as notify.urls names it.
func (r *receiver) address(query string) string {
	return "generic+" + r.URL + "/" + secret + "?" + query
}

func TestCheck(t *testing.T) {
	for address, want := range map[string]string{
		"smtp://bot:" + secret + "@mail.example.com:587/?from=z@example.com&to=qa@example.com&requirestarttls=yes": "",
		"slack://hook:WNA3PBYV6-F20DUQND3RQ-Webc4MAvoacrpPakR8phF0zi@webhook":                                      "",
		"slack://xoxb:123456789012-1234567890123-4mt0t4l1YL3g1T5L4cK70k3N@C001CH4NN3L":                             "",
		"generic+https://alerts.example.com/" + secret + "?template=json":                                          "",
		"generic://alerts.example.com/" + secret:                                                                   "",
		"generic+http://127.0.0.1:9093/alerts":                                                                     "",
		"generic://localhost:9093/alerts?disabletls=yes":                                                           "",
		"matrix://user:" + secret + "@matrix.example.com/":                                                         "",
		"teams+https://contoso.webhook.office.com/webhookb2/11111111-4444-4444-8444-cccccccccccc@22222222-4444-4444-8444-cccccccccccc/IncomingWebhook/33333333012222222222333333333344/44444444-4444-4444-8444-cccccccccccc/V2ESyij_gAljSoUQHvZoZYzlpAoAXExyOl26dlf1xHEx05": "",

		secret:                                   "is not an absolute URL",
		"https://x y/" + secret:                  "is not an absolute URL",
		"https://chat.example.com/" + secret:     "names no service: for a webhook write generic+https://",
		"mailto:qa@example.com":                  "names no server",
		"logger://":                              "tells nobody",
		"slakc://" + secret + "@webhook":         "is of no known service: there are bark, discord",
		"slack://" + secret + "@webhook":         "token",
		"smtp://bot:" + secret + "@example.com/": "fromAddress missing",
		"smtp+https://bot:" + secret + "@example.com/?from=a@example.com&to=b@example.com": "is not of a form that smtp has",
		"teams+https://example.com/" + secret:                                              "",
		"generic+http://alerts.example.com/" + secret:                                      "in the clear",
		"generic://alerts.example.com/" + secret + "?disabletls=yes":                       "in the clear",
		"ntfy://bot:" + secret + "@ntfy.example.com/topic?scheme=http":                     "in the clear",
	} {
		t.Run(address, func(t *testing.T) {
			err := Check(address)
			if want == "" && !strings.HasPrefix(address, "teams+https://example.com") {
				assert.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, want)
			assert.NotContains(t, err.Error(), secret)
		})
	}
}

// What the README and the sample configuration give as examples has to work.
func TestTheExamplesAreGood(t *testing.T) {
	seen := 0
	for _, file := range []string{filepath.Join("..", "..", "..", "README.md"), filepath.Join("..", "config", "sample.yaml")} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(`(?m)(?:^|")((?:smtp|slack|teams|generic)[+a-z]*://[^"\s]*)`).FindAllStringSubmatch(string(text), -1) {
			seen++
			assert.NoError(t, Check(match[1]), "%s: %s", file, match[1])
		}
	}
	assert.GreaterOrEqual(t, seen, 7, "this test must see the examples")
}

func TestSend(t *testing.T) {
	message := Message{Title: `zensync: "held"`, Text: "Two \\ lines,\nand ü."}
	for name, test := range map[string]struct {
		query string
		check func(t *testing.T, body string)
	}{
		"plain text, which has no title": {"", func(t *testing.T, body string) {
			assert.Equal(t, message.Title+"\n"+message.Text, body)
		}},
		"JSON": {"template=json", func(t *testing.T, body string) {
			assert.JSONEq(t, `{"title": "zensync: \"held\"", "message": "Two \\ lines,\nand ü."}`, body)
		}},
		"JSON under other keys": {"template=json&titlekey=subject&messagekey=text", func(t *testing.T, body string) {
			assert.JSONEq(t, `{"subject": "zensync: \"held\"", "text": "Two \\ lines,\nand ü."}`, body)
		}},
		"an adaptive card, as Teams' workflows take": {"template=adaptivecard", func(t *testing.T, body string) {
			var card struct {
				Type        string
				Attachments []struct {
					ContentType string
					Content     struct{ Body []struct{ Text string } }
				}
			}
			require.NoError(t, json.Unmarshal([]byte(body), &card), body)
			assert.Equal(t, "message", card.Type)
			assert.Equal(t, "application/vnd.microsoft.card.adaptive", card.Attachments[0].ContentType)
			blocks := card.Attachments[0].Content.Body
			assert.Equal(t, message.Title, blocks[0].Text)
			assert.Equal(t, "Two \\ lines,\n\nand ü.", blocks[1].Text)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			require.NoError(t, NewAddress("notify.urls[0]", r.address(test.query)).Send(message))
			got := r.got()
			require.Len(t, got, 1)
			test.check(t, got[0])
		})
	}
}

// The URL of a Teams workflow is signed: nothing of it may change.
func TestAWebhookKeepsItsOwnParameters(t *testing.T) {
	r := newReceiver(t)
	const own = "/workflows/ab%2Fc/invoke?api-version=2016-06-01&sig=x_y-z%2B&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0"
	require.NoError(t, NewAddress("notify.urls[0]", "generic+"+r.URL+own+"&template=adaptivecard&@authorization=Bearer+"+secret).Send(Message{"title", "text"}))
	assert.Equal(t, own, r.last.URL.String())
	assert.Equal(t, "Bearer "+secret, r.last.Header.Get("Authorization"))
	assert.Equal(t, "application/json", r.last.Header.Get("Content-Type"))
}

func TestErrorsHoldNothingOfTheAddress(t *testing.T) {
	r := newReceiver(t)
	r.fail(http.StatusForbidden)
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, address := range map[string]string{
		"refused":               r.address("token=" + secret + "&@authorization=Bearer+" + secret),
		"not there":             "generic+" + gone.URL + "/" + secret,
		"no such host":          "generic+https://" + secret + ".invalid/hook",
		"mail, not there":       "smtp://bot:" + secret + "@" + strings.TrimPrefix(gone.URL, "http://") + "/?from=a@example.com&to=" + secret + "@example.com",
		"Slack's token":         "slack://hook:" + secret + "-nothing@webhook",
		"a panic of shoutrrr's": "teams://" + secret + "@x/",
	} {
		t.Run(name, func(t *testing.T) {
			a := NewAddress("notify.urls[0]", address)
			err := a.Send(Message{"title", "text"})
			require.Error(t, err)
			for _, text := range []string{err.Error(), fmt.Sprint(a), fmt.Sprintf("%+v", a), a.channel()} {
				assert.NotContains(t, strings.ToLower(text), strings.ToLower(secret))
			}
		})
	}
}

// A webhook behind a login answers with the way to it: the message has not come.
func TestAMessageThatIsSentOnHasNotArrived(t *testing.T) {
	elsewhere := newReceiver(t)
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
		login := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/login?for="+secret, status))
		t.Cleanup(login.Close)
		err := NewAddress("notify.urls[0]", "generic+"+login.URL+"/"+secret).Send(Message{"title", "text"})
		require.ErrorContains(t, err, "which is not followed")
		assert.NotContains(t, err.Error(), secret)
	}
	assert.Empty(t, elsewhere.got())
}

func TestErrorsStillSayWhatHappened(t *testing.T) {
	r := newReceiver(t)
	r.fail(http.StatusForbidden)
	err := NewAddress("notify.urls[0]", r.address("")).Send(Message{"title", "text"})
	assert.ErrorContains(t, err, "403 Forbidden")
}

func TestWithoutAddress(t *testing.T) {
	const address = "smtp://us:p%40ss@mail.example.com:2525/?from=a@example.com&to=q%2Ba@example.com&@x-key=k"
	for said, want := range map[string]string{
		`Post "https://hooks.example.com/T/B": EOF`: `Post "***": EOF`,
		"login us failed":                      "login *** failed",
		"no p@ss here":                         "no *** here",
		"P%40SS":                               "***",
		"535 AHVzAHBAc3M= is none":             "535 *** is none", // \0us\0p@ss
		"no user dXM=, nor cEBzcw":             "no user ***, nor ***",
		"no user YW5u":                         "no user YW5u",
		"to q+a@example.com: 550 no such user": "to ***: 550 no such user",
		"line\nbreak\x1b[31m and <!channel>":   "line break [31m and ‹!channel›",
	} {
		t.Run(said, func(t *testing.T) {
			assert.Equal(t, want, withoutAddress(errors.New(said), address).Error())
		})
	}
	assert.NoError(t, withoutAddress(nil, address))
	assert.LessOrEqual(t, len(withoutAddress(errors.New(strings.Repeat("x ", 1000)), address).Error()), mostWords+3)
}

func TestAHangingAddressHasOneMessageOnItsWay(t *testing.T) {
	a := NewAddress("notify.urls[0]", "generic+http://127.0.0.1:1/")
	a.busy <- struct{}{} // as while a message is on its way
	assert.ErrorContains(t, a.Send(Message{"title", "text"}), "still on its way")
	<-a.busy
	assert.NotContains(t, a.Send(Message{"title", "text"}).Error(), "still on its way")
}
