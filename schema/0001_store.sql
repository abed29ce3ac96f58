-- +goose Up
-- The store of zensync. Times are UTC text, 2006-01-02T15:04:05.000Z, so that
-- text order is time order. An address is an e-mail address, trimmed and in
-- lower case, for comparing; an email is the address as it was written.
--
-- What a column may hold is spelt out with OR: for IN with more than two texts
-- SQLite makes a table, anew for each row that is written.

-- What the program remembers about itself: life-cycle state, the pair of
-- servers this store is bound to, the event hook.
CREATE TABLE setting (
    key     TEXT PRIMARY KEY, -- for instance state, org_url, hook_id
    value   TEXT NOT NULL,    -- as text; a time has the form above
    changed TEXT NOT NULL     -- when it was last set
) STRICT, WITHOUT ROWID;

-- One row per Okta event that reached the relay, kept as evidence.
CREATE TABLE event (
    id        INTEGER PRIMARY KEY,  -- order of arrival
    uuid      TEXT NOT NULL UNIQUE, -- data.events[].uuid, or sha256:... of the content where Okta sent none
    type      TEXT NOT NULL,        -- eventType, '' where Okta sent none
    published TEXT,                 -- when Okta says it happened
    received  TEXT NOT NULL,        -- when the relay stored it
    actor     TEXT,                 -- who did it in Okta: alternateId, else id
    groups    TEXT,                 -- JSON array of the ids of its UserGroup targets
    ignored   TEXT                  -- why it asks for nothing; NULL when it asks for something
) STRICT;
CREATE INDEX event_received ON event (received);

-- One execution of a walk: the initial sync or a reconcile.
CREATE TABLE run (
    id        INTEGER PRIMARY KEY,        -- order of the asking
    kind      TEXT NOT NULL CHECK (kind = 'initial' OR kind = 'reconcile' OR kind = 'manual' OR kind = 'unlink'), -- initial: deploy's; manual: over the users of a large sync
    state     TEXT NOT NULL CHECK (state = 'wanted' OR state = 'running' OR state = 'done' OR state = 'failed'), -- in this order
    actor     TEXT,                       -- the operator who asked; NULL for the schedule
    wanted    TEXT NOT NULL,              -- not to be started before this time
    started   TEXT,                       -- when its (last) start was
    finished  TEXT,                       -- when everything it wants stood in the outbox
    users     INTEGER NOT NULL DEFAULT 0, -- Okta users seen
    unchanged INTEGER NOT NULL DEFAULT 0, -- users it had nothing to do for
    skipped   INTEGER NOT NULL DEFAULT 0, -- users whose skip goes on waiting
    error     TEXT,                       -- why it failed
    CHECK ((finished IS NULL) = (state IN ('wanted', 'running')))
) STRICT;
CREATE INDEX run_state ON run (state) WHERE state IN ('wanted', 'running');

-- The users a manual run is about.
CREATE TABLE named (
    run     INTEGER NOT NULL REFERENCES run (id), -- the run
    okta_id TEXT NOT NULL, -- the user somebody named
    PRIMARY KEY (run, okta_id)
) STRICT, WITHOUT ROWID;

-- The outbox: each row is the promise to bring one user in step.
CREATE TABLE outbox (
    id       INTEGER PRIMARY KEY AUTOINCREMENT, -- order of the promises; never used twice
    okta_id  TEXT NOT NULL,              -- the user it is about
    origin   TEXT NOT NULL CHECK (origin = 'initial' OR origin = 'hook' OR origin = 'reconcile' OR origin = 'manual'), -- what made it
    priority INTEGER NOT NULL,           -- 0 deactivations, 1 hooks, 2 manual, 3 walks; lower goes first
    run      INTEGER REFERENCES run (id),   -- the walk that wants it
    event    INTEGER REFERENCES event (id), -- the event behind it
    actor    TEXT,                       -- the operator who asked
    state    TEXT NOT NULL CHECK (state = 'open' OR state = 'running' OR state = 'held' OR -- not ended
                 state = 'done' OR state = 'skipped' OR state = 'dropped' OR state = 'dead' OR state = 'ignored' OR state = 'unlinked'),
    due      TEXT NOT NULL,              -- not before this time
    attempts INTEGER NOT NULL DEFAULT 0, -- how often it was tried
    looks    INTEGER NOT NULL DEFAULT 0, -- late looks made after an event whose effect Okta did not show yet
    action   TEXT CHECK (action = 'deactivate' OR action = 'activate' OR action = 'remove_role'), -- what is held, or was let through the brake
    cleared  TEXT NOT NULL DEFAULT '' CHECK (cleared = '' OR cleared = 'walk' OR cleared = 'approved'), -- who let the action through
    epoch    INTEGER NOT NULL DEFAULT 0, -- the worker that took it; another one's outcome is refused
    created  TEXT NOT NULL,              -- when it was made
    claimed  TEXT,                       -- when it was last taken
    finished TEXT,                       -- when it ended
    error    TEXT,                       -- what the last attempt met
    CHECK ((finished IS NULL) = (state = 'open' OR state = 'running' OR state = 'held'))
) STRICT;
-- No index holds the state of rows that have ended, so that to keep a promise
-- touches only the two small ones it leaves. SQLite does not know how small
-- they are, so who means one names it (INDEXED BY).
CREATE INDEX outbox_open ON outbox (priority, due, id) WHERE state = 'open';
CREATE INDEX outbox_pending ON outbox (okta_id, due) WHERE state = 'open' OR state = 'running';
CREATE INDEX outbox_stuck ON outbox (state, okta_id) WHERE state = 'held' OR state = 'dead';
CREATE INDEX outbox_user ON outbox (okta_id);
CREATE INDEX outbox_run ON outbox (run) WHERE run IS NOT NULL;
CREATE INDEX outbox_event ON outbox (event) WHERE event IS NOT NULL;

