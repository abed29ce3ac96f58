package oktatest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// tokenLife is fixed by Okta for the tokens of service apps; an assertion
	// may be valid no longer.
	tokenLife = time.Hour
	// tokenBodyMax bounds the form of a token request, bytes.
	tokenBodyMax = 64 << 10

	jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

type tokens struct {
	mu     sync.Mutex
	app    App
	issued map[string]grant
}

type grant struct {
	scopes  []string
	expires time.Time
}

// RevokeTokens makes every access token issued so far invalid.
func (o *Org) RevokeTokens() {
	o.tokens.mu.Lock()
	defer o.tokens.mu.Unlock()
	o.tokens.issued = nil
}

// authorize checks the credential of an API call and its scope.
func (o *Org) authorize(r *http.Request, need access) *apiError {
	if need == open {
		return nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "SSWS" && token != "" && token == o.opts.Token {
		return nil
	}
	if scheme != "Bearer" {
		return errToken
	}
	o.tokens.mu.Lock()
	g, ok := o.tokens.issued[token]
	o.tokens.mu.Unlock()
	switch {
	case !ok || !o.now().Before(g.expires):
		return errToken
	case slices.Contains(g.scopes, string(need)):
		return nil
	case need == hooksRead && !o.opts.HookReadScope && slices.Contains(g.scopes, string(hooksWrite)):
		return nil
	}
	if o.app().PartialGrants {
		return errScope
	}
	return errForbidden
}

// oauthError is an error of the token endpoint.
type oauthError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// issueToken serves POST /oauth2/v1/token for the client credentials of a
// service app. The parameters may be in the query or in a form.
func (o *Org) issueToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, tokenBodyMax)
	if err := r.ParseForm(); err != nil {
		writeJSON(w, http.StatusBadRequest, oauthError{Code: "invalid_request", Description: "The request body is not a form."})
		return
	}
	scopes := strings.Fields(r.Form.Get("scope"))
	if e := o.refuseToken(r, scopes); e != nil {
		writeJSON(w, e.status, e)
		return
	}
	scopes = slices.DeleteFunc(scopes, func(scope string) bool { return !slices.Contains(o.app().GrantedScopes, scope) })
	token := rand.Text()
	o.tokens.mu.Lock()
	if o.tokens.issued == nil {
		o.tokens.issued = map[string]grant{}
	}
	o.tokens.issued[token] = grant{scopes, o.now().Add(tokenLife)}
	o.tokens.mu.Unlock()
	writeJSON(w, http.StatusOK, object{
		"token_type": "Bearer", "expires_in": int(tokenLife.Seconds()),
		"access_token": token, "scope": strings.Join(scopes, " "),
	})
}

// refuseToken says why a token request is refused, nil if it is not.
func (o *Org) refuseToken(r *http.Request, scopes []string) *oauthError {
	if r.Form.Get("grant_type") != "client_credentials" {
		return &oauthError{http.StatusBadRequest, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server."}
	}
	app := o.app()
	if r.Form.Get("client_assertion_type") != jwtBearer {
		return &oauthError{http.StatusUnauthorized, "invalid_client", "Client Credentials requests to the Org Authorization Server must use the private_key_jwt token_endpoint_auth_method."}
	}
	if wrong := o.checkAssertion(r.Form.Get("client_assertion"), o.base(r)+"/oauth2/v1/token", app.KeyID); wrong != "" {
		return &oauthError{http.StatusUnauthorized, "invalid_client", wrong}
	}
	if app.Inactive { // Okta documents no words for it
		return &oauthError{http.StatusUnauthorized, "invalid_client", "The client application is not active."}
	}
	if app.RequireDPoP && r.Header.Get("DPoP") == "" {
		return &oauthError{http.StatusBadRequest, "invalid_dpop_proof", "The DPoP proof JWT header is missing."}
	}
	if len(scopes) == 0 {
		return &oauthError{http.StatusBadRequest, "invalid_scope", "The 'scope' parameter is required."}
	}
	if app.PartialGrants {
		if slices.ContainsFunc(scopes, func(scope string) bool { return slices.Contains(app.GrantedScopes, scope) }) {
			return nil
		}
		return &oauthError{http.StatusBadRequest, "consent_required", "You are not allowed any of the requested scopes."}
	}
	for _, scope := range scopes {
		if !slices.Contains(app.GrantedScopes, scope) {
			return &oauthError{http.StatusBadRequest, "invalid_scope", "The client is not granted the scope " + scope + "."}
		}
	}
	return nil
}

// audience is one or several names.
type audience []string

func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// checkAssertion checks a client assertion: its form, key id, signature, issuer,
// audience and time. It returns what is wrong in the words for the client, ""
// if nothing is.
func (o *Org) checkAssertion(assertion, endpoint, keyID string) string {
	const unreadable = "The parsing of the client_assertion failed."
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 || slices.Contains(parts, "") {
		return unreadable
	}
	var header struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	}
	var claims struct {
		Issuer   string   `json:"iss"`
		Subject  string   `json:"sub"`
		Audience audience `json:"aud"`
		Expiry   float64  `json:"exp"`
	}
	if !decodePart(parts[0], &header) || !decodePart(parts[1], &claims) {
		return unreadable
	}
	expires := time.Unix(int64(claims.Expiry), 0)
	switch now := o.now(); {
	case keyID != "" && header.Kid != keyID:
		return "The client_assertion JWT kid is invalid."
	case header.Alg != "RS256" || o.opts.Key != nil && !o.signed(parts):
		return "The client_assertion signature is invalid."
	case claims.Issuer == "" || claims.Issuer != claims.Subject:
		return "The issuer and subject claims of the client_assertion must be the same client_id."
	case o.opts.ClientID != "" && claims.Issuer != o.opts.ClientID:
		return "Invalid value for 'client_id' parameter."
	case !slices.Contains(claims.Audience, endpoint):
		return "The audience claim for client_assertion must be the endpoint invoked for the request."
	case !now.Before(expires):
		return "The client_assertion token is expired."
	case expires.After(now.Add(tokenLife + time.Minute)): // a minute for clocks that differ
		return "The client_assertion token has an expiration too far into the future."
	}
	return ""
}

func (o *Org) signed(parts []string) bool {
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return rsa.VerifyPKCS1v15(o.opts.Key, crypto.SHA256, sum[:], signature) == nil
}

func decodePart(part string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(raw, into) == nil
}
