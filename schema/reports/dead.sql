-- Work that was given up after its last attempt, the oldest first.
-- `zensync retry ID...` tries again, and so do a new event, a walk that finds the user different, and `zensync sync USER`.
--
-- id        the promise, as `zensync retry` takes it
-- okta_id   the user it is about
-- origin    what made it: initial, hook, reconcile or manual
-- attempts  how often it was tried
-- error     what the last attempt met
-- since     when it was given up, UTC; --since and --until are about it
SELECT id, okta_id, origin, attempts, error, finished AS since
FROM outbox
WHERE state = 'dead'
  AND (:user IS NULL OR okta_id = :user)
  AND (:run IS NULL OR run = :run)
  AND (:since IS NULL OR finished >= :since)
  AND (:until IS NULL OR finished < :until)
ORDER BY finished, id
LIMIT coalesce(:limit, -1)
