-- +goose Up
-- What the decommissioning has done, account by account. The links themselves
-- go with it, so who was whom stands here.
CREATE TABLE unlinked (
    run        INTEGER NOT NULL REFERENCES run (id), -- the decommissioning
    zenqms_id  TEXT NOT NULL, -- the ZenQMS user
    okta_id    TEXT NOT NULL, -- the Okta user he was linked to
    email      TEXT NOT NULL, -- the address the store had of him then
    tried      TEXT NOT NULL, -- when this outcome was recorded
    cleared_at TEXT,          -- when his external_id was cleared; NULL where it was not
    outcome    TEXT NOT NULL CHECK (outcome = 'ok' OR outcome = 'unchanged' OR outcome = 'failed'), -- unchanged: there was nothing of ours to clear
    error      TEXT,          -- why it failed, or why nothing was to be cleared
    PRIMARY KEY (run, zenqms_id),
    CHECK ((cleared_at IS NOT NULL) = (outcome = 'ok'))
) STRICT, WITHOUT ROWID;
