-- Which Okta user is which ZenQMS user, and when Okta's state was last applied.
--
-- okta_id       the Okta user
-- zenqms_id     the ZenQMS user
-- email         the address ZenQMS last answered with
-- active        whether ZenQMS last answered that the account is active
-- roles         the names of the roles ZenQMS last answered with
-- okta_updated  Okta's lastUpdated of what was applied, UTC
-- applied_at    when that was, UTC; --since and --until are about it
SELECT okta_id, zenqms_id, email, active, roles, okta_updated, applied_at
FROM link
WHERE (:user IS NULL OR okta_id = :user)
  AND (:since IS NULL OR applied_at >= :since)
  AND (:until IS NULL OR applied_at < :until)
ORDER BY okta_id
LIMIT coalesce(:limit, -1)
