package notify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// Cause is something that a person has to see to, for as long as it lasts. It
// is told once, when it has become more once more, and once when it is solved.
type Cause struct {
	Key   string // what it is about; its identity
	Gist  string // what exactly, where the same key can mean more than one thing
	Size  int64  // how many, where they are counted
	Title string
	Text  string // what it means, and what to do
}

// The keys of the causes, as the store has them.
const (
	CauseCredentials = "credentials"
	CauseHeld        = "held"
	CauseDead        = "dead"
	CauseHook        = "hook"
	CauseReconcile   = "reconcile"
	CauseOverlooked  = "overlooked"
	CauseFrozen      = "frozen"
	CauseDisk        = "disk"
	CausePaused      = "paused"
)

// solved is what is told of a cause that is none any more.
var solved = map[string]string{
	CauseCredentials: "the credentials are accepted again",
	CauseHeld:        "the brake holds nothing any more",
	CauseDead:        "nothing is given up any more",
	CauseHook:        "the event hook is active and verified again",
	CauseReconcile:   "a reconcile came through again",
	CauseOverlooked:  "the last reconcile found nothing that hooks should have brought",
	CauseFrozen:      "all groups and roles can be read again",
	CauseDisk:        "there is room on the disk again",
	CausePaused:      "the pause is over",
}

const (
	// longPause is from when on people are reminded of a pause.
	longPause = 24 * time.Hour
	// A disk is nearly full when less than a tenth of it and less than this is
	// left: room for the log of some millions of syncs, and time to act.
	littleRoom = 1 << 30
)

// Causes are what there is to tell, in the order of urgency. Of an
// installation that is not deployed, or is being taken down, there is nothing.
func (f Facts) Causes() []Cause {
	if f.Stage.Life != reconcile.Active && f.Stage.Life != reconcile.Paused {
		return nil
	}
	var all []Cause
	for _, find := range []func() (Cause, bool){
		f.credentials, f.disk, f.hook, f.held, f.dead, f.reconcile, f.overlooked, f.frozen, f.paused,
	} {
		if c, found := find(); found {
			all = append(all, c)
		}
	}
	return all
}

func (f Facts) credentials() (Cause, bool) {
	c := Cause{Key: CauseCredentials, Title: "a credential is refused"}
	switch {
	case f.Stopped != "":
		c.Text = "Nothing is sent to ZenQMS: " + clean(f.Stopped) + ".\n" +
			"What is asked for is kept, and it is tried again every minute. After putting a new key or token into its file, run `zensync reload`."
	case f.Barred != "":
		c.Text = "The last comparison of all users failed: " + clean(f.Barred) + ".\n" +
			"After putting a new key or token into its file, run `zensync reload` and `zensync reconcile`."
	default:
		return c, false
	}
	return c, true
}

func (f Facts) held() (Cause, bool) {
	var parts []string
	c := Cause{Key: CauseHeld}
	words := map[store.Action]string{store.ActDeactivate: "deactivations", store.ActActivate: "activations", store.ActRemoveRole: "removals of roles"}
	for _, action := range slices.Sorted(maps.Keys(f.Held)) {
		c.Size += f.Held[action]
		parts = append(parts, fmt.Sprintf("%s: %d", words[action], f.Held[action]))
	}
	c.Title = "the brake holds " + count(c.Size, "change")
	c.Text = "They wait for a person, however long it takes (" + strings.Join(parts, ", ") + ").\n" +
		"`zensync report held` lists them; then `zensync approve` or `zensync discard`."
	return c, c.Size > 0
}

func (f Facts) dead() (Cause, bool) {
	return Cause{
		Key: CauseDead, Size: f.Dead, Title: count(f.Dead, "change") + " given up",
		Text: "`zensync report dead` says what and why; once that is mended, `zensync retry` tries again.",
	}, f.Dead > 0
}

