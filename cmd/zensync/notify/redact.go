package notify

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const (
	// shortest is the length from which on a part of an address is taken for a
	// secret wherever it turns up.
	shortest = 4
	// mostWords bounds what a service said, for one line of a log.
	mostWords = 300
)

// anyURL is a URL as somebody else's error may quote it.
var anyURL = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]*`)

// withoutAddress is an error whose text holds nothing of an address. Services
// quote theirs, whole or in parts, and turn it into other forms first; so every
// URL goes, and every part of this one.
func withoutAddress(err error, address string) error {
	if err == nil {
		return nil
	}
	text := anyURL.ReplaceAllString(clean(err.Error()), "***")
	secrets := parts(address)
	text = withoutEncoded(text, secrets)
	for _, part := range secrets {
		text = pattern(part).ReplaceAllLiteralString(text, "***")
	}
	return errors.New(shorten(text, mostWords))
}

// encoded is what may be base64, in which mail servers are given passwords, and
// web servers the users of basic authentication.
var encoded = regexp.MustCompile(`[A-Za-z0-9+/_-]{2,}={0,2}`)

// withoutEncoded leaves out what holds a secret in base64, and what is a secret
// in it.
func withoutEncoded(text string, secrets []string) string {
	return encoded.ReplaceAllStringFunc(text, func(word string) string {
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(word, "="))
		decoded, err := base64.RawStdEncoding.DecodeString(plain)
		if err != nil {
			return word
		}
		for _, secret := range secrets {
			if strings.EqualFold(string(decoded), secret) || len(secret) >= shortest && bytes.Contains(decoded, []byte(secret)) {
				return "***"
			}
		}
		return word
	})
}

var oneWord = regexp.MustCompile(`^\w+$`)

// pattern matches a part of an address, a short one as a word of its own alone.
func pattern(part string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(part)
	if len(part) < shortest && oneWord.MatchString(part) {
		quoted = `\b` + quoted + `\b`
	}
	return regexp.MustCompile(`(?i)` + quoted)
}

// parts are the parts of an address that may be secret, the longest first.
func parts(address string) []string {
	var all []string
	add := func(part string, least int) {
		if len(part) >= least {
			all = append(all, part)
		}
	}
	_, rest, _ := strings.Cut(address, ":") // the service's name is none
	rest = strings.TrimLeft(rest, "/")
	add(rest, shortest)
	decoded, err := url.QueryUnescape(rest)
	if err != nil {
		decoded = rest
	}
	for _, text := range []string{rest, decoded} {
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			add(word, shortest)
		}
		for _, piece := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("/?&=#@:", r) }) {
			add(piece, shortest)
		}
	}
	if u, err := url.Parse(address); err == nil {
		if u.User != nil {
			password, _ := u.User.Password()
			add(u.User.Username(), 1)
			add(password, 1)
		}
		for key, values := range u.Query() {
			if strings.HasPrefix(key, "@") || strings.HasPrefix(key, "$") { // headers, and fields of the message
				for _, v := range values {
					add(v, 1)
				}
			}
			for _, v := range values {
				add(v, shortest)
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(all)
}

// clean makes a text that others wrote harmless in a message: one line,
// printable, and without the brackets that make links and calls to everybody
// in a chat.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '<':
			return '‹'
		case r == '>':
			return '›'
		case r == unicode.ReplacementChar, !unicode.IsPrint(r):
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// shorten cuts a text to so many letters.
func shorten(text string, most int) string {
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most]) + "..."
	}
	return text
}
