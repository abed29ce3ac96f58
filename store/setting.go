package store

import (
	"fmt"
	"time"
)

// Settings the program keeps about itself.
const (
	LifeState      = "state"          // new, active, paused, unlinking or unlinked; see package reconcile
	LifeBy         = "state_by"       // the operator who brought that about
	LifeSince      = "state_since"    // when
	LifeReason     = "state_reason"   // why, in his words
	HookRemoved    = "hook_removed"   // when unlink removed the event hook, '' while it has not
	UnlinkSweeps   = "unlink_sweeps"  // whether the unlinking under way also looks through all of ZenQMS
	BoundOkta      = "okta_org_url"   // the org this store belongs to
	BoundZenQMS    = "zenqms_url"     // the ZenQMS account this store belongs to
	HookID         = "hook_id"        // the Okta event hook deploy made
	HookVerified   = "hook_verified"  // when Okta last verified it, '' when it is not verified
	HookStatus     = "hook_status"    // ACTIVE or INACTIVE as Okta last said, MISSING when it knew no such hook
	AccountsRead   = "accounts_read"  // when the last complete reading of ZenQMS's users began
	AccountsReads  = "accounts_reads" // how many there were: the generation of the index
	DrainStopped   = "drain_stopped"  // why nothing is sent now, '' when it is
	SidesDown      = "sides_down"     // which of okta and zenqms the worker takes for down, with ", " between them; '' when neither is
	WalkRefused    = "walk_refused"   // which credential the last walk failed for, '' when it did not fail for one
	ScheduledUntil = "scheduled"      // the time up to which the schedule has been served
	ConfigSeen     = "config"         // the configuration last worked with: a JSON object of its values by key, without secrets
	ConfigHash     = "config_sha256"  // its hash
	VersionSeen    = "version"        // the version of the program that worked last
	ReloadAsked    = "reload_asked"   // which reload of the configuration was asked for last: a number
	ReloadWorker   = "reload_worker"  // what came of the worker's last one, a JSON object
	ReloadRelay    = "reload_relay"   // what came of the relay's
	Upkept         = "upkeep"         // when the worker last tended the store
	PrunedBefore   = "pruned_before"  // events, and work that has ended, from before this time may be deleted; '' when nothing was
)

// HookMissing is the status of an event hook that Okta does not know (any more).
const HookMissing = "MISSING"

// Setting returns what is kept under key, "" when nothing is.
func (tx *Tx) Setting(key string) (string, error) {
	var value string
	if _, err := tx.find(`SELECT value FROM setting WHERE key = ?`, []any{key}, &value); err != nil {
		return "", fmt.Errorf("read the setting %s: %w", key, err)
	}
	return value, nil
}

// SetSetting keeps a value under key.
func (tx *Tx) SetSetting(key, value string) error {
	if err := tx.run(`INSERT INTO setting (key, value, changed) VALUES (?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value, changed = excluded.changed`, key, value, FormatTime(tx.Now)); err != nil {
		return fmt.Errorf("write the setting %s: %w", key, err)
	}
	return nil
}

// ScheduledUntil is the time up to which the schedule has been served, zero
// before the first deploy.
func (tx *Tx) ScheduledUntil() (time.Time, error) { return tx.timeSetting(ScheduledUntil) }

// PrunedBefore is the time before which events, and work that has ended, may be
// deleted; zero when nothing was.
func (tx *Tx) PrunedBefore() (time.Time, error) { return tx.timeSetting(PrunedBefore) }

// timeSetting is a setting that is a time, zero when nothing is kept.
func (tx *Tx) timeSetting(key string) (time.Time, error) {
	text, err := tx.Setting(key)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	t, err := time.Parse(timeLayout, text)
	if err != nil {
		return t, fmt.Errorf("read the setting %s: %w", key, err)
	}
	return t, nil
}