func (f Facts) hook() (Cause, bool) {
	c := Cause{Key: CauseHook}
	switch {
	case f.Hook.ID == "" || f.Hook.Status == store.HookMissing:
		c.Gist, c.Title = "missing", "the event hook is missing in Okta"
	case f.Hook.Status == "INACTIVE":
		c.Gist, c.Title = "inactive", "the event hook is not active in Okta"
	case f.Hook.Verified == "":
		c.Gist, c.Title = "unverified", "the event hook is not verified in Okta"
	default:
		return c, false
	}
	c.Text = "Changes in Okta are found by the scheduled reconcile alone, hours late.\n`zensync deploy` makes the hook anew and has Okta verify it."
	return c, true
}

func (f Facts) reconcile() (Cause, bool) {
	if len(f.Walks) < 2 || f.Walks[0].State != store.RunFailed || f.Walks[1].State != store.RunFailed {
		return Cause{}, false
	}
	return Cause{
		Key: CauseReconcile, Title: "the last two reconciles failed",
		Text: fmt.Sprintf("The last one, run %d, says: %s.\nWhat hooks miss is not found until one comes through.",
			f.Walks[0].ID, shorten(clean(f.Walks[0].Error), mostWords)),
	}, true
}

func (f Facts) overlooked() (Cause, bool) {
	return Cause{
		Key: CauseOverlooked, Size: f.Overlooked, Title: "a reconcile found " + count(f.Overlooked, "change") + " that hooks should have brought",
		Text: fmt.Sprintf("Run %d changed users of whom no event came since they changed in Okta, though the hook is verified.\n"+
			"Check that the relay is up and can be reached from outside, and the delivery of the event hook in Okta's console; "+
			"`zensync report log --run %d` lists the users.", f.Found, f.Found),
	}, f.Overlooked > 0
}

// frozen is rules W3 and W4: what cannot be read is left as it is.
func (f Facts) frozen() (Cause, bool) {
	c := Cause{Key: CauseFrozen}
	var ids, lines []string
	for _, g := range f.Groups {
		if g.Frozen != "" {
			ids = append(ids, g.ID)
			lines = append(lines, fmt.Sprintf("Okta group %s (%s): %s", clean(g.Name), g.ID, shorten(clean(g.Frozen), mostWords)))
		}
	}
	for _, r := range f.Roles {
		if r.Frozen != "" {
			ids = append(ids, r.RoleID)
			lines = append(lines, fmt.Sprintf("ZenQMS role %s (%s): %s", clean(r.RoleName), r.RoleID, shorten(clean(r.Frozen), mostWords)))
		}
	}
	c.Gist, c.Size = strings.Join(ids, " "), int64(len(ids))
	c.Title = count(c.Size, "group or role", "groups or roles") + " cannot be read"
	c.Text = "Nobody loses the roles they feed, and nobody leaves the scope, until they can be read; everything else goes on.\n" +
		strings.Join(lines, "\n")
	return c, c.Size > 0
}

func (f Facts) disk() (Cause, bool) {
	d := f.Disk
	return Cause{
		Key: CauseDisk, Title: "the disk is nearly full",
		Text: fmt.Sprintf("%d MiB of %d MiB are left where %s is. Without room no event can be stored and nothing be synced.",
			d.Free>>20, d.Total>>20, d.Path),
	}, d.NearlyFull()
}

func (f Facts) paused() (Cause, bool) {
	s := f.Stage
	return Cause{
		Key: CausePaused, Title: "still paused",
		Text: fmt.Sprintf("Nothing is sent to ZenQMS: paused by %s since %s: %s.\n`zensync resume` ends the pause.",
			clean(s.By), s.Since.Format(time.RFC3339), clean(s.Reason)),
	}, s.Life == reconcile.Paused && f.Now.Sub(s.Since) >= longPause
}

// count is a number of things: "1 change", "2 changes".
func count(n int64, one string, many ...string) string {
	switch {
	case n == 1:
		return "1 " + one
	case len(many) > 0:
		return fmt.Sprintf("%d %s", n, many[0])
	}
	return fmt.Sprintf("%d %ss", n, one)
}
