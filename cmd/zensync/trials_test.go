package main

var (
	counts  = []string{"kind", "state", "created", "linked", "updated", "deactivated", "failed", "held"}
	synced  = []string{"okta_id", "action", "outcome"}
	settled = "ada old - inactive\nann ann Boss\nbob bob -\ncyd cyd -\ndan dan -"
)

var trials = map[string]trial{
	"first deploy": {
		args: []string{"deploy", "--yes", "--format", "json"}, relay: true, first: true, show: counts,
		want:   outcome{exitHeld, "initial done 2 2 0 0 0 1"},
		second: []outcome{{exitAttention, "initial done 0 0 0 0 0 0"}},
		// ann was created without an answer, and is linked; the run that was killed does it all.
		dead: []outcome{{exitAttention, "initial done 0 0 0 0 0 0"}},
		// Or it is that run which is wanted again; cyd may have been created without an answer as well.
		sooner: []outcome{{exitHeld, "initial done 1 3 0 0 0 1"}, {exitHeld, "initial done 0 4 0 0 0 1"}},
		state:  "active", ends: "ada old - inactive\nann ann -\nbob bob -\ncyd cyd -",
	},
	"deploy": {
		args: []string{"deploy", "--yes", "--format", "json"}, relay: true, show: counts,
		want: outcome{exitAttention, "initial done 2 0 1 0 0 0"},
		// It pushes ann's title again where it reads ZenQMS while the first writes it.
		second: []outcome{{exitAttention, "initial done 0 0 0 0 0 0"}, {exitAttention, "initial done 0 0 1 0 0 0"}},
		// The walk that was broken off is made anew before it.
		dead:  []outcome{{exitAttention, "initial done 0 0 0 0 0 0"}, {exitAttention, "initial done 0 0 1 0 0 0"}},
		state: "active", ends: settled,
	},
	"reconcile": {
		args: []string{"reconcile", "--format", "json"}, show: counts,
		want:   outcome{exitAttention, "reconcile done 2 0 1 0 0 0"},
		second: []outcome{{exitAttention, "reconcile done 0 0 0 0 0 0"}},
		dead:   []outcome{{exitAttention, "reconcile done 0 0 0 0 0 0"}}, // as with deploy
		sooner: []outcome{{exitAttention, "reconcile done 1 0 1 0 0 0"}}, // it is that walk which is wanted again
		state:  "active", ends: settled,
	},
	"sync": {
		args: []string{"sync", "$dan", "--format", "json"}, show: synced,
		want:   outcome{exitDone, "dan create ok"},
		second: []outcome{{exitDone, "dan none unchanged"}},
		dead:   []outcome{{exitDone, "dan link ok"}}, // he was created, and the answer was lost
		sooner: []outcome{{exitDone, "dan none unchanged"}},
		state:  "active", ends: settled,
	},
	"approve": {
		args: []string{"approve", "--all", "--reason", "x", "--format", "json"}, show: synced,
		want:   outcome{exitDone, "bob deactivate ok"},
		second: []outcome{{exitDone, ""}, {exitFailed, ""}}, // nothing is held (any more)
		state:  "active", ends: "ada old - inactive\nann ann Boss\nbob bob - inactive\ncyd cyd -\ndan dan -",
	},
	"discard": {
		itself: true,
		args:   []string{"discard", "--all", "--reason", "x", "--format", "json"}, show: synced,
		want:   outcome{exitDone, "bob deactivate dropped"},
		second: []outcome{{exitDone, ""}, {exitFailed, ""}},
		state:  "active", ends: settled,
	},
	"retry": {
		args: []string{"retry", "--all", "--format", "json"}, show: synced,
		want:   outcome{exitDone, "cyd create ok"},
		second: []outcome{{exitDone, ""}}, // nothing was given up
		// The walk that is made anew finds that cyd has no account.
		sooner: []outcome{{exitDone, ""}, {exitDone, "cyd none unchanged"}},
		state:  "active", ends: settled,
	},
	"pause": {
		itself: true,
		args:   []string{"pause", "--reason", "x"},
		want:   outcome{exitDone, ""}, state: "paused", ends: settled,
	},
	"resume": {
		itself: true,
		args:   []string{"resume"}, prepare: []string{"pause", "--reason", "x"},
		want: outcome{exitDone, ""}, state: "active", ends: settled,
	},
	"unlink": {
		itself: true,
		args:   []string{"unlink", "--yes", "--format", "json"}, show: []string{"state", "cleared", "unchanged", "failed", "hook"},
		want:   outcome{exitDone, "unlinked 3 0 0 gone"},
		second: []outcome{{exitDone, ""}, {exitFailed, ""}},  // unlinked already, or another is at work
		dead:   []outcome{{exitDone, "unlinked 4 0 0 gone"}}, // dan, too, whose link nobody had written down
		sooner: []outcome{{exitDone, "unlinked 5 0 0 gone"}},
		state:  "unlinked",
	},
	"rotate-secret": {
		itself: true, relay: true,
		args: []string{"rotate-secret", "--grace", "0s", "--format", "json"}, show: []string{"resumed"},
		want:   outcome{exitDone, "false"},
		second: []outcome{{exitFailed, ""}}, // another is at work
		state:  "active", ends: settled,
	},
	"archive": {
		itself: true,
		args:   []string{"archive", "--keep", "1ms", "--output", "old.jsonl", "--format", "json"}, show: []string{"first"},
		want:   outcome{exitDone, "1"},
		second: []outcome{{exitFailed, ""}}, // another is at work, or the file is there
		state:  "active", ends: settled,
	},
	"restore": {
		itself:  true,
		prepare: []string{"backup", "copy.db"},
		args:    []string{"restore", "copy.db", "--format", "json"}, show: []string{"state"},
		want:  outcome{exitDone, "active"},
		up:    &outcome{exitFailed, ""}, // the worker has it open
		state: "active", ends: settled,
	},
	"reload": {
		args: []string{"reload", "--format", "json"}, show: []string{"part", "outcome"},
		want:  outcome{exitFailed, ""}, // nobody is up
		up:    &outcome{exitDone, "worker applied"},
		state: "active", ends: settled,
	},
	"relink": {
		args: []string{"relink", "$new", "$old", "--reason", "x", "--format", "json"}, show: synced,
		want:   outcome{exitDone, "new activate ok"},
		second: []outcome{{exitFailed, ""}}, // new is linked already
		state:  "active", ends: "ada new -\nann ann Boss\nbob bob -\ncyd cyd -\ndan dan -",
	},
}
