-- +goose Up
-- What the relay has accepted and nobody has sorted into event and outbox yet.
-- A delivery is one row at the end of one table: uuids and users come in no
-- order, and to keep them in order by indexes is twice the work of all else
-- that the relay does. Whoever does the worker's job does it instead.
CREATE TABLE inbox (
    id       INTEGER PRIMARY KEY, -- order of arrival, of what is here
    received TEXT NOT NULL,       -- when the relay stored it
    events   TEXT NOT NULL        -- JSON array of objects with uuid, type, published, actor, users, groups and ignored, as event has them; users are the Okta ids of its User targets; what there is none of is left out
) STRICT;

-- The same as the reports read it: what event and outbox will have, once each.
CREATE VIEW arrival AS
SELECT sheet.id, sheet.place, sheet.uuid, json_extract(sheet.event, '$.type') AS type, json_extract(sheet.event, '$.published') AS published,
       sheet.received, json_extract(sheet.event, '$.ignored') AS ignored, who.value AS okta_id, who.key AS nth
FROM (
    SELECT min(inbox.id) AS id, inbox.received, item.key AS place, item.value AS event, json_extract(item.value, '$.uuid') AS uuid
    FROM inbox, json_each(inbox.events) AS item
    GROUP BY json_extract(item.value, '$.uuid') -- of the first with a uuid, as SQLite has it for min
) AS sheet LEFT JOIN json_each(json_extract(sheet.event, '$.users')) AS who ON json_extract(sheet.event, '$.ignored') IS NULL
WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.uuid = sheet.uuid);
