-- What identify calls say of each customer: the newest value of one trait, as text.
-- Parameters: source, name (of the trait), until (a date, included), tz.
SELECT person, argMax(said, (timestamp, event_id)) AS value
FROM
(
    SELECT
        person,
        timestamp,
        event_id,
        JSONExtractString(properties, {name:String}) AS text,
        if(text = '', JSONExtractRaw(properties, {name:String}), text) AS said
    FROM touchpoints
    WHERE source = {source:String} AND type = 'identify' AND toDate32(timestamp, {tz:String}) <= {until:Date32}
)
WHERE said NOT IN ('', 'null', '""')
GROUP BY person
ORDER BY person
