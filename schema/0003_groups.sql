-- +goose Up
-- The Okta groups that the config names, as deploy has resolved them: a later
-- rename, or a second group of the name, changes nothing.
CREATE TABLE mapped_group (
    purpose    TEXT NOT NULL CHECK (purpose IN ('scope', 'role')), -- what it is for
    configured TEXT NOT NULL,    -- as the config names it
    group_id   TEXT NOT NULL,    -- Okta's id
    name       TEXT NOT NULL,    -- its name in Okta when it was resolved
    deleted    TEXT,             -- when group.lifecycle.delete named it; NULL: never
    frozen     TEXT,             -- why it could not be read last time; NULL: it could
    PRIMARY KEY (purpose, configured)
) STRICT, WITHOUT ROWID;
CREATE INDEX mapped_group_id ON mapped_group (group_id);

-- Who is in those groups, as last read.
CREATE TABLE member (
    group_id   TEXT NOT NULL,    -- Okta's id of the group
    okta_id    TEXT NOT NULL,    -- the user
    generation INTEGER NOT NULL, -- the run whose reading saw him last; 0: a reading of the user himself
    PRIMARY KEY (okta_id, group_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_group ON member (group_id, generation);

-- Which group gives which ZenQMS role, as deploy has resolved both.
CREATE TABLE role_map (
    group_id   TEXT NOT NULL, -- Okta's id of the group
    role_id    TEXT NOT NULL, -- ZenQMS's id of the role, opaque
    role_name  TEXT NOT NULL, -- its name in ZenQMS when it was resolved
    configured TEXT NOT NULL, -- the pair as the config names it: group -> role
    frozen     TEXT,          -- why the role could not be found last time; NULL: it could
    PRIMARY KEY (group_id, role_id)
) STRICT, WITHOUT ROWID;
