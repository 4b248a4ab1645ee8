-- Each customer's orders, a row a customer: the `keys`, `days` and `amounts` of them, in no order.
-- Reads order_events (person, order_key, timestamp, revenue). Parameters: tz (whose days), until (a date, included),
-- parts and part (which of the customers, from 0; all when parts = 1).
--
-- An order is its key, a hash of the order_id: sent twice, it counts once, as it was first.
WITH
    arrayUniq(sent_keys) = length(sent_keys) AS all_once,
    -- Sorted, the sendings of one order stand side by side, the first of them first.
    arrayCompact(sending -> sending.1, arraySort(arrayZip(sent_keys, moments))) AS firsts,
    arrayCompact(sending -> sending.1, arraySort(arrayZip(sent_keys, moments, revenues))) AS first_amounts
SELECT
    person,
    if(all_once, sent_keys, firsts.1) AS keys,
    arrayMap(moment -> toDate32(moment, {tz:String}), if(all_once, moments, firsts.2)) AS days,
    if(all_once, revenues, first_amounts.3) AS amounts
FROM
(
    SELECT
        person,
        groupArray(order_key) AS sent_keys,
        groupArray(timestamp) AS moments,
        groupArray(ifNull(revenue, 0)) AS revenues
    FROM order_events
    WHERE toDate32(timestamp, {tz:String}) <= {until:Date32}
      AND ({parts:UInt32} = 1 OR cityHash64(person) % {parts:UInt32} = {part:UInt32})
    GROUP BY person
)
