-- Which Okta user is which ZenQMS user, and when Okta's state was last applied.
-- okta_updated is Okta's lastUpdated of what was applied; active is what ZenQMS answered then.
SELECT okta_id, zenqms_id, email, active, roles, okta_updated, applied_at
FROM link
WHERE (:user IS NULL OR okta_id = :user)
  AND (:since IS NULL OR applied_at >= :since)
  AND (:until IS NULL OR applied_at < :until)
ORDER BY okta_id
LIMIT coalesce(:limit, -1)
