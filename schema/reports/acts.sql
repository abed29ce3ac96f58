-- What people did with zensync: deploys, approvals, pauses and the like, and each change of its configuration and version; the latest first.
--
-- time     when, UTC; --since and --until are about it
-- actor    who: as --by said, else who called sudo, else the login
-- action   deploy, approve, discard, pause, resume, config, version, restore, archive, relink or unlink
-- outcome  ok, or how else it ended
-- okta_id  the Okta user it was about, if it was about one
-- run      the run it was about, if it was about one
-- changes  what it changed, with the reason that was given
-- error    why it did not
-- seq      its row in the log
SELECT time, actor, action, outcome, okta_id, run, changes, error, seq
FROM log
WHERE origin = 'operator'
  AND seq >= CASE WHEN :since IS NULL THEN 0 ELSE (SELECT min(seq) FROM log AS log_since INDEXED BY log_time WHERE time >= :since) END
  AND (:since IS NULL OR time >= :since)
  AND (:until IS NULL OR time < :until)
  AND (:user IS NULL OR okta_id = :user)
  AND (:run IS NULL OR run = :run)
ORDER BY seq DESC
LIMIT coalesce(:limit, -1)
