package okta

import (
	"context"
	"net/http"
	"slices"
)

// Scopes are those that the app has to be granted, spelled as Okta spells them.
func Scopes() []string { return slices.Clone(scopes) }

// IsScope tells whether Okta refused a call, or an access token, for want of a scope.
func IsScope(err error) bool {
	switch CodeOf(err) {
	case "invalid_scope", "consent_required", "insufficient_scope":
		return true
	}
	return false
}

// DeniedScopes asks Okta for an access token for each of Scopes alone, and gives those that it refuses. Asked for all
// of them together it says at most that one is missing, and may give a token for the others. An error is a token that
// could not be had for another reason. With an API token, which has no scopes, there is nothing to ask.
func (c *Client) DeniedScopes(ctx context.Context) (denied []string, err error) {
	if !c.config.oauth() {
		return nil, nil
	}
	for _, scope := range scopes {
		s, err := newSession(c.config, c.transport, scope)
		if err != nil {
			return nil, err
		}
		// To build a request is to have a token for it. It is not sent.
		_, err = s.build(ctx, s.client.CloneRequestExecutor(), request{method: http.MethodGet, path: apiPath("users")})
		if IsScope(err) {
			denied = append(denied, scope)
			continue
		}
		if err != nil {
			return nil, asError("ask for the scope "+scope, err)
		}
	}
	return denied, nil
}
