-- Who left in Okta, and when he was inactive in ZenQMS: one row per user, those not done first, then the latest.
-- Listed is of whom an event, a walk or a person asked to be deactivated in the period of --since and --until. Of somebody
-- who left more than once it is the last time. Who is unclear is listed whatever the period.
--
-- okta_id    the Okta user
-- zenqms_id  the ZenQMS user
-- email      his address in ZenQMS, else in Okta
-- okta       when he left in Okta, UTC: published of the event, else lastUpdated as it was read; empty where neither is known
-- zenqms     when his account was inactive, UTC: when zensync made it so, or found it so
-- seconds    from okta to zenqms
-- state      done; held, a person has to decide; dead, given up; open, on its way; unclear, several accounts could be his, one of them
--            active: deactivate the right one in ZenQMS, then `zensync sync` him, which looks again; no account, there was nothing to
--            do; back, Okta had him live again before it was done; else what became of the work: skipped, dropped, ignored or unlinked
WITH unclear AS MATERIALIZED ( -- no link, several accounts that carry his Okta id or his address, and nobody live who has it
    SELECT directory.okta_id
    FROM (SELECT address FROM account WHERE address <> '' GROUP BY address HAVING count(*) > 1) AS shared
        CROSS JOIN account ON account.address = shared.address AND account.address <> ''
        CROSS JOIN directory ON directory.address = account.address AND directory.address <> ''
    WHERE account.active AND account.external_id = ''
      AND NOT EXISTS (SELECT 1 FROM link WHERE link.zenqms_id = account.zenqms_id)
      AND NOT EXISTS (SELECT 1 FROM link WHERE link.okta_id = directory.okta_id)
      AND directory.status IN ('SUSPENDED', 'DEPROVISIONED', 'DELETED')
      AND NOT EXISTS (SELECT 1 FROM directory AS other WHERE other.address = account.address AND other.address <> ''
                      AND other.status NOT IN ('SUSPENDED', 'DEPROVISIONED', 'DELETED'))
    UNION
    SELECT directory.okta_id
    FROM (SELECT external_id FROM account WHERE external_id <> '' GROUP BY external_id HAVING count(*) > 1) AS shared
        CROSS JOIN account ON account.external_id = shared.external_id AND account.external_id <> ''
        CROSS JOIN directory ON directory.okta_id = account.external_id
    WHERE account.active
      AND NOT EXISTS (SELECT 1 FROM link WHERE link.zenqms_id = account.zenqms_id)
      AND NOT EXISTS (SELECT 1 FROM link WHERE link.okta_id = directory.okta_id)
      AND directory.status IN ('SUSPENDED', 'DEPROVISIONED', 'DELETED')
), fresh AS MATERIALIZED ( -- events that nobody has sorted in yet
    SELECT okta_id, received, coalesce(published, received) AS said, printf('%020d %08d', id, place) AS place,
           type IN ('user.lifecycle.deactivate', 'user.lifecycle.suspend', 'user.lifecycle.delete.initiated') AS gone
    FROM arrival
    WHERE okta_id IS NOT NULL
), came AS MATERIALIZED (
    SELECT okta_id, max(received) AS received FROM fresh GROUP BY okta_id
), parted AS MATERIALIZED ( -- the last that says so: SQLite takes the other columns from the row with the max
    SELECT okta_id, max(place) AS place, received, said FROM fresh WHERE gone GROUP BY okta_id
), asked AS ( -- in the period, or unclear
    SELECT okta_id FROM unclear
    UNION
    SELECT okta_id FROM fresh WHERE gone AND received >= coalesce(:since, '') AND received < coalesce(:until, '~')
    UNION
    SELECT outbox.okta_id
    FROM event CROSS JOIN outbox ON outbox.event = event.id -- CROSS: events first, they are limited in time
    WHERE (event.type = 'user.lifecycle.deactivate' OR event.type = 'user.lifecycle.suspend' OR event.type = 'user.lifecycle.delete.initiated')
      AND event.received >= coalesce(:since, '') AND event.received < coalesce(:until, '~')
    UNION
    SELECT okta_id FROM log
    WHERE action = 'deactivate' AND time >= coalesce(:since, '') AND time < coalesce(:until, '~') AND okta_id IS NOT NULL
    UNION
    SELECT okta_id FROM outbox INDEXED BY outbox_pending -- what is under way is little
    WHERE (state = 'open' OR state = 'running') AND action = 'deactivate'
      AND created >= coalesce(:since, '') AND created < coalesce(:until, '~')
    UNION
    SELECT okta_id FROM outbox
    WHERE (state = 'held' OR state = 'dead') AND action = 'deactivate'
      AND created >= coalesce(:since, '') AND created < coalesce(:until, '~')
), marked AS ( -- the rows that tell of each
    SELECT asked.okta_id,
           (SELECT max(seq) FROM log
            WHERE log.okta_id = asked.okta_id AND action = 'deactivate' AND outcome = 'ok') AS made,
           (SELECT max(seq) FROM log
            WHERE log.okta_id = asked.okta_id AND action IN ('create', 'activate') AND outcome = 'ok') AS revived,
           (SELECT outbox.id FROM outbox CROSS JOIN event ON event.id = outbox.event -- CROSS: the last one first, it mostly is the one
            WHERE outbox.okta_id = asked.okta_id
              AND (event.type = 'user.lifecycle.deactivate' OR event.type = 'user.lifecycle.suspend' OR event.type = 'user.lifecycle.delete.initiated')
            ORDER BY outbox.id DESC LIMIT 1) AS said
    FROM asked
    WHERE :user IS NULL OR asked.okta_id = :user
), told AS MATERIALIZED ( -- once: the subqueries are not to be repeated wherever they are named
    SELECT marked.okta_id, link.zenqms_id, link.active, coalesce(link.email, directory.email) AS email,
           log_made.time AS made, log_made.zenqms_id AS made_of, event_made.published AS made_published, event_made.received AS made_received,
           coalesce(log_revived.time, '') AS revived,
           coalesce(parted.said, event_said.published, event_said.received) AS said,
           coalesce(parted.received, event_said.received) AS said_received,
           iif(parted.said IS NULL, outbox_said.state, 'open') AS said_state, iif(parted.said IS NULL, outbox_said.finished, NULL) AS said_finished,
           CASE WHEN directory.status NOT IN ('ACTIVE', 'PROVISIONED', 'STAGED', 'RECOVERY', 'PASSWORD_EXPIRED', 'DELETED')
                THEN directory.updated END AS read_gone,
           (SELECT max(created) FROM outbox WHERE outbox.okta_id = marked.okta_id AND state = 'held' AND action = 'deactivate') AS held,
           coalesce(came.received,
                    (SELECT max(created) FROM outbox WHERE outbox.okta_id = marked.okta_id AND (state = 'open' OR state = 'running'))) AS open,
           (SELECT max(created) FROM outbox WHERE outbox.okta_id = marked.okta_id AND state = 'dead') AS dead
    FROM marked
        LEFT JOIN came ON came.okta_id = marked.okta_id
        LEFT JOIN parted ON parted.okta_id = marked.okta_id
        LEFT JOIN link ON link.okta_id = marked.okta_id
        LEFT JOIN directory ON directory.okta_id = marked.okta_id
        LEFT JOIN log AS log_made ON log_made.seq = marked.made
        LEFT JOIN event AS event_made ON event_made.uuid = log_made.event
        LEFT JOIN log AS log_revived ON log_revived.seq = marked.revived
        LEFT JOIN outbox AS outbox_said ON outbox_said.id = marked.said
        LEFT JOIN event AS event_said ON event_said.id = outbox_said.event
), judged AS (
    SELECT *,
           -- what made him inactive last is what this is about, unless he was active again since and is asked to leave anew
           made IS NOT NULL AND (made >= revived OR coalesce(said_received, '') <= revived
                                 AND coalesce(held, '') <= revived AND coalesce(dead, '') <= revived) AS over
    FROM told
), stated AS (
    SELECT okta_id, coalesce(zenqms_id, made_of) AS zenqms_id, email,
           CASE WHEN NOT over THEN coalesce(CASE WHEN said_received > revived THEN said END, read_gone)
                WHEN made_received IS NOT NULL THEN coalesce(made_published, made_received)
                WHEN said_received <= made AND (said_received > revived OR made < revived) THEN said
                WHEN read_gone <= made THEN read_gone END AS okta,
           CASE WHEN over THEN made WHEN active = 0 THEN said_finished END AS zenqms,
           CASE WHEN over OR active = 0 THEN 'done'
                WHEN held IS NOT NULL THEN 'held'
                WHEN open IS NOT NULL THEN 'open'
                WHEN dead IS NOT NULL THEN 'dead'
                WHEN okta_id IN unclear THEN 'unclear'
                WHEN active IS NULL THEN 'no account'
                WHEN said_state = 'done' THEN 'back'
                ELSE coalesce(said_state, 'open') END AS state
    FROM judged
)
SELECT okta_id, zenqms_id, email, okta, zenqms,
       round((julianday(zenqms) - julianday(okta)) * 86400, 3) AS seconds, state
FROM stated
ORDER BY CASE state WHEN 'dead' THEN 0 WHEN 'unclear' THEN 1 WHEN 'held' THEN 2 WHEN 'open' THEN 3
                    WHEN 'no account' THEN 5 WHEN 'back' THEN 5 WHEN 'done' THEN 6 ELSE 4 END,
         coalesce(zenqms, okta) DESC, okta_id
LIMIT coalesce(:limit, -1)
