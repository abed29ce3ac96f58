-- How long it took from an Okta event to the end of its work, day by day, the latest day first: milliseconds, half of them (p50), all but the
-- slowest twentieth (p95), and all (max) within the figure. Counted is whatever was done, waiting for a person or an outage included.
--
-- day       of received, in UTC; --since and --until are about received
-- events    how many were done: one per event and user
-- okta_p50  from Okta's published to the end of the work; less than 0 when Okta's clock is ahead
-- okta_p95  the same
-- okta_max  the same
-- here_p50  from received, when the relay stored it, to the end of the work
-- here_p95  the same
-- here_max  the same
WITH done AS (
    SELECT substr(event.received, 1, 10) AS day,
           CAST(round((julianday(outbox.finished) - julianday(event.published)) * 86400000) AS INTEGER) AS okta,
           CAST(round((julianday(outbox.finished) - julianday(event.received)) * 86400000) AS INTEGER) AS here
    FROM event CROSS JOIN outbox ON outbox.event = event.id -- CROSS: events first, they are limited in time
    WHERE outbox.state = 'done'
      AND event.received >= coalesce(:since, '')
      AND event.received < coalesce(:until, '~')
      AND (:user IS NULL OR outbox.okta_id = :user)
), ranked AS (
    SELECT day, okta, here,
           count(okta) OVER (PARTITION BY day) AS timed,
           row_number() OVER (PARTITION BY day ORDER BY okta IS NULL, okta) AS okta_rank,
           count(*) OVER (PARTITION BY day) AS total,
           row_number() OVER (PARTITION BY day ORDER BY here) AS here_rank
    FROM done
)
SELECT day, count(*) AS events,
       min(CASE WHEN okta_rank * 100 >= timed * 50 THEN okta END) AS okta_p50,
       min(CASE WHEN okta_rank * 100 >= timed * 95 THEN okta END) AS okta_p95,
       max(okta) AS okta_max,
       min(CASE WHEN here_rank * 100 >= total * 50 THEN here END) AS here_p50,
       min(CASE WHEN here_rank * 100 >= total * 95 THEN here END) AS here_p95,
       max(here) AS here_max
FROM ranked
GROUP BY day
ORDER BY day DESC
LIMIT coalesce(:limit, -1)
