-- Who is skipped now, or held back in part, and why; the longest first.
-- reason says what to do; since is when it began, last_seen when it was last found to hold.
SELECT okta_id, login, email, code || ': ' || reason AS reason, since, last_seen
FROM skip
WHERE (:user IS NULL OR okta_id = :user)
  AND (:since IS NULL OR last_seen >= :since)
  AND (:until IS NULL OR since < :until)
ORDER BY since, okta_id
LIMIT coalesce(:limit, -1)
