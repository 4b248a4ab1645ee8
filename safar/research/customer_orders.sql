-- The orders that stand, a row a customer: on which `days`, and for which `amounts`, in no order.
-- Reads order_events (person, order_key, timestamp, revenue; the key is a hash of the order_id). Parameters: source, currency, tz (whose days),
-- calibration_until and until (dates, both included).
--
-- An order is its order_id: sent twice, it counts once, as it was first. What was paid back comes off its amount; paid
-- back in full, or cancelled, it is no order. That counts from the day it happened: a day of the calibration stands as it
-- was known at the end of the calibration, a later one as it was known at the end of the observation.
WITH
    paid_back AS
    (
        SELECT
            order_key,
            sum(back) AS ever,
            sumIf(back, day <= {calibration_until:Date32}) AS early,
            max(all_back) AS all_ever,
            maxIf(all_back, day <= {calibration_until:Date32}) AS all_early
        FROM
        (
            SELECT
                cityHash64(order_id) AS order_key,
                toDate32(timestamp, {tz:String}) AS day,
                ifNull(revenue, 0) AS back,
                -- A refund that names no amount pays everything back.
                event = 'Order Cancelled' OR revenue IS NULL AS all_back
            FROM events
            WHERE source = {source:String}
              AND event IN ('Order Refunded', 'Order Cancelled')
              AND currency IN ({currency:String}, '')
              AND day <= {until:Date32}
            LIMIT 1 BY event_id
        )
        GROUP BY order_key
    ),
    sent AS
    (
        SELECT
            person,
            order_key,
            timestamp,
            toDate32(timestamp, {tz:String}) AS day,
            ifNull(revenue, 0) AS paid,
            if(day <= {calibration_until:Date32}, early, ever) AS back,
            if(day <= {calibration_until:Date32}, all_early, all_ever) OR (back > 0 AND back >= paid) AS fell,
            paid - back AS amount
        FROM order_events
        LEFT ANY JOIN paid_back USING order_key
        WHERE day <= {until:Date32}
    )
SELECT person, orders.3 AS days, orders.4 AS amounts
FROM
(
    SELECT
        person,
        -- Sorted, the sendings of one order stand side by side, the first of them first.
        arrayCompact(sending -> sending.1, arraySort(groupArray((order_key, timestamp, day, amount, fell)))) AS once,
        arrayFilter(sending -> NOT sending.5, once) AS orders
    FROM sent
    GROUP BY person
)
WHERE notEmpty(orders)
