-- What `zensync unlink` has cleared in ZenQMS and what it still has to, the latest first.
--
-- okta_id     the Okta user
-- zenqms_id   the ZenQMS user
-- email       the address the store had of him
-- cleared_at  when his external_id was cleared, UTC; --since and --until are about when that was last tried
-- outcome     ok; unchanged where nothing of ours was to be cleared; failed, or nothing, where it is still to do
-- error       why it failed, or why nothing was to be cleared
SELECT okta_id, zenqms_id, email, cleared_at, outcome, error
FROM (
    SELECT run, tried AS at, okta_id, zenqms_id, email, cleared_at, outcome, error
    FROM unlinked
    UNION ALL
    SELECT run.id, run.started, link.okta_id, link.zenqms_id, link.email, NULL, NULL, NULL
    FROM link, run
    WHERE run.kind = 'unlink' AND run.finished IS NULL
      AND NOT EXISTS (SELECT 1 FROM unlinked WHERE unlinked.run = run.id AND unlinked.zenqms_id = link.zenqms_id)
)
WHERE (:user IS NULL OR okta_id = :user)
  AND (:run IS NULL OR run = :run)
  AND (:since IS NULL OR at >= :since)
  AND (:until IS NULL OR at < :until)
ORDER BY at DESC, zenqms_id
LIMIT coalesce(:limit, -1)
