package qualify

// ruleSwitch breaks a rule: where the variable names it, the line of the source that
// keeps it does something else.
type ruleSwitch struct {
	rule string // its requirement's id; behind a dot, which of its clauses
	file string // below the root
	line string // must stand there exactly once
	with string // what stands there instead; off("M1") is true while M1 is off
}

// switches have at least one for every rule of the design, and more for clauses
// whose breach keeps a leaver in, a live user out, or gives an account away.
var switches = []ruleSwitch{
	{"M1", "reconcile/policy.go", `Title:     strings.TrimSpace(u.Title),`, `Title: map[bool]string{true: u.LastName, false: strings.TrimSpace(u.Title)}[off("M1")],`},
	{"M2", "reconcile/policy.go", `"SUSPENDED":        Gone,`, `"SUSPENDED": map[bool]Meaning{true: Live, false: Gone}[off("M2")],`},
	{"M3", "reconcile/decide.go", "if missing := w.missing(); len(missing) > 0 {\n\t\treturn skip(", "if missing := w.missing(); len(missing) > 0 && !off(\"M3\") {\n\t\treturn skip("},
	{"M4", "reconcile/fields.go", `if w.Title != "" && strings`, `if (w.Title != "" || off("M4")) && strings`},
	{"M5", "reconcile/fields.go", `if store.Address(a.Email) != store.Address(w.Email) {`, `if off("M5") || store.Address(a.Email) != store.Address(w.Email) {`},
	{"M6", "reconcile/decide.go", "if !f.lost() {\n\t\t\treturn deactivate(d, *f.Account)", "if !f.lost() {\n\t\t\tif off(\"M6\") {\n\t\t\t\td.Patch.LastName = &f.User.LastName\n\t\t\t}\n\t\t\treturn deactivate(d, *f.Account)"},

	{"L1", "reconcile/match.go", `case len(f.ByID) == 1:`, `case len(f.ByID) == 1 && !off("L1"):`},
	{"L2", "reconcile/match.go", `d.Action = store.ActCreate`, "if off(\"L2\") {\n\t\treturn d\n\t}\n\td.Action = store.ActCreate"},
	{"L3", "reconcile/match.go", `if f.OwnerGone && namesAgree(f.User, account) {`, `if off("L3") || f.OwnerGone && namesAgree(f.User, account) {`},
	{"L4", "reconcile/apply.go", `parts = append(parts, without(p, fields...))`, "if !off(\"L4\") {\n\t\t\t\tparts = append(parts, without(p, fields...))\n\t\t\t}"},
	{"L5", "reconcile/decide.go", "func (f Facts) lost() bool {\n\tif f.Account == nil {", "func (f Facts) lost() bool {\n\tif off(\"L5\") {\n\t\treturn false\n\t}\n\tif f.Account == nil {"},
	{"L6", "reconcile/decide.go", `case f.LiveAtIt:`, `case f.LiveAtIt && !off("L6"):`},

	{"W1", "reconcile/decide.go", `switch past := f.Push || `, `switch past := f.Push || off("W1") || `},
	{"W2", "reconcile/zenqms/user.go", `method: methodUpdate,`, `method: map[bool]string{true: "DELETE", false: methodUpdate}[off("W2")],`},
	{"W3", "reconcile/roles.go", `case !c.want && has:`, `case !c.want && has && !off("W3"):`},
	{"W4", "reconcile/decide.go", "if f.User.OutOfScope {\n\t\treturn decideOutOfScope(f, p)", "if f.User.OutOfScope && !off(\"W4\") {\n\t\treturn decideOutOfScope(f, p)"},

	{"E1", "reconcile/deploy.go", `if len(d.Groups) > 0 || len(d.Roles) > 0 {`, `if (len(d.Groups) > 0 || len(d.Roles) > 0) && !off("E1") {`},
	{"E2", "reconcile/promises.go", `return w.Policy.Meaning(u.Status) == Live`, `return w.Policy.Meaning(u.Status) == Live && !off("E2")`},
	{"E3", "store/event.go", `UserDeactivate:      DeactivationPriority,`, `UserDeactivate: map[bool]Priority{true: WalkPriority, false: DeactivationPriority}[off("E3")],`},
	{"E4", "reconcile/classify.go", `return retryLater // 5xx, and what no server should send`, "if off(\"E4\") {\n\t\treturn final\n\t}\n\treturn retryLater"},
	{"E5", "relay/relay.go", `if !r.Secret.Accepts(`, `if !off("E5") && !r.Secret.Accepts(`},

	{"K1", "reconcile/walk.go", "if err := group.Wait(); err != nil {\n\t\treturn err\n\t}\n\tif len(wk.seen) == 0 {", "if err := group.Wait(); err != nil && !off(\"K1\") {\n\t\treturn err\n\t}\n\tif len(wk.seen) == 0 {"},
	{"K2", "reconcile/absent.go", `links.Active+links.Inactive >= fewLinks && 2*seen < linked {`, `links.Active+links.Inactive >= fewLinks && 2*seen < linked && !off("K2") {`},
	{"K3", "reconcile/scope.go", "groups, err := wk.mappedGroups(ctx)\n\tif err != nil {\n\t\treturn err\n\t}", `groups, err := wk.mappedGroups(ctx)
	if err != nil {
		return err
	}
	if off("K3") {
		page, err := wk.Okta.ListUsers(ctx, okta.Query{Limit: 100})
		if err != nil {
			return err
		}
		for _, u := range page.Users {
			if _, err := wk.Okta.UserGroups(ctx, u.ID); err != nil {
				return err
			}
		}
	}`},
	{"K4", "reconcile/wants.go", `case g.Open || g.Skipped:`, `case off("K4") || g.Open || g.Skipped:`},
	{"K4", "reconcile/wants.go", "case meaning == LeaveAlone:\n\t\treturn false, nil", "case off(\"K4\"):\n\t\treturn true, nil\n\tcase meaning == LeaveAlone:\n\t\treturn false, nil"},
	{"K4", "reconcile/basis.go", `if !walk || row.Cleared`, `if off("K4") || !walk || row.Cleared`},
	{"K5", "reconcile/walk.go", "if wk.run.Kind == store.InitialRun {\n\t\treturn wk.readList(ctx, deprovisioned)", "if wk.run.Kind == store.InitialRun && !off(\"K5\") {\n\t\treturn wk.readList(ctx, deprovisioned)"},

	{"B1", "reconcile/settle.go", `if count > limit {`, `if count > limit && !off("B1") {`},
	{"B2", "reconcile/brake.go", `if g.stands = discarded || held; g.stands {`, `if g.stands = (discarded || held) && !off("B2"); g.stands {`},
	{"B3", "reconcile/plan.go", `ZenQMS: newDry(w.ZenQMS),`, `ZenQMS: map[bool]ZenQMS{true: w.ZenQMS, false: newDry(w.ZenQMS)}[off("B3")],`},

	{"C1", "reconcile/life.go", `if !slices.Contains(lives[now.Life], life) {`, `if !slices.Contains(lives[now.Life], life) && !off("C1") {`},
	{"C1", "reconcile/life.go", `if err == nil && !slices.Contains(lives, now.Life) {`, `if err == nil && !slices.Contains(lives, now.Life) && !off("C1") {`},
	{"C2", "reconcile/taking.go", "if err != nil || state != string(Active) {\n\t\t\treturn err\n\t\t}\n\t\tif claims", "if err != nil || state != string(Active) && !off(\"C2\") {\n\t\t\treturn err\n\t\t}\n\t\tif claims"},
	{"C3", "reconcile/clearing.go", `case !l.owns(account.ExternalID):`, `case !l.owns(account.ExternalID) && !off("C3"):`},
	{"C4", "reconcile/deploy.go", "if found.ID != \"\" {\n\t\thook, err := d.Okta.UpdateHook(", "if found.ID != \"\" && !off(\"C4\") {\n\t\thook, err := d.Okta.UpdateHook("},
	{"C5", "store/lock.go", "got, err := file.TryLock()", "got, err := file.TryLock()\n\t\tif off(\"C5\") {\n\t\t\tgot = true\n\t\t}"},
	{"C6", "reconcile/gather.go", `f.ByID, f.ByEmail = allIndexed(byID), allIndexed(byEmail)`, "f.ByID, f.ByEmail = allIndexed(byID), allIndexed(byEmail)\n\t\t\tif off(\"C6\") {\n\t\t\t\tf.ByID, f.ByEmail = nil, nil\n\t\t\t}"},
	{"C7", "reconcile/deploy.go", `if have != (Binding{}) && have != b {`, `if have != (Binding{}) && have != b && !off("C7") {`},

	{"A1", "store/log.go", `head.Hash = chainHash(head.Hash, values)`, "head.Hash = chainHash(head.Hash, values)\n\t\tif off(\"A1\") {\n\t\t\thead.Hash = chainHash(\"\", values)\n\t\t}"},
	{"A2", "store/report.go", `sql.Named("user", textArg(args.User))`, `sql.Named("user", map[bool]any{true: nil, false: textArg(args.User)}[off("A2")])`},

	{"M2.deleted", "reconcile/policy.go", `if status == store.Deleted {`, `if status == store.Deleted && !off("M2.deleted") {`},
	{"M3.linked", "reconcile/decide.go", `d.Patch = only(d.Patch, fieldActive, fieldExternalID)`, "if d.Patch = only(d.Patch, fieldActive, fieldExternalID); off(\"M3.linked\") {\n\t\t\td.Patch.Active = nil\n\t\t}"},
	{"L3.claim", "reconcile/match.go", `if len(f.Rivals) == 0 {`, `if len(f.Rivals) == 0 || off("L3.claim") {`},
	{"L3.relink", "reconcile/relink.go", `if w.Policy.Meaning(status) != Gone {`, `if w.Policy.Meaning(status) != Gone && !off("L3.relink") {`},
	{"L5.owner", "reconcile/decide.go", `return f.Account.ExternalID != f.Link.TakenFrom`, `return f.Account.ExternalID != f.Link.TakenFrom && !off("L5.owner")`},
	{"W1.push", "reconcile/attempt.go", `return r.Origin == store.FromInitial || r.Origin == store.FromManual ||`, `return !off("W1.push") && (r.Origin == store.FromInitial || r.Origin == store.FromManual) ||`},
	{"E4.credential", "reconcile/classify.go", "case http.StatusUnauthorized:\n", "case http.StatusUnauthorized:\n\t\tif off(\"E4.credential\") {\n\t\t\treturn final\n\t\t}\n"},
	{"K1.fresh", "reconcile/attempt.go", "case store.ActDeactivate, store.ActActivate, store.ActRelink:\n\t\treturn true", "case store.ActDeactivate, store.ActActivate, store.ActRelink:\n\t\treturn !off(\"K1.fresh\")"},
	{"K2.absent", "reconcile/absent.go", `if wk.Policy.Meaning(p.Status) != Gone || p.Active || p.Skipped {`, `if !off("K2.absent") && (wk.Policy.Meaning(p.Status) != Gone || p.Active || p.Skipped) {`},
	{"B1.hour", "reconcile/brake.go", `if !his && users+1 > limit {`, `if !his && users+1 > limit && !off("B1.hour") {`},
	{"A1.triggers", "store/log.go", "head, err := tx.LogHead()\n\tif err != nil {", "head, err := tx.LogHead()\n\tif off(\"A1.triggers\") {\n\t\terr = tx.run(`DROP TRIGGER IF EXISTS log_no_update`)\n\t}\n\tif err != nil {"},
}
