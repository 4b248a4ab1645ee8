-- What analysts read: every event with the person it belongs to. A person is a userId, or the userId that the
-- anonymousId became known by: in its session, else next after it, else last before it.
CREATE VIEW IF NOT EXISTS touchpoints AS
WITH
    (SELECT nobody FROM identity_rules) AS nobody,
    (SELECT most_users_of_a_device FROM identity_rules) AS most_users
SELECT
    e.*,
    multiIf(
        NOT has(nobody, lower(e.user_id)), if(a.alias_person = '', e.user_id, a.alias_person),
        d.persons = 1, d.only_person,
        d.persons > 1 AND d.persons <= most_users,
            coalesce(
                nullIf(arrayFirst(x -> x.1 >= e.timestamp AND x.2 = e.session_id AND x.2 != '', d.seen).3, ''),
                nullIf(arrayLast(x -> x.2 = e.session_id AND x.2 != '', d.seen).3, ''),
                nullIf(arrayFirst(x -> x.1 >= e.timestamp, d.seen).3, ''),
                arrayLast(x -> 1, d.seen).3),
        NOT has(nobody, lower(e.anonymous_id)), concat('anonymous:', e.anonymous_id),
        concat('event:', e.event_id)) AS person
FROM events AS e
-- The joined columns have names of their own: a name that stands twice would reach the analyst with a prefix.
LEFT ANY JOIN
(
    SELECT source AS alias_source, user_id AS alias_user, person AS alias_person FROM user_aliases FINAL
) AS a ON a.alias_source = e.source AND a.alias_user = e.user_id
LEFT ANY JOIN
(
    SELECT source AS device_source, anonymous_id AS device, persons, only_person, seen FROM devices
) AS d ON d.device_source = e.source AND d.device = e.anonymous_id
