package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// webURL wants an absolute https URL, or http to this very host, without
// anything that could carry a credential, and normalises it. The URL is never
// repeated in a problem: people paste tokens into them.
func (v *validator) webURL(key string, value *string) *url.URL {
	if !v.given(key) {
		return nil
	}
	u, err := url.Parse(*value)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http"):
		v.add(key, "is not an absolute URL", "write it with https:// and the host")
	case u.User != nil:
		v.add(key, "holds a user name or password", "remove everything between // and @")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		v.add(key, "holds a ? or a #", "end the URL with its path")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		v.add(key, "is http, and would send secrets in the clear", "use https; http is for loopback addresses only")
	default:
		u.Host = strings.ToLower(u.Host)
		u.Path = strings.TrimSuffix(u.Path, "/")
		u.RawPath = strings.TrimSuffix(u.RawPath, "/")
		*value = u.String()
		return u
	}
	return nil
}

// adminSuffix is how the host of Okta's admin console differs from that of the
// org; the API answers on the latter alone.
const adminSuffix = "-admin"

func (v *validator) orgURL(value *string) {
	const key = "okta.org_url"
	u := v.webURL(key, value)
	if u == nil {
		return
	}
	host, admin := orgHost(u.Host)
	switch {
	case admin:
		v.add(key, "is the address of the admin console", "use https://"+host)
	case u.Path != "":
		v.add(key, "has a path", "use https://"+u.Host)
	}
}

// orgHost is the host of the org whose admin console, perhaps, is at host.
func orgHost(host string) (org string, admin bool) {
	first, domain, _ := strings.Cut(host, ".")
	name, admin := strings.CutSuffix(first, adminSuffix)
	if admin && strings.HasPrefix(domain, "okta") {
		return name + "." + domain, true
	}
	return host, false
}

// OrgAddress makes the address of an org of what people copy from their
// browser: without https://, of the admin console, with the path of a page. What
// comes of it is still to be checked; what is no such thing stays as it is.
func OrgAddress(text string) string {
	text = strings.TrimSpace(text)
	full := text
	if text != "" && !strings.Contains(text, "://") {
		full = "https://" + text
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || u.User != nil {
		return text
	}
	host, _ := orgHost(strings.ToLower(u.Host))
	return u.Scheme + "://" + host
}

// notifyURL wants what messages can be sent to; which that are is known where
// they are sent. Whatever is in the URL may be a credential.
func (v *validator) notifyURL(key, value string) {
	if !v.given(key) || v.checks.Notify == nil {
		return
	}
	if err := v.checks.Notify(value); err != nil {
		v.add(key, err.Error(), addressRemedy)
	}
}

const addressRemedy = "the README has examples of every kind, and `zensync notify test` tries them"

// listen wants HOST:PORT with a numeric port.
func (v *validator) listen(key, address string) {
	if !v.given(key) {
		return
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		v.add(key, "is "+show(address), "write host and port, as in 127.0.0.1:8080")
	}
}

// isLoopbackAddress tells whether a listener on HOST:PORT is out of reach for
// other machines. A name other than localhost counts as reachable.
func isLoopbackAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && isLoopback(host)
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// isHeaderName tells whether name is a token as RFC 9110, section 5.6.2, has it.
func isHeaderName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}

// isAuthPrefix tells whether prefix may stand before a key in a header: letters
// and little else, as in "Bearer " or "Token token=".
func isAuthPrefix(prefix string) bool {
	const most = 20 // shorter than any key
	return len(prefix) <= most && strings.IndexFunc(prefix, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !letter && !strings.ContainsRune(" =:-_", r)
	}) < 0
}
