-- The Okta events that reached the relay, the latest first: one row per event and user it names.
--
-- id          Okta's uuid of the event, or sha256:... of its content where it had none
-- type        Okta's eventType
-- published   when Okta says it happened, UTC
-- received    when the relay stored it, UTC; --since and --until are about it
-- okta_id     the user it is about; empty where the event asks for nothing
-- state       open, running, held, done, skipped, dropped, dead, ignored or unlinked
-- attempts    how often his sync was tried
-- latency_ms  milliseconds from published to the end of the work, where it was done
-- error       what the last attempt met; of an ignored event, why it asks for nothing
SELECT event.uuid AS id, event.type, event.published, event.received, outbox.okta_id,
       coalesce(outbox.state, 'ignored') AS state, coalesce(outbox.attempts, 0) AS attempts,
       CASE WHEN outbox.state = 'done' AND event.published IS NOT NULL
            THEN CAST(round((julianday(outbox.finished) - julianday(event.published)) * 86400000) AS INTEGER) END AS latency_ms,
       coalesce(outbox.error, event.ignored) AS error
FROM event LEFT JOIN outbox ON outbox.event = event.id
WHERE event.id >= CASE WHEN :since IS NULL THEN 0 ELSE (SELECT min(id) FROM event AS event_since WHERE received >= :since) END
  AND (:since IS NULL OR event.received >= :since)
  AND (:until IS NULL OR event.received < :until)
  AND (:user IS NULL OR outbox.okta_id = :user)
ORDER BY event.id DESC, outbox.id DESC
LIMIT coalesce(:limit, -1)
