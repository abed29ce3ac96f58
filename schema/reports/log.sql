-- What was done in ZenQMS, to whom, why and with what outcome; the latest first.
--
-- seq        number of the row in the chain: 1, 2, 3 ... without a gap
-- attempt    rows of one attempt share it: the seq of its first row
-- time       when the outcome was recorded, UTC; --since and --until are about it
-- origin     what made the attempt: initial, hook, reconcile, manual, unlink or operator
-- run        the run that wanted it, as in the report runs
-- event      uuid of the Okta event behind it, as in the report events
-- actor      the Okta admin behind the event, or the operator
-- okta_id    the Okta user
-- zenqms_id  the ZenQMS user
-- action     create, update, activate, deactivate, link, relink, add_role, remove_role, unlink, skip or none; of an operator approve,
--            discard, pause, resume, deploy, config, restore, archive or version
-- outcome    ok, unchanged, skipped, held, dropped or failed
-- changes    {"field": {"old": ..., "new": ...}}; of config the keys of the configuration, and sha256 of it as a whole; approval is the
--            row that let through what the brake had held, who it was and the reason
-- error      why it failed, was skipped or changed nothing
SELECT seq, attempt, time, origin, run, event, actor, okta_id, zenqms_id, action, outcome, changes, error
FROM log
WHERE seq >= CASE WHEN :since IS NULL THEN 0 ELSE (SELECT min(seq) FROM log AS log_since INDEXED BY log_time WHERE time >= :since) END
  AND (:since IS NULL OR time >= :since)
  AND (:until IS NULL OR time < :until)
  AND (:user IS NULL OR okta_id = :user)
  AND (:run IS NULL OR run = :run)
ORDER BY seq DESC
LIMIT coalesce(:limit, -1)
