-- +goose Up
-- What each address of notify.urls was last told, so that a restart neither
-- repeats nor forgets. A row goes when its cause is solved and that was told.
CREATE TABLE alert (
    channel TEXT NOT NULL,    -- the address: its service, and 16 bits of its SHA-256, too few to try passwords on
    cause   TEXT NOT NULL,    -- what it is about, as in held or hook; digest: the digest
    gist    TEXT NOT NULL,    -- what was told of it, where more than one thing can be; else ''
    size    INTEGER NOT NULL, -- of how many; lowered, without a word, when they become fewer
    told    TEXT NOT NULL,    -- when that was
    PRIMARY KEY (channel, cause)
) STRICT, WITHOUT ROWID;
