-- Who has a device of a few persons at each moment that it was seen: the next to be identified in the session, else the
-- last in it; else the next on the device, else the last. Each instant is read once, whatever the number of events and
-- of turns: a frame that grows backwards in time holds the next one. At one instant the next is the first by session and
-- name, the last is the last. The key is a hash of source, anonymousId, session and timestamp.
CREATE VIEW IF NOT EXISTS device_moments AS
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
            WHERE sipHash128(e.source, e.anonymous_id) IN
            (
                SELECT device FROM device_persons
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
)
