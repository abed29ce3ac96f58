-- +goose Up
-- For the reports over a period: what they look for is a small part of what
-- there is, and an index of that part alone costs other rows nothing. An IN of
-- three would: SQLite makes a table of its own for it, for every row.
CREATE INDEX event_gone ON event (received) WHERE type = 'user.lifecycle.deactivate' OR type = 'user.lifecycle.suspend' OR type = 'user.lifecycle.delete.initiated';
CREATE INDEX log_deactivate ON log (time) WHERE action = 'deactivate';
