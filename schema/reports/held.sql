-- What the brake holds until a person decides, the oldest first.
-- `zensync approve ID...` carries it out, `zensync discard ID...` does not; both want --reason.
--
-- id       what is held, as `zensync approve` and `zensync discard` take it
-- run      the run that wants it; empty where a hook does
-- okta_id  the user
-- email    his address in ZenQMS, else in Okta
-- action   deactivate, activate or remove_role
-- reason   which limit it went beyond
-- since    since when it waits, UTC; --since and --until are about it
SELECT outbox.id, outbox.run, outbox.okta_id, coalesce(link.email, directory.email) AS email, outbox.action, outbox.error AS reason,
       outbox.due AS since
FROM outbox
    LEFT JOIN link ON link.okta_id = outbox.okta_id
    LEFT JOIN directory ON directory.okta_id = outbox.okta_id
WHERE outbox.state = 'held'
  AND (:user IS NULL OR outbox.okta_id = :user)
  AND (:run IS NULL OR outbox.run = :run)
  AND (:since IS NULL OR outbox.due >= :since)
  AND (:until IS NULL OR outbox.due < :until)
ORDER BY outbox.id
LIMIT coalesce(:limit, -1)
