/* Every event of one person in the order they happened.

title = "Timeline of a person"
notes = "Also the anonymous events from before the person was known, and the calls that are no touchpoints (identify, group, alias)."

[parameters.person]
type = "text"
meaning = "the person: a userId, or as the touchpoints view names anonymous ones"

[parameters.source]
type = "text"
default = ""
meaning = "one source; empty: all, and the same id in two sources may be two people"

[parameters.from]
type = "instant"
default = "1900-01-01T00:00:00Z"
meaning = "events at or after it"

[parameters.to]
type = "instant"
default = "2299-12-31T23:59:59Z"
meaning = "events before it"

[parameters.limit]
type = "integer"
default = "1000"
least = 1
most = 100000
meaning = "most events to give, the earliest first"

[parameters.tz]
type = "zone"
default = "UTC"
meaning = "the zone of the timestamps, and of from and to where they name none"

[columns]
timestamp = "when it happened"
source = "the source"
type = "the call: track, page, screen, identify, group or alias"
event = "name of the touchpoint; empty when it is none"
stage = "its stage"
acquisition_channel = "where the visit came from"
touch_channel = "where the contact took place"
campaign = "campaign name"
session_id = "the client's session"
order_id = "the order"
revenue = "money of this event, in the currency, exact"
currency = "ISO 4217"
properties = "properties or traits as sent, JSON"
event_id = "messageId"
*/
-- The same persons as the view touchpoints gives (a test holds them equal), worked out for the devices of this one only.
WITH
    (SELECT most_users_of_a_device FROM identity_rules) AS most_users,
    nobody AS (SELECT arrayJoin(nobody) FROM identity_rules),
    aliases AS (SELECT source, user_id, person FROM user_aliases FINAL),
    ids AS (SELECT {person:String} AS id UNION ALL SELECT user_id FROM aliases WHERE person = {person:String}),
    devices AS
    (
        SELECT anonymous_id AS id FROM events
        WHERE user_id IN ids AND (source = {source:String} OR {source:String} = '')
        UNION DISTINCT
        SELECT previous_id FROM events
        WHERE type = 'alias' AND user_id IN ids AND (source = {source:String} OR {source:String} = '')
        UNION DISTINCT
        SELECT substring({person:String}, length('anonymous:') + 1) WHERE startsWith({person:String}, 'anonymous:')
    ),
    known_devices AS (SELECT id FROM devices WHERE lower(id) NOT IN nobody),
    -- Logins and other events of those devices, and the alias calls that link one of them from elsewhere.
    near AS
    (
        SELECT source, user_id, anonymous_id, session_id, timestamp, event_id, 0 AS link
        FROM events
        WHERE anonymous_id IN known_devices AND (source = {source:String} OR {source:String} = '')
        UNION ALL
        SELECT source, user_id, anonymous_id, session_id, timestamp, event_id, 0
        FROM events
        WHERE user_id IN ids AND anonymous_id NOT IN known_devices
          AND (source = {source:String} OR {source:String} = '')
        UNION ALL
        SELECT source, user_id, anonymous_id, session_id, timestamp, event_id, 0
        FROM events
        WHERE startsWith({person:String}, 'event:') AND event_id = substring({person:String}, length('event:') + 1)
          AND lower(user_id) IN nobody AND lower(anonymous_id) IN nobody
          AND (source = {source:String} OR {source:String} = '')
        UNION ALL
        SELECT source, user_id, previous_id, '', timestamp, '', 1
        FROM events
        WHERE type = 'alias' AND previous_id IN known_devices AND (source = {source:String} OR {source:String} = '')
    ),
    named AS
    (
        SELECT
            near.*,
            multiIf(lower(near.user_id) IN nobody, '', aliases.person = '', near.user_id, aliases.person) AS user,
            (near.timestamp, near.session_id, user) AS login,
            user != '' AND NOT link AS is_login
        FROM near
        LEFT ANY JOIN aliases ON aliases.source = near.source AND aliases.user_id = near.user_id
    ),
    -- As in the view device_moments.
    seen AS
    (
        SELECT
            -- All that a person depends on.
            (source, user_id, anonymous_id, session_id, timestamp, event_id) AS sent,
            link,
            multiIf(
                user != '', user,
                lower(anonymous_id) IN nobody, concat('event:', event_id),
                empty(known) OR length(known) > most_users, concat('anonymous:', anonymous_id),
                length(known) = 1, known[1],
                session_id != '' AND next_in_session.3 != '', next_in_session.3,
                session_id != '' AND last_in_session.3 != '', last_in_session.3,
                next.3 != '', next.3,
                last.3) AS person
        FROM
        (
            SELECT
                *,
                groupUniqArrayIf(16)(user, user != '') OVER ever AS known,
                minIf(login, is_login) OVER later_in_session AS next_in_session,
                maxIf(login, is_login) OVER in_session AS last_in_session,
                minIf(login, is_login) OVER later AS next,
                maxIf(login, is_login) OVER ever AS last
            FROM named
            WINDOW
                later_in_session AS (PARTITION BY source, anonymous_id, session_id ORDER BY timestamp DESC),
                in_session AS (PARTITION BY source, anonymous_id, session_id),
                later AS (PARTITION BY source, anonymous_id ORDER BY timestamp DESC),
                ever AS (PARTITION BY source, anonymous_id)
        )
    )
SELECT
    toTimeZone(events.timestamp, {tz:String}) AS timestamp,
    source,
    type,
    event,
    stage,
    acquisition_channel,
    touch_channel,
    campaign,
    session_id,
    order_id,
    revenue,
    currency,
    properties,
    event_id
FROM events
WHERE (source, user_id, anonymous_id, session_id, events.timestamp, event_id) IN
    (SELECT sent FROM seen WHERE person = {person:String} AND NOT link)
  AND (source = {source:String} OR {source:String} = '')
  AND events.timestamp >= {from:DateTime64(3, 'UTC')} AND events.timestamp < {to:DateTime64(3, 'UTC')}
ORDER BY events.timestamp, received_at, event_id
LIMIT {limit:UInt32}
