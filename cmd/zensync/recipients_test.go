package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// internet is what stands behind this host's proxy: every name is a web server
// with a good certificate, if one trusts authority, and there is a mail server.
// It keeps what arrives.
type internet struct {
	t         *testing.T
	authority string // file with the certificate of who signs the others
	proxy     string // address
	mail      string // host and port
	signer    *x509.Certificate
	key       *ecdsa.PrivateKey

	mu      sync.Mutex
	refuses bool // whatever is asked, and says it all
	calls   []call
}

// call is a message that arrived.
type call struct {
	host, path, contentType, authorization, body string
}

// newInternet makes one; the file of the authority goes into folder.
func newInternet(t *testing.T, folder string) *internet {
	n := &internet{t: t, authority: filepath.Join(folder, "authority.crt")}
	var err error
	n.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &n.key.PublicKey, n.key)
	require.NoError(t, err)
	n.signer, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(n.authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))

	web := httptest.NewUnstartedServer(http.HandlerFunc(n.serveWeb))
	web.TLS = n.tls()
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // some tests do not trust it
	web.StartTLS()
	t.Cleanup(web.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tunnel(w, r, web.Listener.Addr().String()) }))
	t.Cleanup(proxy.Close)
	n.proxy = proxy.URL

	mail, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = mail.Close() })
	n.mail = mail.Addr().String()
	go func() {
		for {
			conn, err := mail.Accept()
			if err != nil {
				return
			}
			go n.serveMail(conn)
		}
	}()
	return n
}

// tls has a certificate for whatever name is asked for.
func (n *internet) tls() *tls.Config {
	return &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: n.signer.NotBefore, NotAfter: n.signer.NotAfter,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
		if hello.ServerName != "" {
			template.DNSNames = []string{hello.ServerName}
		}
		der, err := x509.CreateCertificate(rand.Reader, template, n.signer, &n.key.PublicKey, n.key)
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: n.key}, err
	}}
}

// tunnel is a proxy that leads everywhere to one server.
func tunnel(w http.ResponseWriter, r *http.Request, to string) {
	there, err := net.Dial("tcp", to)
	if r.Method != http.MethodConnect || err != nil {
		http.Error(w, "a tunnel alone", http.StatusMethodNotAllowed)
		return
	}
	here, ahead, err := w.(http.Hijacker).Hijack()
	if err != nil {
		_ = there.Close()
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(there, ahead)
		_ = there.Close()
	}()
	_, _ = io.Copy(here, there)
	_ = here.Close()
}

func (n *internet) refuse(now bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refuses = now
}

// take keeps a message, and tells whether it is taken.
func (n *internet) take(c call) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.refuses {
		n.calls = append(n.calls, c)
	}
	return !n.refuses
}

// arrived returns the messages since the last time.
func (n *internet) arrived() []call {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.calls
	n.calls = nil
	return all
}

// serveWeb answers as Slack, Teams and a workflow do.
func (n *internet) serveWeb(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c := call{r.Host, r.URL.RequestURI(), r.Header.Get("Content-Type"), r.Header.Get("Authorization"), string(body)}
	taken := n.take(c)
	said := fmt.Sprintf("no_team: https://%s%s with %s is none", c.host, c.path, c.authorization)
	switch host, _, _ := strings.Cut(c.host, ":"); {
	case host == "slack.com" && taken:
		_, _ = io.WriteString(w, `{"ok": true}`)
	case host == "slack.com": // it refuses with 200
		_, _ = fmt.Fprintf(w, `{"ok": false, "error": %q}`, said)
	case !taken:
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, said)
	case host == "hooks.slack.com":
		_, _ = io.WriteString(w, "ok")
	case strings.HasSuffix(host, ".webhook.office.com"):
		_, _ = io.WriteString(w, "1")
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// serveMail takes mails as far as SMTP goes, over TLS and from who logs in.
func (n *internet) serveMail(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	c := call{host: n.mail}
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	say("220 mail.example.com")
	encrypted := false
	for lines := bufio.NewReader(conn); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case verb == "EHLO" && !encrypted:
			say("250-mail.example.com\r\n250 STARTTLS")
		case verb == "EHLO":
			say("250-mail.example.com\r\n250 AUTH PLAIN")
		case verb == "STARTTLS":
			say("220 go on")
			over := tls.Server(conn, n.tls())
			conn, lines, encrypted = over, bufio.NewReader(over), true
		case verb == "QUIT":
			say("221 bye")
			return
		case !encrypted:
			say("530 not in the clear")
		case verb == "AUTH":
			_, encoded, _ := strings.Cut(rest, " ")
			given, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				return
			}
			c.authorization = strings.ReplaceAll(string(given), "\x00", " ")
			n.mu.Lock()
			refuses := n.refuses
			n.mu.Unlock()
			if refuses {
				say("535 not with" + c.authorization + " or " + encoded)
				continue
			}
			say("235 welcome")
		case verb == "DATA":
			say("354 go on")
			for line != ".\r\n" {
				if line, err = lines.ReadString('\n'); err != nil {
					return
				}
				c.body += line
			}
			n.take(c)
			say("250 taken")
		default:
			c.path += line
			say("250 yes")
		}
	}
}
