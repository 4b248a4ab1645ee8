-- Where people stop: those silent for quiet_days, by the furthest stage they came to and their last touchpoint.
-- Parameters: source, quiet_days, stages (in order).
-- No contact counts as later than it arrived: one wrong clock would make everybody look silent.
WITH
    contacts AS
    (
        SELECT person, stage, event AS touchpoint, least(timestamp, received_at) AS moment, event_id
        FROM touchpoints
        WHERE source = {source:String} AND event != '' AND NOT startsWith(person, 'event:')
        LIMIT 1 BY event_id
    ),
    (SELECT max(moment) - INTERVAL {quiet_days:UInt32} DAY FROM contacts) AS quiet_since,
    people AS
    (
        SELECT
            person,
            {stages:Array(String)}[max(indexOf({stages:Array(String)}, stage))] AS furthest_stage,
            argMax(touchpoint, (moment, event_id)) AS last_touchpoint
        FROM contacts
        GROUP BY person
        HAVING max(moment) < quiet_since
    )
SELECT furthest_stage, last_touchpoint, count() AS people
FROM people
GROUP BY furthest_stage, last_touchpoint
ORDER BY people DESC, furthest_stage, last_touchpoint
