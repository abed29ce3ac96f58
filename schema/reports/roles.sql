-- Who holds which mapped role in ZenQMS, through which of his Okta groups, and since when; ordered by role.
-- What ZenQMS last answered counts. Roles that no group is mapped to are not listed.
--
-- okta_id    the Okta user
-- zenqms_id  the ZenQMS user
-- email      the address ZenQMS last answered with
-- active     whether ZenQMS last answered that the account is active
-- role       the role's name in ZenQMS
-- groups     the names of the Okta groups that give it to him; [] where none does: a hand gave it, or he left them and it stays
-- since      when zensync gave it to him, the last time, UTC; empty where it did not: he had it before. --since and --until are about it
WITH holders AS MATERIALIZED (
    SELECT link.okta_id, link.zenqms_id, link.email, link.active, json_extract(has.value, '$.Name') AS role,
           (SELECT json_group_array(name)
            FROM (SELECT DISTINCT mapped_group.name
                  FROM role_map
                      JOIN member ON member.group_id = role_map.group_id AND member.okta_id = link.okta_id
                      JOIN mapped_group ON mapped_group.group_id = role_map.group_id AND mapped_group.purpose = 'role'
                  WHERE role_map.role_id = json_extract(has.value, '$.ID')
                  ORDER BY mapped_group.name)) AS groups,
           nullif(max(coalesce((SELECT max(log.time)
            FROM log, json_each(log.changes, '$.roles.new') AS given
            WHERE log.okta_id = link.okta_id AND log.action = 'add_role' AND log.outcome = 'ok'
              AND (given.value = json_extract(has.value, '$.Name')
                   OR given.value IN (SELECT role_name FROM role_map WHERE role_id = json_extract(has.value, '$.ID')))), ''),
               coalesce((SELECT max(granted.since) -- of rows of the log that were archived
            FROM granted
            WHERE granted.okta_id = link.okta_id
              AND (granted.role = json_extract(has.value, '$.Name')
                   OR granted.role IN (SELECT role_name FROM role_map WHERE role_id = json_extract(has.value, '$.ID')))), '')), '') AS since
    FROM link
        JOIN account ON account.zenqms_id = link.zenqms_id
        JOIN json_each(account.roles) AS has
    WHERE json_extract(has.value, '$.ID') IN (SELECT role_id FROM role_map)
      AND (:user IS NULL OR link.okta_id = :user)
)
SELECT okta_id, zenqms_id, email, active, role, groups, since
FROM holders
WHERE (:since IS NULL OR since >= :since)
  AND (:until IS NULL OR since < :until)
ORDER BY role, email, okta_id
LIMIT coalesce(:limit, -1)
