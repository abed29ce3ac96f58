-- Work that was given up after its last attempt, the oldest first.
-- `zensync retry ID...` tries again, and so do a new event, a walk that finds the user different, and `zensync sync USER`.
SELECT id, okta_id, origin, attempts, error, finished AS since
FROM outbox
WHERE state = 'dead'
  AND (:user IS NULL OR okta_id = :user)
  AND (:run IS NULL OR run = :run)
  AND (:since IS NULL OR finished >= :since)
  AND (:until IS NULL OR finished < :until)
ORDER BY finished, id
LIMIT coalesce(:limit, -1)
