package oktatest

// App is the service app as an administrator sees it in Okta's console.
type App struct {
	Inactive      bool
	KeyID         string   // the kid of its public key; empty: any is taken
	GrantedScopes []string // see Options
	PartialGrants bool     // see Options
	RequireDPoP   bool     // see Options
}

// SetApp changes the service app. Tokens that were issued stay valid.
func (o *Org) SetApp(change func(*App)) {
	o.tokens.mu.Lock()
	defer o.tokens.mu.Unlock()
	change(&o.tokens.app)
}

func (o *Org) app() App {
	o.tokens.mu.Lock()
	defer o.tokens.mu.Unlock()
	return o.tokens.app
}
