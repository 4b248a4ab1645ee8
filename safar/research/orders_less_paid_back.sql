-- The orders that hold, a row a customer: on which `days`, and for which `amounts`, in no order.
-- Reads orders_once. Parameters: source, currency, tz (whose days), calibration_until and until (dates, both included).
--
-- What was paid back comes off the order's amount; paid back in full, or cancelled, it is no order. That counts from the
-- day it happened: a day of the calibration stands as it was known at the end of the calibration, a later one as it was
-- known at the end of the observation.
WITH
    paid_back AS
    (
        SELECT
            order_key,
            sum(back) AS ever,
            sumIf(back, happened <= {calibration_until:Date32}) AS early,
            max(all_back) AS all_ever,
            maxIf(all_back, happened <= {calibration_until:Date32}) AS all_early
        FROM
        (
            SELECT
                cityHash64(order_id) AS order_key,
                toDate32(timestamp, {tz:String}) AS happened,
                ifNull(revenue, 0) AS back,
                -- A refund that names no amount pays everything back.
                event = 'Order Cancelled' OR revenue IS NULL AS all_back
            FROM events
            WHERE source = {source:String}
              AND event IN ('Order Refunded', 'Order Cancelled')
              AND currency IN ({currency:String}, '')
              AND happened <= {until:Date32}
            LIMIT 1 BY event_id
        )
        GROUP BY order_key
    )
SELECT person, groupArray(day) AS days, groupArray(amount - back) AS amounts
FROM
(
    SELECT
        person,
        day,
        amount,
        if(day <= {calibration_until:Date32}, early, ever) AS back,
        if(day <= {calibration_until:Date32}, all_early, all_ever) OR (back > 0 AND back >= amount) AS fell
    FROM (SELECT person, key AS order_key, day, amount FROM orders_once ARRAY JOIN keys AS key, days AS day, amounts AS amount) AS ordered
    LEFT ANY JOIN paid_back USING order_key
)
WHERE NOT fell
GROUP BY person
