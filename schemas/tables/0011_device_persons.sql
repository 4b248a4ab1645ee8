-- Each anonymousId that was seen with a user: with how many persons, and with which one when there is one only. The key
-- is a hash of source and anonymousId, which takes half the memory and time of the texts. Counting stops at 16 persons,
-- which is more than identity_rules allows a device that is not shared.
CREATE VIEW IF NOT EXISTS device_persons AS
SELECT device, length(known) AS persons, if(persons = 1, known[1], '') AS only_person
FROM
(
    SELECT
        sipHash128(links.source, links.anonymous_id) AS device,
        groupUniqArray(16)(if(aliases.person = '', links.user_id, aliases.person)) AS known
    FROM
    (
        SELECT source, anonymous_id, user_id
        FROM events
        WHERE lower(user_id) NOT IN (SELECT arrayJoin(nobody) FROM identity_rules)
          AND lower(anonymous_id) NOT IN (SELECT arrayJoin(nobody) FROM identity_rules)
        GROUP BY source, anonymous_id, user_id
        UNION ALL
        SELECT source, previous_id AS anonymous_id, user_id
        FROM events
        WHERE type = 'alias'
          AND lower(user_id) NOT IN (SELECT arrayJoin(nobody) FROM identity_rules)
          AND lower(previous_id) NOT IN (SELECT arrayJoin(nobody) FROM identity_rules)
    ) AS links
    LEFT ANY JOIN (SELECT source, user_id, person FROM user_aliases FINAL) AS aliases
        ON aliases.source = links.source AND aliases.user_id = links.user_id
    GROUP BY device
)
