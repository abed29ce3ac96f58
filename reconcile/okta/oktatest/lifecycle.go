package oktatest

// SetTransitioning gives a user a transitioningToStatus, which an asynchronous
// change shows until SetStatus ends it; "" takes it away.
func (o *Org) SetTransitioning(id, status string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.mustUser(id)
	o.touch(u)
	u.transitioning = status
}

// SetStatus changes a user's status, moves statusChanged and lastUpdated, and
// records the event Okta pushes for that change, if it pushes one. Setting the
// status a user has does nothing.
func (o *Org) SetStatus(id, status string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.setStatus(o.mustUser(id), status)
}

func (o *Org) setStatus(u *user, status string) {
	if u.status == status && u.transitioning == "" {
		return
	}
	old := u.status
	o.touch(u)
	u.status, u.transitioning = status, ""
	u.statusChanged = u.lastUpdated
	if old == Staged || old == Deprovisioned {
		u.activated = u.lastUpdated
	}
	if kind := statusEvent(old, status); kind != "" {
		o.record(kind, nil, u.target())
	}
}

// statusEvent is the hook-eligible event of a change of status, "" if there is
// none: an expired password, for one, is not pushed.
func statusEvent(old, status string) string {
	switch status {
	case old, PasswordExpired:
		return ""
	case Deprovisioned:
		return "user.lifecycle.deactivate"
	case Suspended:
		return "user.lifecycle.suspend"
	case LockedOut:
		return "user.account.lock"
	case Recovery:
		return "user.account.reset_password"
	}
	switch old {
	case Deprovisioned:
		return "user.lifecycle.reactivate"
	case Staged, Provisioned:
		return "user.lifecycle.activate"
	case Suspended:
		return "user.lifecycle.unsuspend"
	case LockedOut:
		return "user.account.unlock"
	case Recovery, PasswordExpired:
		return "user.account.update_password"
	}
	return ""
}

// DeleteInitiated begins the deletion of a user, records
// user.lifecycle.delete.initiated, and leaves him to be read until Delete. As
// Okta deletes none but DEPROVISIONED users, any other is deactivated first,
// with that event.
func (o *Org) DeleteInitiated(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.deleteInitiated(o.mustUser(id))
}

func (o *Org) deleteInitiated(u *user) {
	if u.deleting {
		return
	}
	o.setStatus(u, Deprovisioned)
	u.deleting = true
	o.record("user.lifecycle.delete.initiated", nil, u.target())
}

// Delete deletes a user for good: 404 by id, in no list and in no group. It
// does what DeleteInitiated does if that was not called.
func (o *Org) Delete(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.mustUser(id)
	o.deleteInitiated(u)
	o.unindex(u)
	delete(o.byID, u.id)
	o.users[u.at] = nil
	for _, g := range u.groups {
		g.drop(u)
	}
	u.groups = nil
	if o.opts.SearchLag > 0 {
		u.deletedAt = o.now()
		o.deleted = append(o.deleted, u)
	}
}
