-- The walks (initial syncs and reconciles), the latest first, each with how many distinct users met what.
-- users were seen in Okta; unchanged needed nothing; the other counts are of the log rows of the run.
SELECT r.id, r.kind, r.state, r.started, r.finished, r.users,
       count(DISTINCT CASE WHEN l.action = 'create' AND l.outcome = 'ok' THEN l.okta_id END) AS created,
       count(DISTINCT CASE WHEN l.action = 'update' AND l.outcome = 'ok' THEN l.okta_id END) AS updated,
       count(DISTINCT CASE WHEN l.action = 'activate' AND l.outcome = 'ok' THEN l.okta_id END) AS activated,
       count(DISTINCT CASE WHEN l.action = 'deactivate' AND l.outcome = 'ok' THEN l.okta_id END) AS deactivated,
       count(DISTINCT CASE WHEN l.action IN ('link', 'relink') AND l.outcome = 'ok' THEN l.okta_id END) AS linked,
       r.unchanged + count(DISTINCT CASE WHEN l.outcome = 'unchanged' THEN l.okta_id END) AS unchanged,
       r.skipped + count(DISTINCT CASE WHEN l.outcome = 'skipped' THEN l.okta_id END) AS skipped,
       count(DISTINCT CASE WHEN l.outcome = 'failed' THEN l.okta_id END) AS failed,
       count(DISTINCT CASE WHEN l.outcome = 'held' THEN l.okta_id END) AS held
FROM run r LEFT JOIN log l ON l.run = r.id
WHERE (:run IS NULL OR r.id = :run)
  AND (:since IS NULL OR r.wanted >= :since)
  AND (:until IS NULL OR r.wanted < :until)
GROUP BY r.id
ORDER BY r.id DESC
LIMIT coalesce(:limit, -1)
