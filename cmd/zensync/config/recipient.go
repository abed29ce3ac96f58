package config

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
)

// recipientsKey names the file of addresses that hold a password or a token.
const recipientsKey = "notify.urls_file"

// Recipient is one who is told. Its URL may hold credentials: never print it.
type Recipient struct {
	Key string // where it stands, as in notify.urls[0], or notify.urls_file:3 for a line
	URL string
}

// Recipients are those of notify.urls, and behind them those of its file, which
// is read afresh; each is named once. Where there are some in notify.urls the
// file may be missing.
func (c *Config) Recipients() ([]Recipient, error) {
	var all []Recipient
	for i, address := range c.Notify.URLs {
		all = append(all, Recipient{fmt.Sprintf("notify.urls[%d]", i), address})
	}
	for _, f := range c.SecretFiles() {
		if f.Key == recipientsKey {
			content, err := c.secret(f.Key, "")
			if err != nil {
				return nil, err
			}
			all = append(all, listed(content)...)
		}
	}
	var once []Recipient
	known := map[string]bool{}
	for _, r := range all {
		if !known[r.URL] {
			known[r.URL] = true
			once = append(once, r)
		}
	}
	return once, nil
}

// listed are the recipients in the content of a file: one a line; what begins
// with # is a comment.
func listed(content []byte) []Recipient {
	var all []Recipient
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, maxSecret+1)
	for number := 1; lines.Scan(); number++ {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, Recipient{fmt.Sprintf("%s:%d", recipientsKey, number), line})
		}
	}
	return all
}

// checkRecipients reports each line of the file that is no address, without
// repeating any of it.
func (c *Config) checkRecipients(f file, content []byte, r *report) {
	if c.checkAddress == nil {
		return
	}
	for _, recipient := range listed(content) {
		if err := c.checkAddress(recipient.URL); err != nil {
			_, line, _ := strings.Cut(recipient.Key, ":")
			r.add(f.key, fmt.Sprintf("%s, line %s, %s", *f.name, line, err), addressRemedy)
		}
	}
}
