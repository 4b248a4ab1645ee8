-- What analysts read: every event with the person it belongs to. A person is a userId, or the userId that the
-- anonymousId became known by; on a device of a few persons, the one who had it at the moment. One join knows both users
-- that were merged and devices: an event is looked up by its user, or without one by its device.
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
-- The joined columns have names of their own: a name that stands twice would reach the analyst with a prefix.
LEFT ANY JOIN
(
    SELECT sipHash128('user', source, user_id) AS known_key, 1 AS known_persons, person AS known_person
    FROM user_aliases FINAL
    UNION ALL
    SELECT device AS known_key, persons AS known_persons, only_person AS known_person
    FROM device_persons
    WHERE persons <= (SELECT most_users_of_a_device FROM identity_rules)
) AS k ON k.known_key = if(
    lower(e.user_id) IN (SELECT arrayJoin(nobody) FROM identity_rules),
    sipHash128(e.source, e.anonymous_id),
    sipHash128('user', e.source, e.user_id))
LEFT ANY JOIN
(
    SELECT moment AS moment_key, person AS moment_person FROM device_moments
) AS m ON m.moment_key = if(
    k.known_persons > 1,
    sipHash128(e.source, e.anonymous_id, e.session_id, e.timestamp),
    toFixedString('', 16))
