package notify

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fine is an installation about which there is nothing to tell.
func fine() Facts {
	return Facts{
		Now:   noon,
		Stage: reconcile.Stage{Life: reconcile.Active, By: "olga", Since: noon.Add(-time.Hour)},
		Hook:  Hook{ID: "who1", Status: "ACTIVE", Verified: store.FormatTime(noon)},
		Walks: []store.Run{{ID: 7, State: store.RunDone}, {ID: 6, State: store.RunFailed, Error: "no answer"}},
		Disk:  Disk{Path: "/var/lib/zensync/zensync.db", Free: 2 << 30, Total: 100 << 30},
	}
}

func TestCauses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(f *Facts)
		want   *Cause   // without its text
		says   []string // in its text
	}{
		"nothing": {change: func(*Facts) {}},
		"E4, a stopped drain": {
			func(f *Facts) { f.Stopped = "zenqms: search users: status 401" },
			&Cause{Key: "credentials", Title: "a credential is refused"},
			[]string{"Nothing is sent to ZenQMS: zenqms: search users: status 401", "every minute", "zensync reload"},
		},
		"a walk that was refused": {
			func(f *Facts) { f.Barred = "okta: list users: status 401" },
			&Cause{Key: "credentials", Title: "a credential is refused"},
			[]string{"okta: list users: status 401", "`zensync reconcile`"},
		},
		"B1, the brake": {
			func(f *Facts) { f.Held = map[store.Action]int64{store.ActDeactivate: 12, store.ActRemoveRole: 1} },
			&Cause{Key: "held", Size: 13, Title: "the brake holds 13 changes"},
			[]string{"deactivations: 12, removals of roles: 1", "`zensync approve`", "`zensync discard`"},
		},
		"one change given up": {
			func(f *Facts) { f.Dead = 1 },
			&Cause{Key: "dead", Size: 1, Title: "1 change given up"},
			[]string{"`zensync report dead`", "`zensync retry`"},
		},
		"a hook that Okta no longer knows": {
			func(f *Facts) { f.Hook = Hook{ID: "who1", Status: store.HookMissing} },
			&Cause{Key: "hook", Gist: "missing", Title: "the event hook is missing in Okta"},
			[]string{"`zensync deploy`"},
		},
		"no hook at all": {
			func(f *Facts) { f.Hook = Hook{} },
			&Cause{Key: "hook", Gist: "missing", Title: "the event hook is missing in Okta"}, nil,
		},
		"a hook that was switched off": {
			func(f *Facts) { f.Hook.Status = "INACTIVE" },
			&Cause{Key: "hook", Gist: "inactive", Title: "the event hook is not active in Okta"}, nil,
		},
		"a hook that is not verified": {
			func(f *Facts) { f.Hook.Verified = "" },
			&Cause{Key: "hook", Gist: "unverified", Title: "the event hook is not verified in Okta"}, nil,
		},
		"a hook of a store before hooks were looked after": {change: func(f *Facts) { f.Hook.Status = "" }},
		"one reconcile that failed":                        {change: func(f *Facts) { f.Walks[0].State, f.Walks[1].State = store.RunFailed, store.RunDone }},
		"the only reconcile failed":                        {change: func(f *Facts) { f.Walks = []store.Run{{State: store.RunFailed}} }},
		"two reconciles that failed": {
			func(f *Facts) { f.Walks[0] = store.Run{ID: 7, State: store.RunFailed, Error: "okta: <b>\nno answer"} },
			&Cause{Key: "reconcile", Title: "the last two reconciles failed"},
			[]string{"run 7, says: okta: ‹b› no answer."},
		},
		"what hooks should have brought": {
			func(f *Facts) { f.Overlooked, f.Found = 2, 7 },
			&Cause{Key: "overlooked", Size: 2, Title: "a reconcile found 2 changes that hooks should have brought"},
			[]string{"Run 7 ", "`zensync report log --run 7`"},
		},
		"W3, a group and a role": {
			func(f *Facts) {
				f.Groups = []store.MappedGroup{{ID: "00g1", Name: "QA", Frozen: "forbidden"}, {ID: "00g2", Name: "IT"}}
				f.Roles = []store.RoleRule{{RoleID: "17", RoleName: "Reviewer", Frozen: "ZenQMS no longer has it"}, {RoleID: "18", Unread: "forbidden"}}
			},
			&Cause{Key: "frozen", Gist: "00g1 17", Size: 2, Title: "2 groups or roles cannot be read"},
			[]string{"Okta group QA (00g1): forbidden\n", "ZenQMS role Reviewer (17): ZenQMS no longer has it"},
		},
		"a disk with little left": {
			func(f *Facts) { f.Disk.Free = 1<<30 - 1 },
			&Cause{Key: "disk", Title: "the disk is nearly full"},
			[]string{"1023 MiB of 102400 MiB are left where /var/lib/zensync/zensync.db is"},
		},
		"a small disk that is mostly free": {change: func(f *Facts) { f.Disk.Free, f.Disk.Total = 500<<20, 1<<30 }},
		"a small disk, nearly full": {
			func(f *Facts) { f.Disk.Free, f.Disk.Total = 100<<20, 1<<30 },
			&Cause{Key: "disk", Title: "the disk is nearly full"}, nil,
		},
		"a disk that could not be measured": {change: func(f *Facts) { f.Disk = Disk{} }},
		"a pause":                           {change: func(f *Facts) { f.Stage.Life = reconcile.Paused }},
		"a pause of a day": {
			func(f *Facts) {
				f.Stage = reconcile.Stage{Life: reconcile.Paused, By: "olga", Since: noon.Add(-longPause), Reason: "audit"}
			},
			&Cause{Key: "paused", Title: "still paused"},
			[]string{"paused by olga since 2026-02-28T12:00:00Z: audit", "`zensync resume`"},
		},
		"all of it, of what is being unlinked": {change: func(f *Facts) {
			f.Stage.Life, f.Stopped, f.Dead, f.Hook = reconcile.Unlinking, "refused", 3, Hook{}
		}},
		"before the first deploy": {change: func(f *Facts) { f.Stage, f.Hook = reconcile.Stage{}, Hook{} }},
	} {
		t.Run(name, func(t *testing.T) {
			f := fine()
			test.change(&f)
			got := f.Causes()
			if test.want == nil {
				assert.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			for _, words := range test.says {
				assert.Contains(t, got[0].Text, words)
			}
			assert.NotEmpty(t, solved[got[0].Key], "its end is told as well")
			got[0].Text = ""
			assert.Equal(t, *test.want, got[0])
		})
	}
}

func TestCausesDuringAPause(t *testing.T) {
	f := fine()
	f.Stage.Life, f.Dead = reconcile.Paused, 1
	assert.Len(t, f.Causes(), 1)
}

func TestTheDiskOfTheStoreIsMeasured(t *testing.T) {
	d, err := DiskOf(t.TempDir())
	require.NoError(t, err)
	assert.Positive(t, d.Total)
	assert.LessOrEqual(t, d.Free, d.Total)
	_, err = DiskOf("/no/such/file")
	assert.Error(t, err)
}
