-- Where Okta and ZenQMS differ, as both were last read: `zensync drift` reads them now and shows the same.
-- A reconcile does not read all of ZenQMS again, so what was edited there since the last deploy may not be known here.
--
-- kind       field, a linked user's; access, whether his account is active; role, a mapped one; no_account, the linked account is
--            gone; no_user, his id is unknown to Okta; unlinked, an active account that is nobody's; duplicate, an address of several
-- okta_id    the Okta user; of an account without a link the one it looks like, where that is one
-- zenqms_id  the ZenQMS user
-- email      his address in ZenQMS, else in Okta
-- field      which field or role it is about
-- okta       what Okta and the configuration ask for
-- zenqms     what ZenQMS has
-- reason     edited, ZenQMS was as Okta asks and was changed there; missed, Okta has moved since and nothing is under way; waiting, a sync
--            is; held, discarded, skipped or dead, as the reports of these names say; frozen, its group or role cannot be read; unknown
-- settle     what would end it
WITH config AS MATERIALIZED (
    SELECT json_extract(value, '$."sync.statuses"') AS statuses, json_extract(value, '$."sync.out_of_scope"') AS leavers
    FROM setting WHERE key = 'config'
), meaning AS MATERIALIZED ( -- of a status: active, inactive or ignore
    SELECT own.key AS status, own.value AS means FROM config, json_each(config.statuses) AS own
    UNION ALL
    SELECT known.column1, known.column2
    FROM (VALUES ('ACTIVE', 'active'), ('PROVISIONED', 'active'), ('STAGED', 'active'), ('RECOVERY', 'active'), ('PASSWORD_EXPIRED', 'active'),
                 ('LOCKED_OUT', 'active'), ('SUSPENDED', 'inactive'), ('DEPROVISIONED', 'inactive')) AS known
    WHERE known.column1 NOT IN (SELECT own.key FROM config, json_each(config.statuses) AS own)
    UNION ALL
    SELECT 'DELETED', 'inactive'
), blanks AS MATERIALIZED (
    SELECT char(9, 10, 11, 12, 13, 32, 133, 160) AS letters
), scope AS MATERIALIZED (
    SELECT count(*) > 0 AS limited, max(frozen IS NOT NULL) AS frozen FROM mapped_group WHERE purpose = 'scope'
), fresh AS MATERIALIZED ( -- of whom an event has come that nobody has sorted in yet
    SELECT okta_id FROM arrival WHERE okta_id IS NOT NULL
), person AS ( -- of the directory, with what the configuration makes of him
    SELECT directory.*, coalesce(meaning.means, 'ignore') AS means,
           NOT scope.limited OR EXISTS (
               SELECT 1 FROM member JOIN mapped_group ON mapped_group.group_id = member.group_id
               WHERE member.okta_id = directory.okta_id AND mapped_group.purpose = 'scope') AS within
    FROM directory CROSS JOIN scope LEFT JOIN meaning ON meaning.status = directory.status
), linked AS (
    SELECT person.*, link.zenqms_id, account.zenqms_id AS found, account.email AS has_email, account.address AS has_address,
           account.first_name AS has_first_name, account.last_name AS has_last_name, account.title AS has_title,
           account.external_id AS has_external_id, account.active AS has_active, account.roles AS has_roles,
           link.active AS applied_active, link.entitled AS applied_roles, link.taken_from,
           coalesce(person.updated > coalesce(link.okta_updated, ''), 0) OR person.status <> link.okta_status OR link.wish = '' AS moved,
           skip.code, CASE WHEN skip.code IS NOT NULL THEN ' ' || skip.fields || ' ' END AS held_back,
           EXISTS (SELECT 1 FROM outbox WHERE outbox.okta_id = link.okta_id AND (state = 'open' OR state = 'running'))
               OR link.okta_id IN (SELECT okta_id FROM fresh) AS waiting,
           EXISTS (SELECT 1 FROM outbox WHERE outbox.okta_id = link.okta_id AND state = 'dead') AS dead
    FROM link
        JOIN person ON person.okta_id = link.okta_id
        LEFT JOIN account ON account.zenqms_id = link.zenqms_id
        LEFT JOIN skip ON skip.okta_id = link.okta_id
), texts AS (
    SELECT linked.okta_id, linked.zenqms_id, linked.has_email, field.column1 AS field, moved, waiting, dead, held_back,
           field.column1 = 'email' AND linked.address = linked.has_address AS same_address,
           CASE field.column1 WHEN 'email' THEN email WHEN 'first_name' THEN first_name WHEN 'last_name' THEN last_name
                WHEN 'title' THEN title ELSE okta_id END AS okta,
           CASE field.column1 WHEN 'email' THEN has_email WHEN 'first_name' THEN has_first_name WHEN 'last_name' THEN has_last_name
                WHEN 'title' THEN has_title ELSE has_external_id END AS zenqms
    FROM linked CROSS JOIN (VALUES ('email'), ('first_name'), ('last_name'), ('title'), ('external_id')) AS field
    WHERE means = 'active' AND within AND found IS NOT NULL AND NOT (field.column1 = 'external_id' AND has_external_id = taken_from AND taken_from <> '')
), field AS (
    SELECT 'field' AS kind, okta_id, zenqms_id, has_email AS email, field, trim(okta, letters) AS okta, zenqms,
           CASE WHEN held_back = '  ' OR instr(held_back, ' ' || field || ' ') THEN 'skipped'
                WHEN waiting THEN 'waiting' WHEN dead THEN 'dead' WHEN moved THEN 'missed' ELSE 'edited' END AS reason
    FROM texts CROSS JOIN blanks
    WHERE trim(okta, letters) <> '' AND trim(okta, letters) <> trim(zenqms, letters) AND NOT same_address
), wanted AS ( -- whose account is to be active, or not
    SELECT *, CASE WHEN means = 'inactive' THEN 0 WHEN means = 'active' AND within THEN 1
                   WHEN means = 'active' AND (SELECT leavers FROM config) = 'deactivate' AND NOT (SELECT frozen FROM scope) THEN 0 END AS want
    FROM linked
), access AS (
    SELECT 'access' AS kind, okta_id, zenqms_id, has_email AS email, 'is_active' AS field, iif(want, 'active', 'inactive') AS okta,
           iif(has_active, 'active', 'inactive') AS zenqms,
           CASE WHEN EXISTS (SELECT 1 FROM outbox WHERE outbox.okta_id = wanted.okta_id AND state = 'held'
                             AND action = iif(want, 'activate', 'deactivate')) THEN 'held'
                WHEN EXISTS (SELECT 1 FROM discard WHERE discard.okta_id = wanted.okta_id AND action = iif(want, 'activate', 'deactivate')
                             AND discard.okta_updated IS wanted.updated AND discard.okta_status = wanted.status) THEN 'discarded'
                WHEN waiting THEN 'waiting' WHEN dead THEN 'dead'
                WHEN instr(held_back, ' is_active ') OR held_back = '  ' AND code <> 'missing' THEN 'skipped'
                WHEN moved OR applied_active <> want THEN 'missed' ELSE 'edited' END AS reason
    FROM wanted
    WHERE want <> has_active
), duty AS (
    SELECT role_id, min(role_name) AS role_name, max(role_map.frozen IS NOT NULL) AS frozen,
           max(mapped_group.frozen IS NOT NULL) AS unread
    FROM role_map LEFT JOIN mapped_group ON mapped_group.group_id = role_map.group_id AND mapped_group.purpose = 'role'
    GROUP BY role_id
), roles AS (
    SELECT linked.okta_id, zenqms_id, has_email, linked.updated, linked.status, role_name, duty.frozen, duty.unread, waiting, dead, held_back,
           EXISTS (SELECT 1 FROM member JOIN role_map ON role_map.group_id = member.group_id
                   WHERE member.okta_id = linked.okta_id AND role_map.role_id = duty.role_id) AS want,
           EXISTS (SELECT 1 FROM json_each(has_roles) AS one WHERE json_extract(one.value, '$.ID') = duty.role_id) AS has,
           EXISTS (SELECT 1 FROM json_each(applied_roles) AS one WHERE one.value = duty.role_id) AS applied
    FROM linked CROSS JOIN duty
    WHERE means = 'active' AND within AND found IS NOT NULL
), role AS (
    SELECT 'role' AS kind, okta_id, zenqms_id, has_email AS email, role_name AS field, iif(want, 'given', 'not given') AS okta,
           iif(has, 'given', 'not given') AS zenqms,
           CASE WHEN frozen OR unread AND NOT want THEN 'frozen'
                WHEN NOT want AND EXISTS (SELECT 1 FROM outbox WHERE outbox.okta_id = roles.okta_id AND state = 'held' AND action = 'remove_role') THEN 'held'
                WHEN NOT want AND applied AND EXISTS (
                    SELECT 1 FROM discard WHERE discard.okta_id = roles.okta_id AND action = 'remove_role'
                      AND discard.okta_updated IS roles.updated AND discard.okta_status = roles.status
                      AND discard.entitled IN ('', (SELECT json_group_array(role_id) FROM (
                          SELECT DISTINCT role_map.role_id FROM member JOIN role_map ON role_map.group_id = member.group_id
                          WHERE member.okta_id = roles.okta_id ORDER BY role_map.role_id)))) THEN 'discarded'
                WHEN waiting THEN 'waiting' WHEN dead THEN 'dead'
                WHEN instr(held_back, ' roles ') THEN 'skipped'
                WHEN want <> applied THEN 'missed'
                WHEN want THEN 'edited' ELSE 'unknown' END AS reason
    FROM roles
    WHERE want <> has
), alone AS ( -- active accounts without a link, with whom they look like
    SELECT account.zenqms_id, account.email,
           CASE WHEN account.external_id <> '' THEN (SELECT okta_id FROM directory WHERE directory.okta_id = account.external_id)
                WHEN (SELECT count(*) FROM directory WHERE directory.address = account.address AND directory.address <> '') = 1
                THEN (SELECT okta_id FROM directory WHERE directory.address = account.address AND directory.address <> '') END AS okta_id
    FROM account
    WHERE account.active AND NOT EXISTS (SELECT 1 FROM link WHERE link.zenqms_id = account.zenqms_id)
), unlinked AS (
    SELECT 'unlinked' AS kind, alone.okta_id, alone.zenqms_id, alone.email, NULL AS field,
           CASE WHEN alone.okta_id IS NULL THEN NULL WHEN NOT person.within THEN 'out of scope' ELSE person.status END AS okta, 'active' AS zenqms,
           CASE WHEN alone.okta_id IS NULL OR NOT person.within OR person.means = 'ignore' THEN 'unknown'
                WHEN EXISTS (SELECT 1 FROM skip WHERE skip.okta_id = alone.okta_id) THEN 'skipped'
                WHEN EXISTS (SELECT 1 FROM outbox WHERE outbox.okta_id = alone.okta_id AND state = 'held') THEN 'held'
                WHEN EXISTS (SELECT 1 FROM outbox WHERE outbox.okta_id = alone.okta_id AND (state = 'open' OR state = 'running'))
                     OR alone.okta_id IN (SELECT okta_id FROM fresh) THEN 'waiting'
                WHEN EXISTS (SELECT 1 FROM outbox WHERE outbox.okta_id = alone.okta_id AND state = 'dead') THEN 'dead'
                WHEN EXISTS (SELECT 1 FROM link WHERE link.okta_id = alone.okta_id) THEN 'unknown'
                WHEN person.means = 'inactive' AND (SELECT count(*) FROM account WHERE account.external_id = alone.okta_id
                                                    OR account.address = person.address AND account.address <> '') > 1 THEN 'unknown'
                ELSE 'missed' END AS reason
    FROM alone LEFT JOIN person ON person.okta_id = alone.okta_id
), found AS (
    SELECT kind, okta_id, zenqms_id, email, field, okta, zenqms, reason FROM field
    UNION ALL SELECT * FROM access
    UNION ALL SELECT * FROM role
    UNION ALL
    SELECT 'no_account', okta_id, zenqms_id, email, NULL, status, NULL,
           CASE WHEN waiting THEN 'waiting' ELSE 'edited' END
    FROM linked
    WHERE found IS NULL AND EXISTS (SELECT 1 FROM setting WHERE key = 'accounts_read' AND value <> '')
    UNION ALL
    SELECT 'no_user', link.okta_id, link.zenqms_id, link.email, NULL, directory.status, iif(link.active, 'active', 'inactive'),
           CASE WHEN directory.status IS NULL THEN 'unknown' WHEN link.active THEN 'missed' ELSE 'none' END
    FROM link LEFT JOIN directory ON directory.okta_id = link.okta_id
    WHERE coalesce(directory.status, 'DELETED') = 'DELETED'
    UNION ALL SELECT * FROM unlinked
    UNION ALL
    SELECT 'duplicate', link.okta_id, account.zenqms_id, account.email, 'email', NULL, iif(account.active, 'active', 'inactive'), 'unknown'
    FROM account LEFT JOIN link ON link.zenqms_id = account.zenqms_id
    WHERE account.address <> '' AND account.address IN (SELECT address FROM account WHERE address <> '' GROUP BY address HAVING count(*) > 1)
)
SELECT kind, okta_id, zenqms_id, email, field, okta, zenqms, reason,
       CASE
           WHEN kind = 'duplicate' THEN 'give each its own address in ZenQMS, or deactivate one there'
           WHEN kind = 'unlinked' AND reason = 'unknown' AND okta = 'out of scope' THEN 'nobody in the groups of sync.groups: add him, or deactivate it in ZenQMS'
           WHEN kind = 'unlinked' AND reason = 'unknown' THEN
               iif(okta_id IS NULL, 'unknown to Okta', 'his account may be another') || ': deactivate it in ZenQMS if nobody needs it'
           WHEN kind = 'no_user' AND reason = 'none' THEN 'nothing: it stays for what it signed'
           WHEN kind = 'no_account' AND okta IN (SELECT status FROM meaning WHERE means = 'inactive') THEN 'nothing: there is nothing to deactivate'
           WHEN reason = 'waiting' THEN 'its sync, which is under way: zensync explain ' || okta_id
           WHEN reason = 'held' THEN 'zensync approve, or discard: zensync report held'
           WHEN reason = 'skipped' THEN 'what its skip says: zensync report skipped'
           WHEN reason = 'dead' THEN 'zensync retry: zensync report dead'
           WHEN reason = 'discarded' THEN 'a person has said no: zensync drift --fix ' || okta_id || ' does it all the same'
           WHEN reason = 'frozen' THEN 'make the group or role readable again: zensync status names it'
           WHEN reason = 'missed' OR kind = 'no_account' THEN 'zensync reconcile, or zensync sync ' || okta_id || ' at once'
           WHEN okta_id IS NOT NULL THEN 'it stays until he changes in Okta; zensync drift --fix ' || okta_id || ' sets it at once'
       END AS settle
FROM found
WHERE :user IS NULL OR okta_id = :user
ORDER BY CASE kind WHEN 'access' THEN 0 WHEN 'unlinked' THEN 1 WHEN 'role' THEN 2 WHEN 'field' THEN 3 WHEN 'no_account' THEN 4
                   WHEN 'duplicate' THEN 5 ELSE 6 END, email, okta_id, zenqms_id, field
LIMIT coalesce(:limit, -1)
