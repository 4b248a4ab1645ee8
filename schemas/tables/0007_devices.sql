-- Each anonymousId with the persons it was seen with. `seen` is filled for devices of a few users only: who was
-- identified when, in which session.
CREATE VIEW IF NOT EXISTS devices AS
WITH
    (SELECT nobody FROM identity_rules) AS nobody,
    (SELECT most_users_of_a_device FROM identity_rules) AS most_users,
    aliases AS (SELECT source, user_id, person FROM user_aliases FINAL),
    pairs AS
    (
        SELECT source, anonymous_id, user_id
        FROM events
        WHERE anonymous_id != '' AND user_id != ''
        GROUP BY source, anonymous_id, user_id
        UNION DISTINCT
        SELECT source, previous_id AS anonymous_id, user_id
        FROM events
        WHERE type = 'alias' AND previous_id != ''
    ),
    known AS
    (
        SELECT
            pairs.source AS source,
            pairs.anonymous_id AS anonymous_id,
            if(aliases.person = '', pairs.user_id, aliases.person) AS person
        FROM pairs LEFT ANY JOIN aliases ON aliases.source = pairs.source AND aliases.user_id = pairs.user_id
        WHERE NOT has(nobody, lower(pairs.user_id)) AND NOT has(nobody, lower(pairs.anonymous_id))
    ),
    counted AS
    (
        SELECT source, anonymous_id, uniqExact(person) AS persons, min(person) AS only_person
        FROM known
        GROUP BY source, anonymous_id
    ),
    switches AS
    (
        SELECT
            events.source AS source,
            events.anonymous_id AS anonymous_id,
            arraySort(groupArray((events.timestamp, events.session_id, if(aliases.person = '', events.user_id, aliases.person)))) AS seen
        FROM events LEFT ANY JOIN aliases ON aliases.source = events.source AND aliases.user_id = events.user_id
        WHERE NOT has(nobody, lower(events.user_id))
          AND (events.source, events.anonymous_id) IN (SELECT source, anonymous_id FROM counted WHERE persons BETWEEN 2 AND most_users)
        GROUP BY ALL
    )
SELECT
    counted.source AS source,
    counted.anonymous_id AS anonymous_id,
    counted.persons AS persons,
    counted.only_person AS only_person,
    switches.seen AS seen
FROM counted LEFT ANY JOIN switches ON switches.source = counted.source AND switches.anonymous_id = counted.anonymous_id
