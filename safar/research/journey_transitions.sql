-- Which touchpoint follows which, counted over all people. Every journey ends in '(stopped)' when it has been silent
-- for quiet_days, else in '(still going)'. Parameters: source, quiet_days, by ('touchpoint' or 'stage').
-- No contact counts as later than it arrived: one wrong clock would make everybody look silent.
WITH
    contacts AS
    (
        SELECT person, if({by:String} = 'stage', stage, event) AS place, least(timestamp, received_at) AS moment, event_id
        FROM touchpoints
        WHERE source = {source:String} AND event != '' AND NOT startsWith(person, 'event:')
        LIMIT 1 BY event_id
    ),
    (SELECT max(moment) - INTERVAL {quiet_days:UInt32} DAY FROM contacts) AS quiet_since,
    steps AS
    (
        SELECT
            place,
            leadInFrame(place, 1, if(moment < quiet_since, '(stopped)', '(still going)')) OVER
            (
                PARTITION BY person ORDER BY moment, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS next
        FROM contacts
    )
SELECT place, next, count() AS n
FROM steps
GROUP BY place, next
ORDER BY place, next
