package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func TestPlanEndsWithWhatMattersMost(t *testing.T) {
	step := func(user string, action store.Action, outcome store.Outcome) reconcile.Step {
		return reconcile.Step{OktaID: user, Action: action, Outcome: outcome}
	}
	skip, update := step("1", store.ActSkip, store.OutcomeSkipped), step("1", store.ActUpdate, store.OutcomeOK)
	dropped, held := step("2", store.ActDeactivate, store.OutcomeDropped), step("3", store.ActDeactivate, store.OutcomeHeld)
	failed := step("4", store.ActNone, store.OutcomeFailed)
	for name, c := range map[string]struct {
		run   store.RunPhase
		steps []reconcile.Step
		want  int
		line  string
	}{
		"nothing":     {store.RunDone, nil, 0, "reconcile would send nothing; nothing to do for 5 users"},
		"skips alone": {store.RunDone, []reconcile.Step{skip, dropped}, 0, "reconcile would send nothing; 1 hold would be dropped; 1 user is skipped; nothing to do for 5 users"},
		"something":   {store.RunDone, []reconcile.Step{update, skip}, 3, "reconcile would update 1; 1 user is skipped; nothing to do for 5 users"},
		"held":        {store.RunDone, []reconcile.Step{update, held}, 4, "reconcile would update 1; the brake would hold 1 user; nothing to do for 5 users"},
		"not told":    {store.RunDone, []reconcile.Step{update, held, failed}, 1, "reconcile would update 1; the brake would hold 1 user; 1 user could not be looked at; nothing to do for 5 users"},
		"a failure":   {store.RunFailed, []reconcile.Step{update, held}, 1, "reconcile would update 1; the brake would hold 1 user"},
	} {
		p := reconcile.Plan{Run: store.Run{Kind: store.ReconcileRun, State: c.run, Error: "why"}, Steps: c.steps, Quiet: 5}
		assert.Equal(t, c.want, statusOf(planVerdict(p)), name)
		assert.Equal(t, c.line, planSummary(p), name)
	}
	assert.EqualError(t, planVerdict(reconcile.Plan{Run: store.Run{State: store.RunFailed, Error: "why"}}), "it would fail: why")
}
