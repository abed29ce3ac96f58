-- +goose Up
-- A person's no to taking roles away stands until the user's groups give him
-- other roles, which moves no lastUpdated. The table is made anew, for SQLite
-- keeps no comment of a column that is added.
ALTER TABLE discard RENAME TO discard_before;
-- What a person has said no to. It stands until the user moves again.
CREATE TABLE discard (
    okta_id      TEXT NOT NULL, -- the user
    action       TEXT NOT NULL CHECK (action = 'deactivate' OR action = 'activate' OR action = 'remove_role'), -- what is not to be done
    okta_updated TEXT,          -- Okta's lastUpdated when it was said
    okta_status  TEXT NOT NULL, -- Okta's status then
    entitled     TEXT NOT NULL, -- JSON array of ids of the mapped roles his groups gave him then; '' where that was not noted
    said         TEXT NOT NULL, -- when
    PRIMARY KEY (okta_id, action)
) STRICT, WITHOUT ROWID;
INSERT INTO discard SELECT okta_id, action, okta_updated, okta_status, '', said FROM discard_before;
DROP TABLE discard_before;
