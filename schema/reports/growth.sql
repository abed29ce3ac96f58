-- How the links between Okta users and ZenQMS accounts became as many as they are, day by day, the latest day first. Counted are the
-- links there are now, of inactive accounts as well; days on which none of them was made are not listed.
--
-- day    in UTC; --since and --until are about when a link was made
-- made   how many of them were made on it
-- links  how many of them there were at its end
WITH days AS (
    SELECT substr(created, 1, 10) AS day, count(*) AS all_made,
           count(*) FILTER (WHERE :since IS NULL OR created >= :since) AS made
    FROM link
    WHERE (:until IS NULL OR created < :until)
      AND (:user IS NULL OR okta_id = :user)
    GROUP BY day
), totals AS (
    SELECT day, made, sum(all_made) OVER (ORDER BY day) AS links FROM days
)
SELECT day, made, links
FROM totals
WHERE made > 0
ORDER BY day DESC
LIMIT coalesce(:limit, -1)
