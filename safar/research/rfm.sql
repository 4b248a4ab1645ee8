-- One row a customer: on which days they bought, until when we watched, and what they spent.
-- Parameters: source, currency, tz (whose days), calibration_until and until (dates, both included).
WITH
    orders AS
    (
        SELECT person, toDate32(timestamp, {tz:String}) AS day, revenue
        FROM touchpoints
        WHERE source = {source:String} AND event = 'Order Completed' AND currency = {currency:String}
        LIMIT 1 BY event_id
    ),
    -- Everything a customer buys on one day is one transaction.
    days AS
    (
        SELECT person, day, sum(revenue) AS amount
        FROM orders
        WHERE day <= {until:Date32}
        GROUP BY person, day
    )
SELECT
    person,
    countIf(day <= {calibration_until:Date32}) - 1 AS frequency,
    dateDiff('day', min(day), maxIf(day, day <= {calibration_until:Date32})) / 7 AS recency,
    dateDiff('day', min(day), {calibration_until:Date32}) / 7 AS T,
    if(frequency = 0, 0, toFloat64(sumIf(amount, day <= {calibration_until:Date32}) - argMin(amount, day)) / frequency) AS monetary,
    countIf(day > {calibration_until:Date32}) AS holdout
FROM days
GROUP BY person
HAVING min(day) <= {calibration_until:Date32}
ORDER BY person
