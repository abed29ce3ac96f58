-- The Okta events that reached the relay, the latest first: one row per event and user it names.
-- latency_ms is from Okta's published to the end of the work; an ignored event says why in error.
SELECT e.uuid AS id, e.type, e.published, e.received, o.okta_id,
       coalesce(o.state, 'ignored') AS state, coalesce(o.attempts, 0) AS attempts,
       CASE WHEN o.state = 'done' AND e.published IS NOT NULL
            THEN CAST(round((julianday(o.finished) - julianday(e.published)) * 86400000) AS INTEGER) END AS latency_ms,
       coalesce(o.error, e.ignored) AS error
FROM event e LEFT JOIN outbox o ON o.event = e.id
WHERE (:user IS NULL OR o.okta_id = :user)
  AND (:since IS NULL OR e.received >= :since)
  AND (:until IS NULL OR e.received < :until)
ORDER BY e.id DESC, o.id DESC
LIMIT coalesce(:limit, -1)
