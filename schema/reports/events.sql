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
SELECT id, type, published, received, okta_id, state, attempts, latency_ms, error
FROM (
    SELECT * FROM ( -- what nobody has sorted in yet
        SELECT 1 AS unsorted, arrival.id AS place, arrival.place AS part, arrival.nth, arrival.uuid AS id, arrival.type,
               arrival.published, arrival.received, arrival.okta_id,
               CASE WHEN arrival.ignored IS NULL THEN 'open' ELSE 'ignored' END AS state, 0 AS attempts,
               NULL AS latency_ms, arrival.ignored AS error
        FROM arrival
        WHERE (:since IS NULL OR arrival.received >= :since)
          AND (:until IS NULL OR arrival.received < :until)
          AND (:user IS NULL OR arrival.okta_id = :user)
        ORDER BY arrival.id DESC, arrival.place DESC, arrival.nth DESC
        LIMIT coalesce(:limit, -1)
    )
    UNION ALL
    SELECT * FROM (
        SELECT 0, event.id, outbox.id, NULL, event.uuid, event.type,
               event.published, event.received, outbox.okta_id,
               coalesce(outbox.state, 'ignored'), coalesce(outbox.attempts, 0),
               CASE WHEN outbox.state = 'done' AND event.published IS NOT NULL
                    THEN CAST(round((julianday(outbox.finished) - julianday(event.published)) * 86400000) AS INTEGER) END,
               coalesce(outbox.error, event.ignored)
        FROM event LEFT JOIN outbox ON outbox.event = event.id
        WHERE event.id >= CASE WHEN :since IS NULL THEN 0 ELSE (SELECT min(id) FROM event AS event_since INDEXED BY event_received WHERE received >= :since) END
          AND (:since IS NULL OR event.received >= :since)
          AND (:until IS NULL OR event.received < :until)
          AND (:user IS NULL OR outbox.okta_id = :user)
        ORDER BY event.id DESC, outbox.id DESC
        LIMIT coalesce(:limit, -1) -- here already: nobody sorts all events for the latest ten
    )
)
ORDER BY unsorted DESC, place DESC, part DESC, nth DESC
LIMIT coalesce(:limit, -1)
