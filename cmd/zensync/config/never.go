package config

import (
	"path"
	"strings"
)

// Refuses tells whether never_roles forbids the ZenQMS role of this name, and
// by which pattern. Patterns are those of path.Match, compared without regard
// to case and to the whole name; a slash is a letter like any other.
func (s Safety) Refuses(role string) (pattern string, refused bool) {
	for _, pattern := range s.NeverRoles {
		if match, err := path.Match(fold(pattern), fold(role)); err == nil && match {
			return pattern, true
		}
	}
	return "", false
}

func isGlob(pattern string) bool {
	_, err := path.Match(fold(pattern), "")
	return err == nil
}

// fold drops case and hides slashes, which path.Match would not let * cross.
func fold(text string) string {
	return strings.ReplaceAll(strings.ToLower(text), "/", "\x00")
}
