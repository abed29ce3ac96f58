package reconcile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/store"
)

func TestE5_ARotationChangesTheSecretOfTheHookAndNothingElse(t *testing.T) {
	for name, resolved := range map[string]struct {
		groups []store.MappedGroup
		roles  []store.RolePair
	}{
		"everybody":  {},
		"with scope": {groups: []store.MappedGroup{{Configured: "QMS", ID: "00gqms", Name: "QMS"}}},
		"with roles": {roles: []store.RolePair{{Group: store.MappedGroup{Configured: "QA", ID: "00gqa", Name: "QA"}, RoleID: "7", RoleName: "Reviewer", Configured: "QA -> Reviewer"}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, httpHooks)
			url, _ := w.listener("first")
			d := w.deployment(url, "first")
			d.Groups, d.Roles = resolved.groups, resolved.roles
			require.NoError(t, d.ensure(t))
			_, err := d.Begin(t.Context())
			require.NoError(t, err)
			before := w.org.Hooks()[0]

			url, _ = w.listener("second")
			d = w.deployment(url, "second") // it does not know the groups and roles
			found, err := d.FindHook(t.Context())
			require.NoError(t, err)
			hook, err := d.Rotate(t.Context(), found)
			require.NoError(t, err)
			assert.Equal(t, "VERIFIED", hook.Verification)
			require.Len(t, w.org.Hooks(), 1)
			after := w.org.Hooks()[0]
			assert.Equal(t, "second", after.AuthValue)
			assert.Equal(t, before.ID, after.ID)
			assert.Equal(t, before.Events, after.Events, "the hook stays subscribed to what deploy made it for")
			row := w.report("log", store.ReportArgs{})[0]
			assert.Equal(t, []any{"config", "operator", "olga", "ok", `{"hook_secret":{"old":null,"new":"rotated"}}`},
				[]any{row["action"], row["origin"], row["actor"], row["outcome"], row["changes"]}, "A1: an operator's act")
		})
	}
}

func TestE5_ARotationOfWhatIsUnlinkedMakesNoHook(t *testing.T) {
	w := newWorld(t, httpHooks)
	url, _ := w.listener("s")
	d := w.deployment(url, "s")
	require.NoError(t, d.ensure(t))
	_, err := d.Begin(t.Context())
	require.NoError(t, err)
	found, err := d.FindHook(t.Context())
	require.NoError(t, err)
	w.update(func(tx *store.Tx) error { return enter(tx, Unlinking, "olga", "") })
	w.org.Fail(oktatest.Match{Prefix: "/api/v1/eventHooks"}, -1, oktatest.Fault{Status: 500})
	var refused *ErrStage
	_, err = d.Rotate(t.Context(), found)
	require.ErrorAs(t, err, &refused, "it is looked at again after the relay was waited for")
}
