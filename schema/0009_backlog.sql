-- +goose Up
-- How long the queue is, and since when, is asked by the page, by whoever
-- scrapes the metrics and by status, in a storm of hundreds of thousands of
-- promises too: both indexes answer it without reading a row of the table.
DROP INDEX outbox_open;
CREATE INDEX outbox_open ON outbox (priority, due, id, created) WHERE state = 'open';
CREATE INDEX outbox_running ON outbox (okta_id, created) WHERE state = 'running';
-- When somebody who leaves was active again is asked of each: it need not read all
-- that was ever done about him.
CREATE INDEX log_revived ON log (okta_id, seq) WHERE action IN ('create', 'activate');
