-- What `zensync unlink` has cleared in ZenQMS and what it still has to, the latest first.
-- outcome is unchanged where nothing of ours was to be cleared, as error says; failed, or nothing, where it is still to do.
SELECT okta_id, zenqms_id, email, cleared_at, outcome, error
FROM (
    SELECT run, tried AS at, okta_id, zenqms_id, email, cleared_at, outcome, error
    FROM unlinked
    UNION ALL
    SELECT r.id, r.started, l.okta_id, l.zenqms_id, l.email, NULL, NULL, NULL
    FROM link l, run r
    WHERE r.kind = 'unlink' AND r.finished IS NULL
      AND NOT EXISTS (SELECT 1 FROM unlinked u WHERE u.run = r.id AND u.zenqms_id = l.zenqms_id)
)
WHERE (:user IS NULL OR okta_id = :user)
  AND (:run IS NULL OR run = :run)
  AND (:since IS NULL OR at >= :since)
  AND (:until IS NULL OR at < :until)
ORDER BY at DESC, zenqms_id
LIMIT coalesce(:limit, -1)
