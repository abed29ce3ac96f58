-- +goose Up
-- Old rows of the log may leave the store once they stand in a file and a row
-- of the log says so. The table is made anew, for SQLite cannot change a CHECK.
DROP TRIGGER log_no_update;
DROP TRIGGER log_no_replace;
DROP TRIGGER log_no_delete;
ALTER TABLE log RENAME TO log_before;
-- The log: what was done, to whom, why and with what outcome. Append-only and
-- chained: how a hash is reckoned stands beside the table in 0001_store.sql.
-- It begins with row 1, or behind the last row that was archived.
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
                  action = 'deploy' OR action = 'config' OR action = 'restore' OR action = 'version' OR action = 'archive'),
    outcome   TEXT NOT NULL CHECK (outcome = 'ok' OR outcome = 'unchanged' OR outcome = 'skipped' OR outcome = 'held' OR outcome = 'dropped' OR outcome = 'failed'), -- how it went
    changes   TEXT,                -- JSON object: {"title": {"old": ..., "new": ...}}
    error     TEXT,                -- why it failed, was skipped or changed nothing
    hash      TEXT NOT NULL        -- of this row and the one before
) STRICT;
INSERT INTO log SELECT seq, attempt, time, origin, run, event, actor, okta_id, zenqms_id, action, outcome, changes, error, hash FROM log_before ORDER BY seq;
DROP TABLE log_before;
CREATE INDEX log_time ON log (time);
CREATE INDEX log_user ON log (okta_id, seq) WHERE okta_id IS NOT NULL;
CREATE INDEX log_run ON log (run) WHERE run IS NOT NULL;
CREATE INDEX log_deactivate ON log (time) WHERE action = 'deactivate';
CREATE INDEX log_archive ON log (seq) WHERE action = 'archive';

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
CREATE TRIGGER log_no_delete BEFORE DELETE ON log WHEN NOT EXISTS (
    SELECT 1 FROM log AS archived
    WHERE archived.action = 'archive' AND archived.outcome = 'ok' AND archived.seq > OLD.seq AND json_extract(archived.changes, '$.last.new') >= OLD.seq)
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;
-- +goose StatementEnd

-- Since when somebody holds a role that zensync gave him, where the row of the
-- log that tells of it was archived.
CREATE TABLE granted (
    okta_id TEXT NOT NULL, -- the Okta user
    role    TEXT NOT NULL, -- the role's name in ZenQMS at that time
    since   TEXT NOT NULL, -- when zensync gave it to him, the last time
    PRIMARY KEY (okta_id, role)
) STRICT, WITHOUT ROWID;
