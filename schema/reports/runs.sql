-- The walks (initial syncs and reconciles), the latest first, each with how many distinct users met what.
--
-- id           number of the run
-- kind         initial, reconcile, manual (over the users of a large sync) or unlink
-- state        wanted, running, done or failed
-- started      when it began, the last time, UTC
-- finished     when everything it wants stood in the outbox, UTC
-- users        Okta users it saw
-- created      users who got an account
-- updated      users of whom something was changed
-- activated    users whose account was made active
-- deactivated  users whose account was made inactive
-- linked       users who were linked to an account that was there
-- unchanged    users it had nothing to do for
-- skipped      users who are skipped
-- failed       users at whom an attempt failed, though a later one may have succeeded
-- held         users of whom the brake holds something
SELECT run.id, run.kind, run.state, run.started, run.finished, run.users,
       count(DISTINCT CASE WHEN log.action = 'create' AND log.outcome = 'ok' THEN log.okta_id END) AS created,
       count(DISTINCT CASE WHEN log.action = 'update' AND log.outcome = 'ok' THEN log.okta_id END) AS updated,
       count(DISTINCT CASE WHEN log.action = 'activate' AND log.outcome = 'ok' THEN log.okta_id END) AS activated,
       count(DISTINCT CASE WHEN log.action = 'deactivate' AND log.outcome = 'ok' THEN log.okta_id END) AS deactivated,
       count(DISTINCT CASE WHEN log.action IN ('link', 'relink') AND log.outcome = 'ok' THEN log.okta_id END) AS linked,
       run.unchanged + count(DISTINCT CASE WHEN log.outcome = 'unchanged' THEN log.okta_id END) AS unchanged,
       run.skipped + count(DISTINCT CASE WHEN log.outcome = 'skipped' THEN log.okta_id END) AS skipped,
       count(DISTINCT CASE WHEN log.outcome = 'failed' THEN log.okta_id END) AS failed,
       count(DISTINCT CASE WHEN log.outcome = 'held' THEN log.okta_id END) AS held
FROM run LEFT JOIN log ON log.run = run.id
WHERE (:run IS NULL OR run.id = :run)
  AND (:since IS NULL OR run.wanted >= :since)
  AND (:until IS NULL OR run.wanted < :until)
GROUP BY run.id
ORDER BY run.id DESC
LIMIT coalesce(:limit, -1)
