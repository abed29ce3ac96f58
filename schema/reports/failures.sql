-- Whose syncs failed in the period of --since and --until, and how that ended: one row per user, those that have not ended first.
--
-- okta_id   the Okta user
-- first     when it failed first in the period, UTC
-- last      when it failed last in the period, UTC
-- attempts  how many attempts failed
-- action    what the last of them was to do
-- error     what it met
-- ended     when a later attempt came through, UTC; empty while none has
-- outcome   what that came to, an action and its outcome; else how it stands: open, it is tried again; dead, it was given up; closed, by
--           a person or the decommissioning
WITH failed AS (
    SELECT okta_id, min(time) AS first, max(time) AS last, count(DISTINCT attempt) AS attempts, max(seq) AS seq
    FROM log
    WHERE outcome = 'failed' AND okta_id IS NOT NULL AND origin NOT IN ('operator', 'unlink')
      AND time >= coalesce(:since, '') AND time < coalesce(:until, '~')
      AND (:user IS NULL OR okta_id = :user)
    GROUP BY okta_id
), ended AS (
    SELECT failed.*,
           (SELECT min(seq) FROM log AS log_after
            WHERE log_after.okta_id = failed.okta_id AND log_after.seq > failed.seq AND log_after.outcome <> 'failed'
              AND log_after.origin NOT IN ('operator', 'unlink')
              AND log_after.attempt <> (SELECT attempt FROM log AS log_last WHERE log_last.seq = failed.seq)) AS after
    FROM failed
)
SELECT ended.okta_id, ended.first, ended.last, ended.attempts, log_failed.action, log_failed.error, log_ended.time AS ended,
       CASE WHEN ended.after IS NOT NULL THEN log_ended.action || ' ' || log_ended.outcome
            WHEN EXISTS (SELECT 1 FROM outbox WHERE outbox.okta_id = ended.okta_id AND (state = 'open' OR state = 'running'))
                 OR ended.okta_id IN (SELECT okta_id FROM arrival) THEN 'open'
            WHEN EXISTS (SELECT 1 FROM outbox WHERE outbox.okta_id = ended.okta_id AND state = 'dead') THEN 'dead'
            ELSE 'closed' END AS outcome
FROM ended
    JOIN log AS log_failed ON log_failed.seq = ended.seq
    LEFT JOIN log AS log_ended ON log_ended.seq = ended.after
ORDER BY ended.after IS NOT NULL, ended.last DESC, ended.okta_id
LIMIT coalesce(:limit, -1)
