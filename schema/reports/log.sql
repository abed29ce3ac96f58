-- What was done in ZenQMS, to whom, why and with what outcome; the latest first.
-- Rows of one attempt share attempt; changes is {"field": {"old": ..., "new": ...}}.
SELECT seq, attempt, time, origin, run, event, actor, okta_id, zenqms_id, action, outcome, changes, error
FROM log
WHERE (:user IS NULL OR okta_id = :user)
  AND (:run IS NULL OR run = :run)
  AND (:since IS NULL OR time >= :since)
  AND (:until IS NULL OR time < :until)
ORDER BY seq DESC
LIMIT coalesce(:limit, -1)
