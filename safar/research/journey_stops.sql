-- Where people stop: those silent for quiet_days, by the furthest stage they came to and their last touchpoint.
-- Parameters: source, quiet_days, stages (in order).
WITH
    contacts AS
    (
        SELECT person, stage, event AS touchpoint, timestamp, event_id
        FROM touchpoints
        WHERE source = {source:String} AND event != '' AND NOT startsWith(person, 'event:')
        LIMIT 1 BY event_id
    ),
    (SELECT max(timestamp) - INTERVAL {quiet_days:UInt32} DAY FROM contacts) AS quiet_since,
    people AS
    (
        SELECT
            person,
            {stages:Array(String)}[max(indexOf({stages:Array(String)}, stage))] AS furthest_stage,
            argMax(touchpoint, (timestamp, event_id)) AS last_touchpoint
        FROM contacts
        GROUP BY person
        HAVING max(timestamp) < quiet_since
    )
SELECT furthest_stage, last_touchpoint, count() AS people
FROM people
GROUP BY furthest_stage, last_touchpoint
ORDER BY people DESC, furthest_stage, last_touchpoint
