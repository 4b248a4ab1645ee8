-- The views of identity as before, with keys that are quicker to make: one text of source and id is hashed, not each part
-- by itself. No source starts with a zero byte or holds one, so a user's key is never a device's.
CREATE OR REPLACE VIEW device_persons AS
SELECT source, device, length(known) AS persons, if(persons = 1, known[1], '') AS only_person
FROM
(
    SELECT
        any(links.source) AS source,
        sipHash128(concat(toString(links.source), '\0', links.anonymous_id)) AS device,
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
);
-- With its source, a device of many persons is looked for in the parts of the table that its source is in: none, where
-- there is no such device.
CREATE OR REPLACE VIEW device_moments AS
SELECT
    sipHash128(source, anonymous_id, session_id, timestamp) AS moment,
    multiIf(
        session_id != '' AND next_in_session.3 != '', next_in_session.3,
        session_id != '' AND last_in_session.3 != '', last_in_session.3,
        next.3 != '', next.3,
        last.3) AS person
FROM
(
    SELECT
        source,
        anonymous_id,
        session_id,
        timestamp,
        minIf((timestamp, session_id, first), first != '') OVER later_in_session AS next_in_session,
        maxIf((timestamp, session_id, final), final != '') OVER in_session AS last_in_session,
        minIf((timestamp, session_id, first), first != '') OVER later AS next,
        maxIf((timestamp, session_id, final), final != '') OVER ever AS last
    FROM
    (
        SELECT source, anonymous_id, session_id, timestamp, minIf(person, person != '') AS first, max(person) AS final
        FROM
        (
            SELECT
                e.source AS source,
                e.anonymous_id AS anonymous_id,
                e.session_id AS session_id,
                e.timestamp AS timestamp,
                multiIf(
                    lower(e.user_id) IN (SELECT arrayJoin(nobody) FROM identity_rules), '',
                    aliases.person = '', e.user_id,
                    aliases.person) AS person
            FROM events AS e
            LEFT ANY JOIN (SELECT source, user_id, person FROM user_aliases FINAL) AS aliases
                ON aliases.source = e.source AND aliases.user_id = e.user_id
            WHERE (e.source, sipHash128(concat(toString(e.source), '\0', e.anonymous_id))) IN
            (
                SELECT source, device FROM device_persons
                WHERE persons BETWEEN 2 AND (SELECT most_users_of_a_device FROM identity_rules)
            )
        )
        GROUP BY source, anonymous_id, session_id, timestamp
    )
    WINDOW
        later_in_session AS (PARTITION BY source, anonymous_id, session_id ORDER BY timestamp DESC),
        in_session AS (PARTITION BY source, anonymous_id, session_id),
        later AS (PARTITION BY source, anonymous_id ORDER BY timestamp DESC),
        ever AS (PARTITION BY source, anonymous_id)
);
CREATE OR REPLACE VIEW touchpoints AS
SELECT
    e.*,
    multiIf(
        k.known_persons = 1, k.known_person,
        k.known_persons > 1, m.moment_person,
        lower(e.user_id) NOT IN (SELECT arrayJoin(nobody) FROM identity_rules), e.user_id,
        lower(e.anonymous_id) NOT IN (SELECT arrayJoin(nobody) FROM identity_rules), concat('anonymous:', e.anonymous_id),
        concat('event:', e.event_id)) AS person
FROM events AS e
LEFT ANY JOIN
(
    SELECT sipHash128(concat('\0', toString(source), '\0', user_id)) AS known_key, 1 AS known_persons, person AS known_person
    FROM user_aliases FINAL
    UNION ALL
    SELECT device AS known_key, persons AS known_persons, only_person AS known_person
    FROM device_persons
    WHERE persons <= (SELECT most_users_of_a_device FROM identity_rules)
) AS k ON k.known_key = if(
    lower(e.user_id) IN (SELECT arrayJoin(nobody) FROM identity_rules),
    sipHash128(concat(toString(e.source), '\0', e.anonymous_id)),
    sipHash128(concat('\0', toString(e.source), '\0', e.user_id)))
LEFT ANY JOIN
(
    SELECT moment AS moment_key, person AS moment_person FROM device_moments
) AS m ON m.moment_key = if(
    k.known_persons > 1,
    sipHash128(e.source, e.anonymous_id, e.session_id, e.timestamp),
    toFixedString('', 16));
-- The events that name their user, with the person: what touchpoints says of them, without a look at any device.
CREATE VIEW IF NOT EXISTS user_touchpoints AS
SELECT e.*, if(a.person = '', e.user_id, a.person) AS person
FROM events AS e
LEFT ANY JOIN (SELECT source, user_id, person FROM user_aliases FINAL) AS a
    ON a.source = e.source AND a.user_id = e.user_id
WHERE lower(e.user_id) NOT IN (SELECT arrayJoin(nobody) FROM identity_rules)
