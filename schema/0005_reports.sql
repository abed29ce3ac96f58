-- +goose Up
-- For the reports over a period: what they look for is a small part of what
-- there is, and an index of that part alone costs other rows nothing.
CREATE INDEX event_gone ON event (received) WHERE type IN ('user.lifecycle.deactivate', 'user.lifecycle.suspend', 'user.lifecycle.delete.initiated');
CREATE INDEX log_deactivate ON log (time) WHERE action = 'deactivate';
