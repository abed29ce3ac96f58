package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// addressee is a site whose notify.urls_file has an address of each of the
// services that the README names, and the internet with them.
type addressee struct {
	*site
	*internet
}

const (
	slackHook   = "T01234567/B76543210/hooksecrethooksecrethook"
	slackToken  = "123456789012-1234567890123-botsecretbotsecretbotsec"
	teamsPath   = "/webhookb2/11111111-4444-4444-8444-cccccccccccc@22222222-4444-4444-8444-cccccccccccc/IncomingWebhook/33333333012222222222333333333344/44444444-4444-4444-8444-cccccccccccc/teamssecretteamssecret"
	workflow    = "/workflows/0123abcd/triggers/manual/paths/invoke?api-version=2016-06-01&sig=workflowsecret-x_x&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0"
	webhookKey  = "webhooksecretbearer"
	mailUser    = "mailsecretuser"
	mailSecret  = "mail:secret@password/"
	mailEncoded = "mail%3Asecret%40password%2F"
)

func newAddressee(t *testing.T) *addressee {
	c := newSite(t)
	a := &addressee{site: c, internet: newInternet(t, t.TempDir())}
	a.rewrite(regexp.MustCompile(`(?m)^notify: .*$`), "notify: {urls_file: notify.urls}")
	urls := strings.Join([]string{
		"slack://hook:" + strings.ReplaceAll(slackHook, "/", "-") + "@webhook",
		"slack://xoxb:" + slackToken + "@C001CH4NN3L",
		"teams+https://contoso.webhook.office.com" + teamsPath,
		"generic+https://prod-12.westeurope.logic.azure.com:443" + workflow + "&template=adaptivecard",
		"generic+https://alerts.example.com/zensync?template=json&@authorization=Bearer+" + webhookKey,
		"smtp://" + mailUser + ":" + mailEncoded + "@" + a.mail + "/?from=zensync@example.com&to=qa@example.com&requirestarttls=yes",
	}, "\n")
	require.NoError(t, os.WriteFile(filepath.Join(c.folder, "notify.urls"), []byte(urls), 0o600))
	c.secrets["notify.urls"] = urls
	for i, secret := range []string{
		"hooksecrethooksecrethook", "B76543210", "botsecretbotsecretbotsec", "1234567890123", "teamssecretteamssecret", "33333333012222222222333333333344",
		"workflowsecret-x_x", webhookKey, mailUser, mailSecret, mailEncoded,
		base64.StdEncoding.EncodeToString([]byte("\x00" + mailUser + "\x00" + mailSecret)),
	} {
		c.secrets[fmt.Sprint("address-", i)] = secret // newSite searches for all of them in the end
	}
	return a
}

// test runs `zensync notify test` behind a proxy, and returns what it printed of
// each address.
func (a *addressee) test(status int, environment ...string) (rows []struct{ Service, Outcome, Error string }) {
	a.site.Helper()
	p := a.startWith(nil, append([]string{"HTTPS_PROXY=" + a.proxy, "NO_PROXY="}, environment...), "notify", "test", "--format", "json")
	require.Equal(a.site, status, p.wait(), "stdout: %s stderr: %s", &p.stdout, &p.stderr)
	require.NoError(a.site, json.Unmarshal([]byte(p.stdout.String()), &rows), p.stdout.String())
	require.Len(a.site, rows, 6)
	return rows
}

// Alerts: mail, Slack, Teams, generic webhook. The message leaves by the wire as
// the service at the other end expects it: to its own host, in its own shape,
// over TLS, with the credential of the address.
func TestAlertsArriveAtEachService(t *testing.T) {
	a := newAddressee(t)
	a.test(exitDone, "SSL_CERT_FILE="+a.authority)
	got := a.arrived()
	require.Len(t, got, 6)

	const title, text = "zensync 127.0.0.1", "Alerts and the digest of this installation will come here. Nothing is to be done."
	for i, to := range []string{"hooks.slack.com/services/" + slackHook, "slack.com/api/chat.postMessage",
		"contoso.webhook.office.com" + teamsPath, "prod-12.westeurope.logic.azure.com" + workflow, "alerts.example.com/zensync"} {
		host, _, _ := strings.Cut(got[i].host, ":")
		assert.Equal(t, to, host+got[i].path)
		assert.Regexp(t, `^application/json\b`, got[i].contentType, to)
	}
	assert.Equal(t, []string{"", "Bearer xoxb-" + slackToken, "", "", "Bearer " + webhookKey, " " + mailUser + " " + mailSecret},
		[]string{got[0].authorization, got[1].authorization, got[2].authorization, got[3].authorization, got[4].authorization, got[5].authorization})

	type slackMessage struct {
		Channel, Text string
		Attachments   []struct{ Text string }
	}
	for i, channel := range []string{"", "C001CH4NN3L"} {
		var m slackMessage
		require.NoError(t, json.Unmarshal([]byte(got[i].body), &m))
		assert.Contains(t, m.Text, title)
		assert.Equal(t, channel, m.Channel)
		assert.Equal(t, []struct{ Text string }{{text}}, m.Attachments)
	}
	var card struct {
		Type  string `json:"@type"`
		Title string
		// Teams wants one of summary and text.
		Summary  string
		Sections []struct{ Text string }
	}
	require.NoError(t, json.Unmarshal([]byte(got[2].body), &card))
	assert.Equal(t, "MessageCard", card.Type)
	assert.Contains(t, card.Title, title)
	assert.NotEmpty(t, card.Summary)
	assert.Equal(t, []struct{ Text string }{{text}}, card.Sections)
	assert.Contains(t, got[3].body, `"contentType":"application/vnd.microsoft.card.adaptive"`)
	assert.Contains(t, got[3].body, text)
	var hook struct{ Title, Message string }
	require.NoError(t, json.Unmarshal([]byte(got[4].body), &hook))
	assert.Contains(t, hook.Title, title)
	assert.Equal(t, text, hook.Message)
	assert.Regexp(t, `MAIL FROM:<zensync@example\.com>.*\r\nRCPT TO:<qa@example\.com>\r\n`, got[5].path)
	assert.Contains(t, got[5].body, "Subject: "+title)
	assert.Contains(t, got[5].body, "\r\n\r\n"+text+"\r\n.\r\n")
}

// However a message fails to arrive, the error says what happened, and nothing of
// the address: newSite searches all that was printed and stored for it.
func TestAlertsThatFailSayWhyAndNothingOfTheAddress(t *testing.T) {
	a := newAddressee(t)
	a.refuse(true)
	refused := a.test(exitFailed, "SSL_CERT_FILE="+a.authority)
	for i, want := range []string{"no_team", "no_team", "403 Forbidden", "403 Forbidden", "403 Forbidden", `535 "not with`} {
		row := refused[i]
		assert.Equal(t, "failed", row.Outcome)
		assert.Contains(t, row.Error, want, row.Service)
	}
	a.refuse(false)
	for _, row := range a.test(exitFailed) {
		assert.Contains(t, row.Error, "certificate signed by unknown authority", row.Service)
	}
	nowhere, err := freeAddress()
	require.NoError(t, err)
	for _, row := range a.test(exitFailed, "SSL_CERT_FILE="+a.authority, "HTTPS_PROXY=http://proxyuser:proxysecret@"+nowhere)[:5] {
		assert.Contains(t, row.Error, "connection refused", row.Service)
		assert.NotContains(t, row.Error, "proxysecret")
	}
	assert.Len(t, a.arrived(), 1, "the mail alone, which needs no proxy")
}
