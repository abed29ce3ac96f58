-- Who is skipped now, or held back in part, and why; the longest first.
--
-- okta_id    the Okta user
-- login      his login in Okta, to recognise him by
-- email      the address Okta asks for
-- reason     missing, conflict, ambiguous or refused, and in words what is wrong and what to do
-- since      when this reason began, UTC; --until is about it
-- last_seen  when it was last found to hold, UTC; --since is about it
SELECT okta_id, login, email, code || ': ' || reason AS reason, since, last_seen
FROM skip
WHERE (:user IS NULL OR okta_id = :user)
  AND (:since IS NULL OR last_seen >= :since)
  AND (:until IS NULL OR since < :until)
ORDER BY since, okta_id
LIMIT coalesce(:limit, -1)
