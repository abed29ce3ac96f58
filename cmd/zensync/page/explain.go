package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zensync/zensync/cmd/zensync/output"
)

// asked is what the page about one person shows.
type asked struct {
	head
	Error   string
	Command string // does the same in a terminal; may be empty
	Groups  []group
	Log     output.Table
}

// copiedMost is how large a store may be that is copied for an answer, in bytes:
// that takes some seconds.
const copiedMost = 512 << 20

// explain answers about one person, with what `zensync explain` says. It makes
// calls, so no other site may make a browser ask.
func (p *Page) explain(w http.ResponseWriter, r *http.Request) {
	who := strings.TrimSpace(r.URL.Query().Get("user"))
	v := asked{head: head{Title: "About a person", Made: time.Now().UTC(), Who: who}}
	status, err := http.StatusOK, error(nil)
	switch {
	case isForeign(r):
		v.Who = "" // nor may it put words here
		status, v.Error = http.StatusForbidden, "Another site has sent you here. What it asks for costs calls to Okta and ZenQMS, so it was not looked up: ask here."
	case who == "":
		status, v.Error = http.StatusBadRequest, "Whom? Give an Okta id, a login or an email address."
	case r.Method == http.MethodHead: // nobody reads the answer
	default:
		if isPlain(strings.Map(plainly, who)) {
			v.Command = p.command("explain %s", who)
		}
		var x Explained
		// The server's patience for a request would end the answer's, too.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(2 * explainWithin))
		if x, status, err = p.ask(r.Context(), who); err != nil {
			v.Error = err.Error()
		}
		v.Title, v.Groups, v.Log = who, grouped(x.About), x.Log
	}
	v.Verdict.Level = "fair"
	p.show(w, status, "explain", v)
}

// plainly makes of what logins and addresses have letters, so that only what
// means something to a shell is left as it is.
func plainly(r rune) rune {
	if strings.ContainsRune("@._+-", r) {
		return 'a'
	}
	return r
}

// ask has a worker explain somebody, when it is his turn.
func (p *Page) ask(ctx context.Context, who string) (x Explained, status int, err error) {
	subject := p.subject.Load()
	if subject == nil || subject.Explain == nil {
		return x, http.StatusServiceUnavailable, errors.New("the worker is not at work, so it can ask neither Okta nor ZenQMS")
	}
	if size, err := sizeOf(p.db.Path()); err != nil {
		return x, http.StatusServiceUnavailable, err
	} else if size > copiedMost {
		return x, http.StatusServiceUnavailable, errors.New("the database is too large to be copied for an answer here; in a terminal it can be")
	}
	ctx, cancel := context.WithTimeout(ctx, explainWithin)
	defer cancel()
	done, err := p.turns.take(ctx)
	if err != nil {
		return x, http.StatusTooManyRequests, err
	}
	defer done()
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("a bug: a person cannot be explained", "kind", fmt.Sprintf("%T", r))
			status, err = http.StatusInternalServerError, errors.New("a bug in zensync; the log of the worker says more")
		}
	}()
	x, err = subject.Explain(ctx, who)
	switch {
	case err == nil:
		return x, http.StatusOK, nil
	case errors.Is(err, ErrUnclear):
		return x, http.StatusNotFound, err
	case ctx.Err() != nil:
		return x, http.StatusGatewayTimeout, fmt.Errorf("there was no answer within %s: %w", explainWithin, err)
	}
	return x, http.StatusBadGateway, err
}

// group is a part of an explanation.
type group struct {
	Title string
	Pairs []output.Pair
}

// groupTitles are what the parts of an explanation are called, in the order in
// which they are shown; single values make up one of their own.
var groupTitles = []struct{ key, title string }{
	{"now", "What a sync would do now"}, {"", "How he stands"}, {"okta", "In Okta"}, {"zenqms", "In ZenQMS"}, {"link", "The link between them"},
}

// grouped puts what matters most first.
func grouped(about []output.Pair) []group {
	var all []group
	for _, t := range groupTitles {
		g := group{Title: t.title}
		for _, pair := range about {
			nested, isNested := pair.Value.([]output.Pair)
			switch known := slices.ContainsFunc(groupTitles, func(o struct{ key, title string }) bool { return o.key == pair.Key }); {
			case pair.Key == t.key && isNested:
				g.Pairs = nested
			case pair.Key == t.key: // there is none
				g.Pairs = []output.Pair{{Key: "there is", Value: "none"}}
			case t.key == "" && !known:
				g.Pairs = append(g.Pairs, pair)
			}
		}
		if len(g.Pairs) > 0 {
			all = append(all, g)
		}
	}
	return all
}
