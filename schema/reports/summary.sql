-- The key figures: how it stands now, and what happened in the period of --since and --until.
--
-- what   links, skipped and queue are as of now; events, done, failed, runs, operator and log.rows are of the period;
--        done.NAME and operator.NAME count rows of the log, of what was done and of what people did, and log.head is its end, as
--        `zensync verify --head` takes it
-- value  the figure
WITH did AS (
    SELECT iif(origin = 'operator', 'operator', 'done') AS part, action, outcome, count(*) AS n
    FROM log
    WHERE time >= coalesce(:since, '') AND time < coalesce(:until, '~')
    GROUP BY part, action, outcome
), fresh AS MATERIALIZED ( -- what nobody has sorted in yet
    SELECT uuid, received, okta_id FROM arrival
), names (place, kind, name) AS (
    VALUES (30, 'done', 'create'), (31, 'done', 'link'), (32, 'done', 'relink'), (33, 'done', 'update'), (34, 'done', 'activate'),
           (35, 'done', 'deactivate'), (36, 'done', 'add_role'), (37, 'done', 'remove_role'), (38, 'done', 'unlink'),
           (60, 'operator', 'deploy'), (61, 'operator', 'approve'), (62, 'operator', 'discard'), (63, 'operator', 'pause'),
           (64, 'operator', 'resume'), (65, 'operator', 'config'), (66, 'operator', 'version'), (67, 'operator', 'restore'),
           (68, 'operator', 'relink'), (69, 'operator', 'archive'), (70, 'operator', 'unlink')
), codes (place, name) AS (
    VALUES (10, 'missing'), (11, 'conflict'), (12, 'ambiguous'), (13, 'refused')
), figures AS (
    SELECT 1 AS place, 'links.active' AS what, (SELECT count(*) FROM link WHERE active = 1) AS value
    UNION ALL SELECT 2, 'links.inactive', (SELECT count(*) FROM link WHERE active = 0)
    UNION ALL SELECT place, 'skipped.' || name, (SELECT count(*) FROM skip WHERE code = name) FROM codes
    UNION ALL SELECT 15, 'queue.open', (SELECT count(*) FROM outbox INDEXED BY outbox_pending WHERE state = 'open' OR state = 'running')
        + (SELECT count(okta_id) FROM fresh)
    UNION ALL SELECT 16, 'queue.held', (SELECT count(*) FROM outbox WHERE state = 'held')
    UNION ALL SELECT 17, 'queue.dead', (SELECT count(*) FROM outbox WHERE state = 'dead')
    UNION ALL SELECT 20, 'events', (SELECT count(*) FROM event WHERE received >= coalesce(:since, '') AND received < coalesce(:until, '~'))
        + (SELECT count(DISTINCT uuid) FROM fresh WHERE received >= coalesce(:since, '') AND received < coalesce(:until, '~'))
    UNION ALL SELECT 21, 'done', (SELECT coalesce(sum(n), 0) FROM did JOIN names ON name = action AND kind = part WHERE part = 'done' AND outcome = 'ok')
    UNION ALL SELECT place, kind || '.' || name, (SELECT coalesce(sum(n), 0) FROM did WHERE part = kind AND action = name AND outcome = 'ok') FROM names
    UNION ALL SELECT 40, 'failed', (SELECT coalesce(sum(n), 0) FROM did WHERE outcome = 'failed')
    UNION ALL SELECT 50, 'runs', (SELECT count(*) FROM run WHERE finished >= coalesce(:since, '') AND finished < coalesce(:until, '~'))
    UNION ALL SELECT 51, 'runs.failed', (SELECT count(*) FROM run
        WHERE state = 'failed' AND finished >= coalesce(:since, '') AND finished < coalesce(:until, '~'))
    UNION ALL SELECT 80, 'log.rows', (SELECT coalesce(sum(n), 0) FROM did)
    UNION ALL SELECT 81, 'log.head', (SELECT seq || ':' || hash FROM log WHERE seq = (SELECT max(seq) FROM log))
)
SELECT what, value
FROM figures
ORDER BY place
LIMIT coalesce(:limit, -1)
