package notify

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mailServer takes one mail, as far as SMTP goes, and returns it.
func mailServer(t *testing.T) (address string, mail <-chan string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	got := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		say := func(line string) { fmt.Fprint(conn, line+"\r\n") }
		say("220 mail.example.com")
		var text strings.Builder
		body := false
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			line := lines.Text()
			switch {
			case body && line == ".":
				body = false
				got <- text.String()
				say("250 taken")
			case body:
				text.WriteString(line + "\n")
			case line == "DATA":
				body = true
				say("354 go on")
			case line == "QUIT":
				say("221 bye")
				return
			default:
				say("250 yes")
			}
		}
	}()
	return l.Addr().String(), got
}

func TestAMail(t *testing.T) {
	address, mail := mailServer(t)
	a := NewAddress("notify.urls[0]", "smtp://"+address+"/?from=zensync@example.com&to=qa@example.com")
	require.NoError(t, a.Send(Message{"zensync example.okta.com: 1 change given up", "One line,\nand ü."}))
	got := <-mail
	assert.Contains(t, got, "Subject: zensync example.okta.com: 1 change given up\n")
	assert.Contains(t, got, "To: qa@example.com\n")
	assert.True(t, strings.HasSuffix(got, "\n\nOne line,\nand ü.\n"), got)
}

// What goes through a network is encrypted unless the address says that it need
// not be: 0.0.0.0 leads to this host, and is none of its loopback addresses.
func TestAMailIsNotSentInTheClearUnasked(t *testing.T) {
	server, mail := mailServer(t)
	_, port, err := net.SplitHostPort(server)
	require.NoError(t, err)
	address := "smtp://0.0.0.0:" + port + "/?from=zensync@example.com&to=qa%2Balerts@example.com"
	require.NoError(t, Check(address))
	assert.ErrorContains(t, NewAddress("notify.urls[0]", address).Send(Message{"title", "text"}), "StartTLS")
	assert.Empty(t, mail)

	server, mail = mailServer(t)
	_, port, err = net.SplitHostPort(server)
	require.NoError(t, err)
	address = "smtp://0.0.0.0:" + port + "/?from=zensync@example.com&to=qa%2Balerts@example.com&RequireStartTLS=no"
	require.NoError(t, NewAddress("notify.urls[0]", address).Send(Message{"title", "text"}))
	assert.Contains(t, <-mail, "To: qa+alerts@example.com\n")
}

func TestAMailGoesNowhereWithoutTheTLSItWants(t *testing.T) {
	address, _ := mailServer(t)
	a := NewAddress("notify.urls[0]", "smtp://"+address+"/?from=zensync@example.com&to=qa@example.com&requirestarttls=yes")
	assert.ErrorContains(t, a.Send(Message{"title", "text"}), "StartTLS")
}