-- What the brake has let through for hooks, by user: the sliding hour.
CREATE TABLE budget (
    action  TEXT NOT NULL CHECK (action = 'deactivate' OR action = 'activate' OR action = 'remove_role'), -- what was let through
    okta_id TEXT NOT NULL, -- for whom
    spent   TEXT NOT NULL, -- when, the last time
    PRIMARY KEY (action, okta_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX budget_spent ON budget (action, spent);

-- What a person has said no to. It stands until the user moves again.
CREATE TABLE discard (
    okta_id      TEXT NOT NULL, -- the user
    action       TEXT NOT NULL CHECK (action = 'deactivate' OR action = 'activate' OR action = 'remove_role'), -- what is not to be done
    okta_updated TEXT,          -- Okta's lastUpdated when it was said
    okta_status  TEXT NOT NULL, -- Okta's status then
    said         TEXT NOT NULL, -- when
    PRIMARY KEY (okta_id, action)
) STRICT, WITHOUT ROWID;

-- Okta's users as last read. What a walk settles from, and what tells who
-- else claims an address.
CREATE TABLE directory (
    n             INTEGER PRIMARY KEY,  -- a walk's bit set of seen rows counts by it
    okta_id       TEXT NOT NULL UNIQUE, -- Okta's id
    created       TEXT,                 -- Okta's created
    updated       TEXT,                 -- Okta's lastUpdated
    status        TEXT NOT NULL,        -- Okta's status, or DELETED when the id read 404
    transitioning TEXT NOT NULL,        -- Okta's transitioningToStatus, mostly ''
    login         TEXT NOT NULL,        -- profile.login
    email         TEXT NOT NULL,        -- profile.email as Okta has it
    address       TEXT NOT NULL,        -- email, trimmed, in lower case
    first_name    TEXT NOT NULL,        -- profile.firstName
    last_name     TEXT NOT NULL,        -- profile.lastName
    title         TEXT NOT NULL         -- profile.title
) STRICT;
CREATE INDEX directory_address ON directory (address) WHERE address <> '';

-- ZenQMS's users as last read, so that a walk matches without a call per
-- user. It finds, it never concludes.
CREATE TABLE account (
    zenqms_id   TEXT PRIMARY KEY, -- ZenQMS's id, opaque
    external_id TEXT NOT NULL,    -- '' when ZenQMS has none
    email       TEXT NOT NULL,    -- as ZenQMS has it
    address     TEXT NOT NULL,    -- email, trimmed, in lower case
    first_name  TEXT NOT NULL,    -- as ZenQMS has it
    last_name   TEXT NOT NULL,    -- as ZenQMS has it
    title       TEXT NOT NULL,    -- as ZenQMS has it
    active      INTEGER NOT NULL CHECK (active IN (0, 1)), -- is_active
    roles       TEXT NOT NULL DEFAULT '[]', -- JSON array of {"ID": ..., "Name": ...}
    generation  INTEGER NOT NULL, -- the reading that saw it last
    told        TEXT NOT NULL     -- when this was written down
) STRICT, WITHOUT ROWID;
CREATE INDEX account_external ON account (external_id) WHERE external_id <> '';
CREATE INDEX account_address ON account (address) WHERE address <> '';

-- Which Okta user is which ZenQMS user, and what was last applied.
CREATE TABLE link (
    okta_id      TEXT PRIMARY KEY,     -- the Okta user
    zenqms_id    TEXT NOT NULL UNIQUE, -- the ZenQMS user: links are one to one
    email        TEXT NOT NULL,  -- the address ZenQMS last answered with
    address      TEXT NOT NULL,  -- the same, trimmed, in lower case
    active       INTEGER NOT NULL CHECK (active IN (0, 1)), -- is_active as ZenQMS last answered
    roles        TEXT NOT NULL,  -- JSON array of role names ZenQMS last answered with
    okta_updated TEXT,           -- Okta's lastUpdated of what was last applied
    okta_status  TEXT NOT NULL,  -- Okta's status of what was last applied
    wish         TEXT NOT NULL,  -- hash of what Okta and the config asked for when last applied
    taken_from   TEXT NOT NULL,  -- the Okta id the account still carries after an operator's relink; '' otherwise
    entitled     TEXT NOT NULL DEFAULT '[]', -- JSON array of ids of the mapped roles his groups gave him when roles were last applied; ? before one: a call was to change it, and what came of it is unknown; - for one: no sync since the link was made has come to its end
    created      TEXT NOT NULL,  -- when the link was made
    applied_at   TEXT NOT NULL   -- when that was
) STRICT, WITHOUT ROWID;
CREATE INDEX link_address ON link (address);
CREATE INDEX link_active ON link (active);

-- Who is not, or not wholly, in step, and why.
CREATE TABLE skip (
    okta_id      TEXT PRIMARY KEY, -- the Okta user
    code         TEXT NOT NULL CHECK (code = 'missing' OR code = 'conflict' OR code = 'ambiguous' OR code = 'refused'), -- the reason in a word
    reason       TEXT NOT NULL,  -- for a person: what is wrong and what to do
    login        TEXT NOT NULL,  -- Okta's login, for a person to recognise him by
    email        TEXT NOT NULL,  -- the address Okta asks for
    address      TEXT NOT NULL,  -- the same, trimmed, in lower case
    fields       TEXT NOT NULL,  -- of a linked user: the held-back fields, space separated; '' when the whole user waits
    okta_updated TEXT,           -- Okta's lastUpdated when it was skipped
    okta_status  TEXT NOT NULL,  -- Okta's status then
    wish         TEXT NOT NULL,  -- hash of what Okta and the config asked for then
    since        TEXT NOT NULL,  -- when this reason began
    last_seen    TEXT NOT NULL   -- when it was last found to hold
) STRICT, WITHOUT ROWID;
CREATE INDEX skip_address ON skip (address);

-- The log: what was done, to whom, why and with what outcome. Append-only and
-- chained: hash is the SHA-256, in hex, of the JSON array [hash of the row
-- before or "", seq, attempt, time, origin, run, event, actor, okta_id,
-- zenqms_id, action, outcome, changes, error], without spaces, NULL as null.
-- Hex is in lower case. Columns of type INTEGER are JSON numbers, those of
-- type TEXT are JSON strings, changes as well: the text of the column, not the
-- object it holds. In a string, " and \ have a backslash before them; the
-- characters U+0008, U+0009, U+000A, U+000C and U+000D are \b, \t, \n, \f and
-- \r; the others below U+0020, and U+2028 and U+2029, are \u and four hex
-- digits; every other character stands for itself, in UTF-8.
-- `zensync export` writes a row as the JSON object of these columns and hash,
-- in this order, with values in the same form.
CREATE TABLE log (
    seq       INTEGER PRIMARY KEY, -- 1, 2, 3 ... without a gap
    attempt   INTEGER NOT NULL,    -- rows of one attempt share it: the seq of its first row
    time      TEXT NOT NULL,       -- when the outcome was recorded
    origin    TEXT NOT NULL CHECK (origin = 'initial' OR origin = 'hook' OR origin = 'reconcile' OR origin = 'manual' OR origin = 'unlink' OR origin = 'operator'), -- what made the attempt
    run       INTEGER,             -- id of the walk that wanted it
    event     TEXT,                -- uuid of the Okta event
    actor     TEXT,                -- the Okta admin behind the event, or the operator
    okta_id   TEXT,                -- the Okta user
    zenqms_id TEXT,                -- the ZenQMS user
    action    TEXT NOT NULL CHECK (action = 'create' OR action = 'update' OR action = 'activate' OR action = 'deactivate' OR -- what was done
                  action = 'link' OR action = 'relink' OR action = 'add_role' OR action = 'remove_role' OR action = 'unlink' OR
                  action = 'skip' OR action = 'none' OR
                  action = 'approve' OR action = 'discard' OR action = 'pause' OR action = 'resume' OR -- by an operator
                  action = 'deploy' OR action = 'config' OR action = 'restore' OR action = 'version'),
    outcome   TEXT NOT NULL CHECK (outcome = 'ok' OR outcome = 'unchanged' OR outcome = 'skipped' OR outcome = 'held' OR outcome = 'dropped' OR outcome = 'failed'), -- how it went
    changes   TEXT,                -- JSON object: {"title": {"old": ..., "new": ...}}
    error     TEXT,                -- why it failed, was skipped or changed nothing
    hash      TEXT NOT NULL        -- of this row and the one before
) STRICT;
CREATE INDEX log_time ON log (time);
CREATE INDEX log_user ON log (okta_id, seq) WHERE okta_id IS NOT NULL;
CREATE INDEX log_run ON log (run) WHERE run IS NOT NULL;

-- +goose StatementBegin
CREATE TRIGGER log_no_update BEFORE UPDATE ON log
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_no_replace BEFORE INSERT ON log WHEN EXISTS (SELECT 1 FROM log WHERE seq = NEW.seq)
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_no_delete BEFORE DELETE ON log
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;
-- +goose StatementEnd
