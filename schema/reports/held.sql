-- What the brake holds until a person decides, the oldest first.
-- `zensync approve ID...` carries it out, `zensync discard ID...` does not; both want --reason.
SELECT o.id, o.run, o.okta_id, coalesce(l.email, d.email) AS email, o.action, o.error AS reason, o.due AS since
FROM outbox o LEFT JOIN link l ON l.okta_id = o.okta_id LEFT JOIN directory d ON d.okta_id = o.okta_id
WHERE o.state = 'held'
  AND (:user IS NULL OR o.okta_id = :user)
  AND (:run IS NULL OR o.run = :run)
  AND (:since IS NULL OR o.due >= :since)
  AND (:until IS NULL OR o.due < :until)
ORDER BY o.id
LIMIT coalesce(:limit, -1)
