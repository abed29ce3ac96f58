-- How many Okta events reached the relay, hour by hour, the latest hour first. Hours without any are not listed.
--
-- hour    of received, in UTC, as in 2026-03-01T14; --since and --until are about received
-- events  how many were stored, those that ask for nothing included
WITH counted AS (
    SELECT substr(received, 1, 13) AS hour, count(*) AS n
    FROM event
    WHERE received >= coalesce(:since, '')
      AND received < coalesce(:until, '~')
      AND (:user IS NULL OR EXISTS (SELECT 1 FROM outbox WHERE outbox.event = event.id AND outbox.okta_id = :user))
    GROUP BY 1
    UNION ALL
    SELECT substr(received, 1, 13), count(DISTINCT uuid) -- what nobody has sorted yet
    FROM arrival
    WHERE received >= coalesce(:since, '')
      AND received < coalesce(:until, '~')
      AND (:user IS NULL OR okta_id = :user)
    GROUP BY 1
)
SELECT hour, sum(n) AS events
FROM counted
GROUP BY hour
ORDER BY hour DESC
LIMIT coalesce(:limit, -1)
