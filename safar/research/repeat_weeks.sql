-- Orders after their first, of the customers of the calibration, by whole weeks since the first of them came.
-- Reads customer_orders. Parameters: calibration_until and until (dates, both included).
WITH
    customers AS
    (
        SELECT arrayMin(days) AS first_day, arrayFilter(day -> day > first_day, arrayDistinct(days)) AS repeats
        FROM customer_orders
        WHERE first_day <= {calibration_until:Date32}
    ),
    (SELECT min(first_day) FROM customers) AS start,
    intDiv(dateDiff('day', start, {until:Date32}), 7) AS weeks
SELECT week, sum(found) AS orders
FROM
(
    -- Week 1 ends on the seventh day after the start.
    SELECT intDiv(dateDiff('day', start, arrayJoin(repeats)) + 6, 7) AS week, 1 AS found FROM customers
    UNION ALL
    SELECT arrayJoin(range(1, weeks + 1)) AS week, 0 AS found WHERE (SELECT count() FROM customers) > 0
)
WHERE week <= weeks
GROUP BY week
ORDER BY week
