-- The journey map: who met each touchpoint, how long until the next one, and for whom it was the last.
-- Parameters: source, quiet_days (a person silent for so long has stopped; others may still go on).
-- No contact counts as later than it arrived: one wrong clock would make everybody look silent.
WITH
    contacts AS
    (
        SELECT person, stage, event AS touchpoint, least(timestamp, received_at) AS moment, event_id
        FROM touchpoints
        WHERE source = {source:String} AND event != '' AND NOT startsWith(person, 'event:')
        LIMIT 1 BY event_id
    ),
    steps AS
    (
        SELECT
            *,
            leadInFrame(toNullable(moment)) OVER
            (
                PARTITION BY person ORDER BY moment, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS next
        FROM contacts
    ),
    (SELECT max(moment) - INTERVAL {quiet_days:UInt32} DAY FROM contacts) AS quiet_since
SELECT
    stage,
    touchpoint,
    uniqExact(person) AS people,
    count() AS contacts,
    uniqExactIf(person, next IS NULL AND moment < quiet_since) AS stopped,
    countIf(next IS NOT NULL) AS gaps,
    quantileExactIf(0.5)(dateDiff('millisecond', moment, next), next IS NOT NULL) / 3600000 AS hours_to_next,
    (SELECT uniqExact(person) FROM contacts) AS everybody
FROM steps
GROUP BY stage, touchpoint
ORDER BY people DESC, touchpoint
